"""SqlDeploymentStore: what is registered, in the database."""

from typing import Literal

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from pipeline.domain.deployment import DeploymentEntry
from storage.database import insert_into, reading, writing
from storage.operation_tables import DEPLOYMENTS


class SqlDeploymentStore:
    """Deployments by name; see `storage.operation_ports.DeploymentStore`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def put(self, entry: DeploymentEntry) -> None:
        """Write or replace one."""
        change = {
            "entry": entry.model_dump(mode="json"),
            "status": entry.status,
            "applied_at": entry.applied_at,
        }
        row = insert_into(self._engine, DEPLOYMENTS).values(name=entry.name, **change)
        async with writing(self._engine) as db:
            await db.execute(row.on_conflict_do_update(index_elements=["name"], set_=change))

    async def get(self, name: str) -> DeploymentEntry | None:
        """Return one, or None."""
        found = await self._entries(name)
        return found[0] if found else None

    async def all(self) -> list[DeploymentEntry]:
        """Return all, by name."""
        # Sorted here: databases sort words differently.
        return sorted(await self._entries(), key=lambda entry: entry.name)

    async def set_status(self, name: str, status: Literal["active", "paused"]) -> bool:
        """Pause or resume; False: there is none."""
        query = update(DEPLOYMENTS).where(DEPLOYMENTS.c.name == name).values(status=status)
        async with writing(self._engine) as db:
            return (await db.execute(query)).rowcount > 0

    async def remove(self, name: str) -> bool:
        """Forget one; False: there was none."""
        async with writing(self._engine) as db:
            gone = await db.execute(delete(DEPLOYMENTS).where(DEPLOYMENTS.c.name == name))
        return gone.rowcount > 0

    async def _entries(self, name: str | None = None) -> list[DeploymentEntry]:
        query = select(DEPLOYMENTS.c.entry, DEPLOYMENTS.c.status)
        if name is not None:
            query = query.where(DEPLOYMENTS.c.name == name)
        async with reading(self._engine) as db:
            rows = (await db.execute(query)).all()
        return [
            DeploymentEntry.model_validate({**entry, "status": status}) for entry, status in rows
        ]
