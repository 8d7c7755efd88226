"""MemoryDeploymentStore: what is registered, in memory."""

from typing import Literal

from pipeline.domain.deployment import DeploymentEntry


class MemoryDeploymentStore:
    """Deployments by name; see `storage.operation_ports.DeploymentStore`."""

    def __init__(self) -> None:
        self._entries: dict[str, DeploymentEntry] = {}

    async def put(self, entry: DeploymentEntry) -> None:
        """Keep or replace one."""
        self._entries[entry.name] = DeploymentEntry.model_validate_json(entry.model_dump_json())

    async def get(self, name: str) -> DeploymentEntry | None:
        """Return one, or None."""
        return self._entries.get(name)

    async def all(self) -> list[DeploymentEntry]:
        """Return all, by name."""
        return [entry for _, entry in sorted(self._entries.items())]

    async def set_status(self, name: str, status: Literal["active", "paused"]) -> bool:
        """Pause or resume; False: there is none."""
        entry = self._entries.get(name)
        if entry is None:
            return False
        self._entries[name] = entry.model_copy(update={"status": status})
        return True

    async def remove(self, name: str) -> bool:
        """Forget one; False: there was none."""
        return self._entries.pop(name, None) is not None
