"""/health: every fact gathered at the same time, each with a short limit, then judged."""

import asyncio
import shutil
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.live import LIVE, Pulse
from pipeline.live.health import (
    NO_MARKET,
    HealthLine,
    Light,
    Needs,
    Ping,
    ScannerFacts,
    judge_backup,
    judge_clocks,
    judge_disk,
    judge_feed,
    judge_latency,
    judge_outbox,
    judge_ping,
    judge_processes,
    judge_scan,
    latency,
    living,
    worst,
)
from pipeline.live.wall_clock import day_bounds

PING_LIMIT = 2.0
"""Seconds that each service has to answer."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Health:
    """How everything stood at a moment."""

    at: datetime
    lines: tuple[HealthLine, ...]

    @property
    def light(self) -> Light:
        """The worst of all."""
        return worst(self.lines)


async def health(services: Services, zone: str) -> Health:
    """Look at everything and judge it; never raises because something is down.

    Parameters
    ----------
    zone
        Whose day "today" is.
    """
    now = services.clock()
    redis, prefect, database, free, backup = await asyncio.gather(
        _ping(services.lease.ping(), set_up=services.settings.redis_url is not None),
        _ping(_answers(services), set_up=services.settings.prefect_api_url is not None),
        _ping(services.health.pulses()),
        asyncio.to_thread(_free_bytes, services),
        _backup(services, now),
    )
    kept = await _kept(services, zone, now) if database.ok else _UNKNOWN
    return Health(
        at=now,
        lines=(
            *kept,
            judge_ping(
                "Redis", redis, without="a second bot or scanner can't stand by",
                broken=Light.AMBER,
            ),
            judge_ping("database", database, without=""),
            judge_ping("Prefect", prefect, without="runs are done inside the bot"),
            judge_disk(free),
            *backup,
        ),
    )  # fmt: skip


_UNKNOWN = (HealthLine("processes", Light.RED, "unknown while the database doesn't answer"),)


async def _ping(asked: Awaitable[object], *, set_up: bool = True) -> Ping:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(PING_LIMIT):
            await asked
    except AppError as error:
        return Ping(ok=False, said=error.user_text, set_up=set_up)
    except TimeoutError:
        return Ping(ok=False, said=f"no answer within {PING_LIMIT:g} s", set_up=set_up)
    return Ping(ok=True, seconds=time.perf_counter() - began, set_up=set_up)


async def _answers(services: Services) -> None:
    if not await services.launcher.answers():
        raise AppError("doesn't answer; no run can start")


async def _backup(services: Services, now: datetime) -> tuple[HealthLine, ...]:
    """Judge the newest backup's age, where backups can be made at all."""
    if services.backups is None:
        return ()
    try:
        async with asyncio.timeout(PING_LIMIT):
            held = await services.backups.held(services.backups.folder(None))
    except (AppError, OSError, TimeoutError) as error:
        said = error.user_text if isinstance(error, AppError) else type(error).__name__
        return (HealthLine("backup", Light.AMBER, f"can't be looked at: {said}"),)
    return (judge_backup(max((one.manifest.created_at for one in held), default=None), now),)


def _free_bytes(services: Services) -> float:
    return float(shutil.disk_usage(services.settings.home).free)


async def _kept(services: Services, zone: str, now: datetime) -> tuple[HealthLine, ...]:
    """Judge what the database tells; one that fails meanwhile is no answer either."""
    try:
        async with asyncio.timeout(2 * PING_LIMIT):
            pulses, watches, owed, oldest, seconds = await asyncio.gather(
                services.health.pulses(),
                services.watches.everyone(),
                services.outbox.pending(),
                services.outbox.oldest(),
                alert_seconds(services, *day_bounds(zone, now)),
            )
    except (AppError, TimeoutError):
        return _UNKNOWN
    watched, market = any(watch.on for watch in watches), connected(services)
    scanner = scanner_of(pulses, now)
    return (
        *judge_processes(pulses, _needs(services, watched=watched), now),
        judge_feed(scanner, connected=market, watched=watched, now=now),
        judge_scan(scanner, due=market and watched, now=now),
        judge_latency(latency(seconds)),
        judge_outbox(owed, oldest, now),
        judge_clocks(pulses, now),
    )


def _needs(services: Services, *, watched: bool) -> Needs:
    settings = services.settings
    return Needs(
        bot="" if settings.telegram_bot_token else "no chat is connected",
        scanner=NO_MARKET if not connected(services) else "" if watched else "nothing is watched",
        worker="" if settings.prefect_api_url else "runs are done inside the bot",
    )


def connected(services: Services) -> bool:
    """Tell whether a market is connected; without one only replays bring alerts."""
    return services.settings.feed != "none"


def scanner_of(pulses: list[Pulse], now: datetime) -> ScannerFacts | None:
    """Return what the active scanner says of itself; None: no scanner is active."""
    found = [p for p in living(pulses, "scanner", now) if p.facts.get("active", True)]
    newest = max(found, key=lambda p: p.at, default=None)
    return None if newest is None else ScannerFacts.model_validate(newest.facts)


async def alert_seconds(
    services: Services, start: datetime, end: datetime, chat_id: int | None = None
) -> list[float]:
    """Return how long each live alert accepted in [start, end) took from its bar's close.

    Of one chat, or of all. Held alerts have no such time: a digest tells them later on purpose.
    """
    sent, signals = await asyncio.gather(
        services.signals.accepted_between(start, end, LIVE),
        services.signals.between(LIVE, start - _HOUR, end),
    )
    closed = {s.signal_id: s.receipt.closed_at for s in signals}
    return [
        (alert.accepted_at - closed[alert.signal_id]).total_seconds()
        for alert in sent
        if alert.signal_id in closed and chat_id in (None, alert.chat_id)
    ]
