"""BarIndexes: which month files of shared bars count, in the database that all hosts share.

An index is changed only as it was read (its revision says so), in one statement: of two hosts
that merge at once one is told to look again. Any S3 store will do, also one without conditions.
"""

from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.database import reading, writing
from storage.operation_tables import BAR_INDEXES

_C = BAR_INDEXES.c
Index = dict[str, dict[str, Any]]


class BarIndexes:
    """One row a symbol: timeframe -> the index that `storage.bar_files` speaks of."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of(self, symbol: str) -> tuple[int, Index]:
        """Return a symbol's revision and its indexes; revision 0: nothing was ever held."""
        query = select(_C.revision, _C.timeframes).where(_C.symbol == symbol)
        async with reading(self._engine) as db:
            row = (await db.execute(query)).one_or_none()
        return (0, {}) if row is None else (row.revision, dict(row.timeframes))

    async def all(self) -> dict[str, Index]:
        """Return the indexes of all symbols, in their order."""
        async with reading(self._engine) as db:
            rows = (await db.execute(select(_C.symbol, _C.timeframes).order_by(_C.symbol))).all()
        return {row.symbol: dict(row.timeframes) for row in rows}

    async def change(self, symbol: str, revision: int, to: Index) -> bool:
        """Put indexes in the place of those of a revision; False: they are of another by now."""
        new = {"revision": revision + 1, "timeframes": to}
        if revision == 0:
            try:
                async with writing(self._engine) as db:
                    await db.execute(insert(BAR_INDEXES).values(symbol=symbol, **new))
            except IntegrityError:
                return False
            return True
        mine = (_C.symbol == symbol) & (_C.revision == revision)
        async with writing(self._engine) as db:
            return (await db.execute(update(BAR_INDEXES).where(mine).values(**new))).rowcount == 1
