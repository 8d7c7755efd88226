"""The claim under which a process executes a run: prolonged while it works, heeded once lost.

A claim is a lease in the database. A process that dies stops prolonging it, and when it has run
out any host brings the run back. One that lives but can't reach the database must take its claim
for lost by then: it stops, and the store refuses what it might still write.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from flows.services import Services
from flows.tasks import Stop
from pipeline.domain.errors import AppError
from pipeline.domain.request import Claim, Run
from storage.telemetry import get_logger

log = get_logger(__name__)
_BEATS = 4  # how often a claim is prolonged within its lease


def run_lease(services: Services) -> timedelta:
    """Return for how long a claim holds that nobody prolongs."""
    return timedelta(seconds=services.settings.run_lease)


@asynccontextmanager
async def kept_claim(run: Run, services: Services, stop: Stop) -> AsyncIterator[None]:
    """Prolong the run's claim for the with block; set `stop` when it is lost."""
    if run.claim is None:
        yield
        return
    keeping = asyncio.create_task(_keep(run.claim, services, stop))
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def _keep(claim: Claim, services: Services, stop: Stop) -> None:
    lease = run_lease(services)
    until = time.monotonic() + lease.total_seconds()
    held = True
    while held and time.monotonic() < until:
        beat = lease.total_seconds() / _BEATS
        await asyncio.sleep(min(beat, max(0.0, until - time.monotonic())))
        asked = time.monotonic()
        try:
            async with asyncio.timeout(min(beat, max(0.05, until - asked))):
                held = await services.runs.renew(claim, lease)
        except (AppError, TimeoutError) as error:
            log.warning("claim_not_renewed", run_id=claim.run_id, error=repr(error)[:200])
            continue
        until = asked + lease.total_seconds()
    log.warning("claim_lost", run_id=claim.run_id, attempt=claim.attempt, owner=claim.owner)
    stop.set("lost")
