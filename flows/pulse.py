"""The sign of life that each process writes every few seconds, and its last one when it ends."""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from flows.ready import sign_of_life
from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.live.health import ENDED
from storage.telemetry import get_logger

log = get_logger(__name__)

BEAT_EVERY: Final = 10.0
"""Seconds between two pulses."""

LAST_LIMIT: Final = 2.0


def pulse_name(kind: str) -> str:
    """Return the name of this process's pulse: bot@host:1234."""
    return f"{kind}@{socket.gethostname()}:{os.getpid()}"


class Heart:
    """Beats for one process.

    Parameters
    ----------
    kind
        bot, scanner, worker …
    facts
        What the process sees of itself now; asked at each beat. `active` false: it stands by.
        A scanner's are `pipeline.live.health.ScannerFacts`.
    """

    def __init__(
        self, kind: str, services: Services, facts: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._name = pulse_name(kind)
        self._services = services
        self._facts = facts

    async def keep(self) -> None:
        """Beat until cancelled, and at once when the process begins or ceases to be active."""
        told: bool | None = None
        due = 0.0
        while True:
            sign_of_life()
            if self._active() is not told or time.monotonic() >= due:
                told, due = self._active(), time.monotonic() + BEAT_EVERY
                await self.beat()
            await asyncio.sleep(1.0)

    def _active(self) -> bool:
        return bool(self._facts().get("active", True))

    async def beat(self, **more: Any) -> None:
        """Beat once, now; a board that can't be reached is left alone until the next time."""
        facts = {"active": True, **self._facts(), **more}
        try:
            await self._services.health.beat(self._name, facts, self._services.clock())
        except AppError as error:
            log.warning("pulse_not_written", error=error.user_text)

    async def stop(self) -> None:
        """Write the last pulse, if that can be done quickly."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_LIMIT):
                await self.beat(**{ENDED: True})
