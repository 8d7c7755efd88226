"""MemoryLease: named rights within one process."""

import time
from collections.abc import Callable
from datetime import timedelta


class MemoryLease:
    """Leases in a dict; see `storage.lease_port.Lease`.

    Parameters
    ----------
    seconds
        A clock that only goes forward, in seconds.

    Warning
    -------
    Other processes don't see them: where there are several, use `storage.lease.RedisLease`.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._held: dict[str, tuple[str, float]] = {}

    async def acquire(self, name: str, owner: str, ttl: timedelta) -> bool:
        """Take it, or prolong one's own; False while another holds it."""
        holder, until = self._held.get(name, (owner, 0.0))
        if holder != owner and until > self._seconds():
            return False
        self._held[name] = (owner, self._seconds() + ttl.total_seconds())
        return True

    async def release(self, name: str, owner: str) -> None:
        """Give it back; another's lease is left alone."""
        if self._held.get(name, ("", 0.0))[0] == owner:
            del self._held[name]

    async def ping(self) -> None:
        """Return at once: a dict always answers."""
