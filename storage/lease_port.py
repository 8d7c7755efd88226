"""The port of leases: rights that one process holds at a time."""

from datetime import timedelta
from typing import Protocol


class Lease(Protocol):
    """A named right that one process holds at a time."""

    async def acquire(self, name: str, owner: str, ttl: timedelta) -> bool:
        """Take it, or prolong one's own; False while another holds it."""
        ...

    async def release(self, name: str, owner: str) -> None:
        """Give it back; another's lease is left alone."""
        ...

    async def ping(self) -> None:
        """Ask whether what keeps the leases answers; if not, raise StoreDownError."""
        ...
