"""SqlTrialLedger: every variant of every idea that was ever tried, in the database."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.trial import Trial
from storage.database import insert_into, reading, writing
from storage.tables import TRIALS

_AT_ONCE = 500  # rows of one statement: databases bound its values at about 32,000


class SqlTrialLedger:
    """Trials, one row a variant; see `storage.ports.TrialLedger`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def append_many(self, trials: Sequence[Trial]) -> int:
        """Write those whose variant is new to the idea, all or none; return how many."""
        rows = [trial.model_dump() for trial in trials]
        fresh = 0
        async with writing(self._engine) as db:
            for start in range(0, len(rows), _AT_ONCE):
                write = insert_into(self._engine, TRIALS).values(rows[start : start + _AT_ONCE])
                new = write.on_conflict_do_nothing().returning(TRIALS.c.seq)
                fresh += len((await db.execute(new)).all())
        return fresh

    async def of_idea(self, setup_id: str, symbol: str, *, synthetic: bool = False) -> list[Trial]:
        """Return the idea's trials in order of first writing."""
        query = (
            select(TRIALS)
            .where(
                TRIALS.c.setup_id == setup_id,
                TRIALS.c.symbol == symbol,
                TRIALS.c.synthetic == synthetic,
            )
            .order_by(TRIALS.c.seq)
        )
        async with reading(self._engine) as db:
            rows = (await db.execute(query)).mappings().all()
        return [Trial.model_validate(dict(row)) for row in rows]
