"""SqlLabelStore: rows of `labeled_trades`, one transaction for each call."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Select, case, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.label import BACKTEST, Label
from pipeline.domain.training import TrainingData
from storage.database import alone, insert_into, reading, writing
from storage.label_rules import Place, by_place, check_set, in_order, span
from storage.live_tables import LABELED_TRADES
from storage.model_ports import LabelChanges, LabelScope

_C = LABELED_TRADES.c
_T = TypeVar("_T")
_PLACE = ["source", "signal_id"]
_AT_ONCE = 500  # rows of one statement: databases bound its values at about 32,000
_LOCK = 7_205_759_405  # sets are written one after another, so none sees half of another


class SqlLabelStore:
    """Labels in the database; see `storage.model_ports.LabelStore`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def put_set(
        self, rows: Sequence[Label], scope: LabelScope, run_id: str, now: datetime
    ) -> LabelChanges:
        """Make the backtest's rows of a scope these."""
        del now
        check_set(rows, scope)
        new = by_place(row.model_copy(update={"run_id": run_id}) for row in rows)
        async with writing(self._engine) as db:
            await alone(db, _LOCK)
            held = await _places(db, select(_C.source, _C.signal_id).where(*_within(scope)))
            gone = sorted(held - new.keys())
            for some in _some(gone):
                ids = [signal_id for _, signal_id in some]
                await db.execute(
                    delete(LABELED_TRADES).where(_C.source == BACKTEST, _C.signal_id.in_(ids))
                )
            await self._write(db, new)
        added = len(new.keys() - held)
        return LabelChanges(added=added, updated=len(new) - added, removed=len(gone))

    async def put(self, rows: Sequence[Label], now: datetime) -> LabelChanges:
        """Add rows or replace those of the same source and signal."""
        del now
        new = by_place(rows)
        held: set[Place] = set()
        async with writing(self._engine) as db:
            await alone(db, _LOCK)
            for some in _some(new):
                ids = [signal_id for _, signal_id in some]
                there = select(_C.source, _C.signal_id).where(_C.signal_id.in_(ids))
                held |= await _places(db, there)
            await self._write(db, new)
        added = len(new.keys() - held)
        return LabelChanges(added=added, updated=len(new) - added, removed=0)

    async def _write(self, db: AsyncConnection, rows: dict[Place, Label]) -> None:
        for some in _some(rows.values()):
            values = [row.model_dump() | {"tf": row.tf.value} for row in some]
            write = insert_into(self._engine, LABELED_TRADES).values(values)
            new = write.excluded
            anew: dict[str, Any] = {name: new[name] for name in values[0] if name not in _PLACE}
            anew["human"] = case((new.human == "", _C.human), else_=new.human)
            await db.execute(write.on_conflict_do_update(index_elements=_PLACE, set_=anew))

    async def select(self, wanted: TrainingData) -> list[Label]:
        """Return the rows with a label that are wanted."""
        query = select(LABELED_TRADES).where(*_wanted(wanted))
        async with reading(self._engine) as db:
            rows = (await db.execute(query)).mappings().all()
        return in_order(Label.model_validate(dict(row)) for row in rows)

    async def count(self) -> dict[str, int]:
        """Return how many labelled rows each setup has."""
        query = select(_C.setup_id, func.count()).where(_C.label.is_not(None))
        async with reading(self._engine) as db:
            found = (await db.execute(query.group_by(_C.setup_id))).all()
        return dict(sorted((setup_id, rows) for setup_id, rows in found))


def _some(items: Iterable[_T]) -> Iterator[list[_T]]:
    """Give items in lists that one statement can take."""
    rest = iter(items)
    while some := list(islice(rest, _AT_ONCE)):
        yield some


async def _places(db: AsyncConnection, query: Select[tuple[str, str]]) -> set[Place]:
    return {(source, signal_id) for source, signal_id in await db.execute(query)}


def _within(scope: LabelScope) -> list[Any]:
    same = _C.source == BACKTEST, _C.setup_id == scope.setup_id, _C.symbol == scope.symbol
    days = _C.known_at >= scope.start, _C.known_at < scope.end
    return [*same, _C.tf == scope.tf.value, *days]


def _wanted(wanted: TrainingData) -> list[Any]:
    conditions: list[Any] = [_C.label.is_not(None)]
    tfs = tuple(tf.value for tf in wanted.timeframes)
    for column, names in ((_C.setup_id, wanted.setups), (_C.symbol, wanted.symbols), (_C.tf, tfs)):
        conditions += [column.in_(names)] if names else []
    first, end = span(wanted)
    conditions += [] if first is None else [_C.known_at >= first]
    conditions += [] if end is None else [_C.known_at < end]
    return conditions
