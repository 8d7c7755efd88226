"""SqlInstrumentFacts: what sources said of symbols, in the database."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.source import InstrumentFacts, KeptFacts
from storage.database import insert_into, reading, writing
from storage.outside_tables import INSTRUMENT_FACTS

_F = INSTRUMENT_FACTS.c


class SqlInstrumentFacts:
    """Facts of symbols; see `storage.source_ports.InstrumentFactsStore`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def keep(self, facts: InstrumentFacts, now: datetime) -> InstrumentFacts | None:
        """Keep what a source says; return what it said before."""
        mine = (_F.source == facts.source) & (_F.symbol == facts.symbol)
        new = {"facts": facts.model_dump(mode="json"), "at": now}
        insert = insert_into(self._engine, INSTRUMENT_FACTS).values(
            source=facts.source, symbol=facts.symbol, **new
        )
        async with writing(self._engine) as db:
            before = (await db.execute(select(_F.facts).where(mine))).scalar()
            await db.execute(
                insert.on_conflict_do_update(index_elements=["source", "symbol"], set_=new)
            )
        return None if before is None else InstrumentFacts.model_validate(before)

    async def of(self, symbol: str) -> list[KeptFacts]:
        """Return what each source said last."""
        query = select(_F.facts, _F.at).where(_F.symbol == symbol).order_by(_F.source)
        async with reading(self._engine) as db:
            rows = (await db.execute(query)).all()
        return [KeptFacts(InstrumentFacts.model_validate(row.facts), row.at) for row in rows]
