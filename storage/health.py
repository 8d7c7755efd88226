"""SqlHealthBoard: the newest pulse of each process, in the database."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.live import Pulse
from storage.database import insert_into, reading, writing
from storage.live_ports import PULSES_KEPT
from storage.live_tables import PULSES


class SqlHealthBoard:
    """Pulses by name; see `storage.live_ports.HealthBoard`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def beat(self, name: str, facts: Mapping[str, Any], now: datetime) -> None:
        """Write a process's newest pulse."""
        change = {"at": now, "facts": dict(facts)}
        row = insert_into(self._engine, PULSES).values(name=name, **change)
        old = delete(PULSES).where(PULSES.c.at < now - PULSES_KEPT)
        async with writing(self._engine) as db:
            await db.execute(row.on_conflict_do_update(index_elements=["name"], set_=change))
            await db.execute(old)

    async def pulses(self) -> list[Pulse]:
        """Return the newest pulse of each process, by name."""
        async with reading(self._engine) as db:
            rows = (await db.execute(select(PULSES))).mappings().all()
        return sorted((Pulse.model_validate(dict(row)) for row in rows), key=lambda p: p.name)
