"""A request with a key is carried out once: the same again gets the same run."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from flows.control import DryRunPlan
from flows.http.problems import ProblemError
from flows.services import Services
from pipeline.domain.entry import HeldKey
from pipeline.domain.request import Run
from storage.telemetry import get_logger

log = get_logger(__name__)
KEPT: Final = timedelta(hours=24)
IN_FLIGHT: Final = timedelta(seconds=60)
"""After this long a claim without a run is a dead process's."""
LOOK_SECONDS: Final = 0.05
PATIENCE_SECONDS: Final = 10.0
_LATELY: Final = 50

Launched = Run | DryRunPlan
T = TypeVar("T")
_under_way: set[asyncio.Task[Any]] = set()


@dataclass(frozen=True)
class Key:
    """A key with the hash of what was asked under it, and how long it counts."""

    key: str
    sha256: str
    user_id: int
    kept: timedelta = KEPT


def fingerprint(*parts: bytes) -> str:
    """Return the SHA-256 of what was asked."""
    return hashlib.sha256(b"\x00".join(parts)).hexdigest()


def begun(work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Begin to launch, apart from who waits for it: a client that goes away stops nothing half."""
    task = asyncio.create_task(work)
    _under_way.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    _under_way.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.info("launch_refused", error=str(error))


async def drain(seconds: float) -> None:
    """Let launches end that nobody waits for."""
    if _under_way:
        await asyncio.wait(_under_way, timeout=seconds)


async def once(
    key: Key, launch: Callable[[], Awaitable[Launched]], services: Services
) -> tuple[Launched, bool]:
    """Launch, or return what the same request under this key became, and whether it is that.

    Raises
    ------
    ProblemError
        409: the key was used for something else, or the first one is still under way.
    """
    until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    since: datetime | None = None
    while True:
        now = services.clock()
        held = await services.request_keys.claim(
            key.key, key.sha256, now, since=since or now - key.kept
        )
        if held is None:
            return await _first(key.key, launch, services), False
        found = await _earlier(held, key, services)
        if found is not None:
            return found, True
        # A dead process's claim is taken over; of several who see it so, one wins.
        since = held.at + timedelta(microseconds=1) if now - held.at > IN_FLIGHT else None
        if asyncio.get_running_loop().time() > until:
            raise ProblemError(409, "The first request under this key is still under way.")
        await asyncio.sleep(LOOK_SECONDS)


async def _first(
    key: str, launch: Callable[[], Awaitable[Launched]], services: Services
) -> Launched:
    try:
        result = await launch()
    except BaseException:
        await services.request_keys.release(key)
        raise
    if isinstance(result, Run):
        await services.request_keys.fill(key, result.run_id)
    else:
        await services.request_keys.release(key)
    return result


async def _earlier(held: HeldKey, key: Key, services: Services) -> Run | None:
    """Return the run that the key stands for; None: it is not known yet."""
    if held.sha256 != key.sha256:
        raise ProblemError(409, "This Idempotency-Key was used for another request.")
    if held.run_id:
        run = await services.runs.get(held.run_id)
        if run is None:
            raise ProblemError(409, f"The run of this key, {held.run_id}, is no longer kept.")
        return run
    if services.clock() - held.at <= IN_FLIGHT:
        return None
    newest = await services.runs.newest(_LATELY, user_id=key.user_id)
    mine = (r for r in newest if r.actor.request_key == key.key and r.created_at >= held.at)
    run = next(mine, None)
    if run is not None:
        log.info("key_refilled", run_id=run.run_id)
        await services.request_keys.fill(key.key, run.run_id)
    return run
