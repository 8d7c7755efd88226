"""Rows of live signals: records to and fro, and what is written of them in a transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.label import Label
from pipeline.domain.live import LiveSignal
from storage.database import insert_into
from storage.live_tables import LABELED_TRADES, SIGNAL_NUMBERS, SIGNALS
from storage.signal_changes import followed, signal_id

_S = SIGNALS.c
_ANEW = ("life", "answer", "paper", "extra")  # of all else only an opinion's weight is added
RECORDS = select(_S.record, *(_S[name] for name in _ANEW), _S.signal_id)
"""What `record_of` reads."""


def record_of(row: Row[Any]) -> LiveSignal:
    """Return a selected row's record."""
    changing = {name: getattr(row, name) for name in _ANEW}
    return LiveSignal.model_validate({**row.record, **changing, "signal_id": row.signal_id})


async def records(db: AsyncConnection, query: Select[Any]) -> list[LiveSignal]:
    """Return the records that a query of `RECORDS` finds."""
    return [record_of(row) for row in await db.execute(query)]


async def locked(db: AsyncConnection, signal: str) -> LiveSignal | None:
    """Return a signal that nobody else changes before this transaction ends."""
    query = RECORDS.where(_S.signal_id == signal).with_for_update()
    row = (await db.execute(query)).one_or_none()
    return None if row is None else record_of(row)


async def next_id(db: AsyncConnection, engine: AsyncEngine) -> str:
    """Return a fresh id; whoever else wants one waits until this transaction ends.

    So ids have no gaps (a rolled back one is given again), and signals are admitted one by one.
    """
    c = SIGNAL_NUMBERS.c
    count = insert_into(engine, SIGNAL_NUMBERS).values(prefix="sig_live", last=1)
    up = count.on_conflict_do_update(index_elements=["prefix"], set_={"last": c.last + 1})
    return signal_id((await db.execute(up.returning(c.last))).scalar_one())


async def insert(
    db: AsyncConnection, engine: AsyncEngine, record: LiveSignal, now: datetime
) -> bool:
    """Write a new signal; False if its natural key is there."""
    row = insert_into(engine, SIGNALS).values(
        key=record.key,
        signal_id=record.signal_id,
        origin=record.origin,
        setup_id=record.signal.setup_id,
        symbol=record.signal.symbol,
        known_at=record.signal.known_at,
        decision=record.decision.decision.value,
        ticket=record.ticket,
        record=_lasting(record),
        **_changing(record, now),
    )
    kept = row.on_conflict_do_nothing(index_elements=["key"]).returning(_S.seq)
    return (await db.execute(kept)).first() is not None


def _lasting(record: LiveSignal) -> dict[str, Any]:
    return record.model_dump(mode="json", exclude=_LASTING)


_LASTING: Any = {"signal": {"meta"}, **dict.fromkeys(_ANEW, True)}


async def change(db: AsyncConnection, record: LiveSignal, now: datetime) -> None:
    """Write what changed of a signal."""
    query = update(SIGNALS).where(_S.signal_id == record.signal_id)
    await db.execute(query.values(_changing(record, now)))


async def rewrite(db: AsyncConnection, record: LiveSignal) -> None:
    """Write what hardly ever changes of a signal: the analyst's weight in its decision."""
    query = update(SIGNALS).where(_S.signal_id == record.signal_id)
    await db.execute(query.values(record=_lasting(record)))


def _changing(record: LiveSignal, now: datetime) -> dict[str, Any]:
    dumped = record.model_dump(mode="json", include=set(_ANEW))
    return {**dumped, "following": followed(record), "changed_at": now}


async def keep_label(db: AsyncConnection, engine: AsyncEngine, label: Label) -> None:
    """Write or replace a row of `labeled_trades`."""
    values = label.model_dump() | {"tf": label.tf.value}
    row = insert_into(engine, LABELED_TRADES).values(values)
    key = ["source", "signal_id"]
    anew = {name: row.excluded[name] for name in values if name not in key}
    await db.execute(row.on_conflict_do_update(index_elements=key, set_=anew))


async def note_human(db: AsyncConnection, record: LiveSignal) -> None:
    """Tell a label that is there already what people did about its signal."""
    if not record.human:
        return
    c = LABELED_TRADES.c
    query = update(LABELED_TRADES).where(
        c.source == record.origin, c.signal_id == record.signal_id
    )
    await db.execute(query.values(human=record.human))
