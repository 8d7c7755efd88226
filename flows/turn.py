"""Whose turn it is: of all processes that could do a thing, the holder of the lease does it."""

import asyncio
import time
from contextlib import suppress
from datetime import timedelta

from pipeline.domain.errors import AppError
from storage.lease_port import Lease
from storage.telemetry import get_logger

log = get_logger(__name__)


class Turn:
    """One process's claim to a lease, prolonged as long as it lives.

    Parameters
    ----------
    lease, name, owner
        The leases, which of them, and who asks.
    ttl
        How long after its last breath a holder keeps the others waiting.
    renew, retry
        Seconds between prolonging it, and between asking for it while another has it.
    """

    def __init__(
        self,
        lease: Lease,
        name: str,
        owner: str,
        *,
        ttl: timedelta,
        renew: float,
        retry: float = 1.0,
    ) -> None:
        self.name = name
        self.owner = owner
        self._lease = lease
        self._ttl = ttl
        self._pauses = (renew, retry)
        self._told: bool | None = None
        self._until = 0.0
        self._without_store = False
        self._changed = asyncio.Condition()

    @property
    def ours(self) -> bool:
        """Whether it is this process's turn now."""
        return self._without_store or time.monotonic() < self._until

    async def keep(self) -> None:
        """Take the lease or prolong it, for ever."""
        while True:
            await self.renew()
            await asyncio.sleep(self._pauses[0] if self.ours else self._pauses[1])

    async def renew(self) -> None:
        """Try once. Without the lease's store, who held it or was first goes on."""
        asked = time.monotonic()
        try:
            held = await self._lease.acquire(self.name, self.owner, self._ttl)
        except AppError as error:
            self._without_store = self._told is not False
            log.warning(
                "lease_unreachable", lease=self.name, error=error.user_text, ours=self.ours
            )
        else:
            self._without_store = False
            self._until = asked + self._ttl.total_seconds() if held else 0.0
            if held is not self._told:
                word = "turn_taken" if held else "standing_by"
                log.info(word, lease=self.name, owner=self.owner)
            self._told = held
        async with self._changed:
            self._changed.notify_all()

    async def until(self, wanted: bool) -> None:  # noqa: FBT001  (the very thing waited for)
        """Wait until it is (True) or is no longer (False) this process's turn.

        The end of a turn shows at the next try to renew it, at the latest.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self.ours is wanted)

    async def release(self) -> None:
        """Give it back, so that the next one need not wait."""
        self._until, self._without_store = 0.0, False
        with suppress(AppError):
            await self._lease.release(self.name, self.owner)
