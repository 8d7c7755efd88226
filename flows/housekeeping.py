"""One at a time: who copies all files, and who deletes old ones, do it under one right."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from flows.state import lock_file
from pipeline.domain.errors import ServiceError
from storage.telemetry import get_logger

if TYPE_CHECKING:
    from flows.services import Services

log = get_logger(__name__)
RIGHT = "housekeeping"
LOCK = ".housekeeping.lock"
_TTL = timedelta(seconds=60)
_RENEW = 20.0
_LOOK = 0.5
PATIENCE = 600.0


@asynccontextmanager
async def housekeeping(services: "Services", patience: float = PATIENCE) -> AsyncIterator[None]:
    """Hold the right to copy or delete the files of the home for the with block.

    It is a lock on a file of the home, for the processes of this machine, and a lease in Redis
    where there is one, for other machines. Both go with the process, however it ends.

    Parameters
    ----------
    patience
        Seconds to wait for somebody else to end.

    Raises
    ------
    ServiceError
        Somebody else still has it after that.
    """
    until = asyncio.get_running_loop().time() + patience
    with _file(services.settings.home) as number:
        owner, lease = uuid4().hex, services.lease

        async def locked() -> bool:
            return lock_file(number)

        await _until(locked, until)
        await _until(lambda: lease.acquire(RIGHT, owner, _TTL), until)
        renewing = asyncio.create_task(_renew(services, owner))
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing
            with suppress(ServiceError):  # it runs out by itself
                await lease.release(RIGHT, owner)


async def _until(attempt: Callable[[], Awaitable[bool]], until: float) -> None:
    while not await attempt():
        if asyncio.get_running_loop().time() > until:
            raise ServiceError(
                "A backup or the upkeep of files is under way; please try again when it is done."
            )
        await asyncio.sleep(_LOOK)


async def _renew(services: "Services", owner: str) -> None:
    while True:
        await asyncio.sleep(_RENEW)
        try:
            if not await services.lease.acquire(RIGHT, owner, _TTL):
                log.warning("housekeeping_lost")
        except ServiceError as error:
            log.warning("housekeeping_not_renewed", error=str(error))


@contextmanager
def _file(home: Path) -> Iterator[int]:
    number = os.open(home / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield number
    finally:
        os.close(number)
