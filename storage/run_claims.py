"""Claims to runs in SQL: whether one stands, and the database's own clock, by which they lapse.

Hosts' clocks differ by seconds, the database's is the same for all of them; so leases of runs are
the one thing whose time isn't an argument.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, Interval, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.errors import LostRunError
from pipeline.domain.request import Claim
from storage.database import is_sqlite
from storage.tables import RUNS, Moment


def from_now(engine: AsyncEngine, ahead: timedelta) -> ColumnElement[Moment]:
    """Return the database's time when it executes the statement, and `ahead` more."""
    if is_sqlite(engine):  # written as SQLAlchemy writes moments there, so that they compare
        more = f"{ahead.total_seconds():+.3f} seconds"
        return func.strftime("%Y-%m-%d %H:%M:%f000", "now", more, type_=Moment)
    return func.clock_timestamp() + literal(ahead, Interval)


def stands(claim: Claim) -> ColumnElement[bool]:
    """Return the condition that a row of runs is still claimed so."""
    c = RUNS.c
    return (c.run_id == claim.run_id) & (c.owner == claim.owner) & (c.attempt == claim.attempt)


async def check_claim(db: AsyncConnection, claim: Claim | None) -> None:
    """Make sure that a claim stands until the caller's transaction ends; None: nothing to check.

    Raises
    ------
    LostRunError
        Another has the run by now.
    """
    if claim is None:
        return
    query = select(RUNS.c.seq).where(stands(claim)).with_for_update(read=True)
    if (await db.execute(query)).first() is None:
        raise lost(claim)


def lost(claim: Claim) -> LostRunError:
    """Return the error of a claim that is lost."""
    return LostRunError(
        "The run is executed by another process.", run_id=claim.run_id, attempt=claim.attempt
    )
