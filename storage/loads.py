"""SqlLoadLog and SqlSourceChoices: what was asked of sources, and which ones people chose."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.market import Timeframe
from pipeline.domain.source import LoadRun, SourceSymbol
from storage.database import insert_into, reading, writing
from storage.outside_tables import LOAD_RUNS, SOURCE_CHOICES
from storage.stretch_joining import Stretch, joined

_L, _S = LOAD_RUNS.c, SOURCE_CHOICES.c


class SqlLoadLog:
    """Loads in the database; see `storage.source_ports.LoadLog`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def note(self, load: LoadRun) -> LoadRun:
        """Keep a load."""
        row = load.model_dump(exclude={"load_id"}) | {
            "timeframe": load.timeframe.value,
            "status": load.status.value,
        }
        if load.load_id:
            change = update(LOAD_RUNS).where(_L.load_id == load.load_id).values(row)
            async with writing(self._engine) as db:
                await db.execute(change)
            return load
        insert = LOAD_RUNS.insert().values(row).returning(_L.load_id)
        async with writing(self._engine) as db:
            number = (await db.execute(insert)).scalar_one()
        return load.model_copy(update={"load_id": number})

    async def newest(self, limit: int = 20, symbol: str | None = None) -> list[LoadRun]:
        """Return loads, newest first."""
        query = select(LOAD_RUNS).order_by(_L.load_id.desc()).limit(limit)
        if symbol is not None:
            query = query.where(_L.symbol == symbol)
        async with reading(self._engine) as db:
            rows = (await db.execute(query)).mappings().all()
        return [LoadRun.model_validate(dict(row)) for row in rows]

    async def covered(
        self, source: str, symbol: SourceSymbol, timeframe: Timeframe
    ) -> list[Stretch]:
        """Return what was answered in full."""
        return await self._stretches(source, symbol, timeframe, _L.covered_until)

    async def asked(
        self, source: str, symbol: SourceSymbol, timeframe: Timeframe
    ) -> list[Stretch]:
        """Return what was ever asked for."""
        return await self._stretches(source, symbol, timeframe, _L.asked_end)

    async def _stretches(
        self, source: str, symbol: SourceSymbol, timeframe: Timeframe, end: Column[datetime]
    ) -> list[Stretch]:
        query = select(_L.asked_start, end).where(
            _L.source == source, _L.symbol == symbol.symbol, _L.source_symbol == symbol.name,
            _L.timeframe == timeframe.value, end.is_not(None),
        )  # fmt: skip
        async with reading(self._engine) as db:
            rows = (await db.execute(query)).all()
        return joined([(row[0], row[1]) for row in rows])


class SqlSourceChoices:
    """Choices in the database; see `storage.source_ports.SourceChoices`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of(self, symbol: str) -> tuple[str, ...]:
        """Return the chosen names."""
        async with reading(self._engine) as db:
            found = (
                await db.execute(select(_S.sources).where(_S.symbol == symbol))
            ).scalar_one_or_none()
        return tuple(found or ())

    async def choose(self, symbol: str, sources: Sequence[str], now: datetime) -> None:
        """Keep or forget a choice."""
        change: dict[str, Any] = {"sources": list(sources), "changed_at": now}
        row = insert_into(self._engine, SOURCE_CHOICES).values(symbol=symbol, **change)
        async with writing(self._engine) as db:
            if sources:
                await db.execute(row.on_conflict_do_update(index_elements=["symbol"], set_=change))
            else:
                await db.execute(delete(SOURCE_CHOICES).where(_S.symbol == symbol))
