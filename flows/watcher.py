"""Watching the market in turns: seeded, ticking at each close, or standing by."""

import asyncio
import os
import socket
from collections.abc import Awaitable
from contextlib import suppress
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from flows.adapters import PRELOAD
from flows.chores import Chores
from flows.feed_watch import FeedWatch
from flows.live_board import Board
from flows.live_scan import asked, run_live_scan
from flows.live_scan_flow import Appointment, enter
from flows.live_session import ChatWishes, LiveSession
from flows.scan_clock import FeedMinutes, minute_after
from flows.scan_crew import make_scan_crew
from flows.services import Services
from flows.similar import prepare_cases
from flows.turn import Turn
from pipeline.domain.errors import AppError, FeedDownError
from pipeline.domain.live import LiveRequest, LiveScanReport
from pipeline.live.health import ScannerFacts
from storage.telemetry import get_logger

log = get_logger(__name__)
TTL, RENEW = timedelta(seconds=8), 2.0
LEAD = 3.0
"""Seconds before the close at which Prefect is told of the scan to come."""
MODELS_SECONDS = 10.0
"""How long the first scan waits for the models that score its signals."""
PREFECT_PAUSE = timedelta(seconds=30)


class Watcher:
    """One process's part in watching the market."""

    def __init__(self, services: Services) -> None:
        self._services = services
        owner = f"{socket.gethostname()}:{os.getpid()}"
        self.turn = Turn(services.lease, "scanner", owner, ttl=TTL, renew=RENEW)
        self._chores = Chores(services)
        self._session: LiveSession | None = None
        self._feed: FeedWatch | None = None
        self._scanning = asyncio.Lock()
        self._prefect_from: datetime | None = None
        self._last_scan: datetime | None = None
        self._beside: set[asyncio.Task[object]] = set()
        self._wanted: frozenset[tuple[str, str, str]] = frozenset()

    async def keep(self) -> None:
        """Watch whenever it is our turn, until cancelled."""
        keeping = asyncio.create_task(self.turn.keep())
        try:
            while True:
                await self.turn.until(wanted=True)
                await self._our_turn()
        finally:
            keeping.cancel()

    async def stop(self) -> None:
        """End the scan under way, then let the next one have the turn."""
        with suppress(TimeoutError):
            async with asyncio.timeout(5.0), self._scanning:
                await self.turn.release()

    def facts(self) -> ScannerFacts:
        """Return what this process sees of itself."""
        session, feed = self._session, self._feed
        if session is None or feed is None:
            return ScannerFacts(active=self.turn.ours)
        return ScannerFacts(
            active=self.turn.ours,
            feed=session.feed.name,
            feed_down_since=feed.down_since,
            doubt=session.doubt,
            lag=feed.lag(),
            silent=feed.silent,
            last_scan=self._last_scan,
            symbols=len(session.posts),
        )

    async def _our_turn(self) -> None:
        """Watch until the turn is somebody else's."""
        services = self._services
        if services.feed is not None:
            crew = make_scan_crew(services.settings.scan_processes, PRELOAD)
            self._session = LiveSession(
                services, services.feed, crew, ChatWishes(services), services.clock
            )
            self._feed = FeedWatch(self._session)
            await self._refresh()
            with suppress(TimeoutError):
                async with asyncio.timeout(MODELS_SECONDS):
                    await self._session.score_desk.look()
        scheduler = AsyncIOScheduler(timezone="UTC")
        lead = LEAD if services.feed is not None else 0.0
        trigger = FeedMinutes(self._market, services.settings.scan_grace - lead / self._speed())
        scheduler.add_job(
            self._tick, trigger, coalesce=True, max_instances=2, misfire_grace_time=None
        )
        scheduler.start()
        try:
            await self.turn.until(wanted=False)
        finally:
            scheduler.shutdown(wait=False)
            for task in self._beside:
                task.cancel()
            if self._session is not None:
                await self._session.close()
            self._session = self._feed = None

    def _market(self, now: datetime) -> tuple[datetime, float]:
        """Return the market's time when our clock says `now`, and its speed."""
        if self._session is None:
            return now, 1.0
        ahead = now - self._services.clock()
        speed = self._session.speed
        return self._session.market_now() + ahead * speed, speed

    def _speed(self) -> float:
        return 1.0 if self._session is None else self._session.speed

    async def _tick(self) -> None:
        """Scan at the close that comes, then do the chores; a tick never meets another."""
        if not self.turn.ours or self._scanning.locked():
            return
        async with self._scanning:
            now = self._services.clock()
            if self._session is not None and self._feed is not None:
                if self._feed.may_probe(now):
                    await self._scan(self._session, self._feed)
                await self._refresh()
        await self._chores.look(self._services.clock())

    async def scan_now(self) -> LiveScanReport | None:
        """Scan at once, without waiting for a close; None: it is not our turn, or no market."""
        session = self._session
        if session is None or not self.turn.ours:
            return None
        async with self._scanning:
            now = self._services.clock()
            request = LiveRequest(trigger="manual", trigger_timestamp=self._market(now)[0])
            return await run_live_scan(request, session)

    async def _scan(self, session: LiveSession, feed: FeedWatch) -> None:
        try:
            report = await self._at_close(session)
            if report.failed and not report.symbols_scanned:
                raise FeedDownError(next(iter(report.failed.values())))
        except AppError as error:
            await feed.failed(error, self._services.clock())
            return
        self._last_scan = self._services.clock()
        feed.look()
        log.info(
            "scanned", run_id=report.run_id, s=report.execution_time_sec,
            symbols=len(report.symbols_scanned), failed=len(report.failed),
            signals=report.signals_found,
        )  # fmt: skip
        for told in (feed.worked(self._last_scan), feed.clock_seen()):
            await _quietly(told)

    async def _at_close(self, session: LiveSession) -> LiveScanReport:
        """Wait for the close with Prefect at the door, and scan whether or not it is there."""
        due = self._due(session)
        request = LiveRequest(trigger_timestamp=self._market(due)[0].replace(microsecond=0))
        board = Board(len(asked(request, session)))
        name = f"live_{request.trigger_timestamp:%Y_%m_%d_%H%M}00"
        appointment = Appointment(name, lambda: run_live_scan(request, session, board), board)
        self._show(appointment)
        self._keep_beside(session.score_desk.look())  # in the seconds before the close
        await asyncio.sleep(max((due - self._services.clock()).total_seconds(), 0.0))
        return await appointment.go()

    def _due(self, session: LiveSession) -> datetime:
        """Return when to scan: the grace behind the close that is nearest."""
        now = self._services.clock()
        grace = timedelta(seconds=self._services.settings.scan_grace)
        half = timedelta(seconds=30) / session.speed
        return max(minute_after(now - half, self._market, grace), now)

    def _show(self, appointment: Appointment) -> None:
        """Tell Prefect of the scan, unless there is none or it failed a moment ago."""
        now = self._services.clock()
        if not self._services.settings.prefect_api_url or (
            self._prefect_from is not None and now < self._prefect_from
        ):
            return

        async def show() -> None:
            good = await enter(appointment)
            later = self._services.clock() + PREFECT_PAUSE
            self._prefect_from = None if good else later

        self._keep_beside(show())

    async def _refresh(self) -> None:
        """Take up what chats want now; past cases of what is new are counted beside."""
        session = self._session
        if session is None:
            return
        try:
            if session.clock is None:
                await session.strike()
            await session.refresh()
        except AppError as error:
            log.warning("not_refreshed", error=error.user_text)
            if self._feed is not None:
                await self._feed.failed(error, self._services.clock())
            return
        wanted = frozenset(
            (spec.setup_id, post.symbol, timeframe)
            for post in session.posts.values()
            for spec, timeframe in post.pairs
        )
        if wanted != self._wanted:
            self._wanted = wanted
            self._keep_beside(prepare_cases(self._services, wanted))

    def _keep_beside(self, work: Awaitable[object]) -> None:
        task = asyncio.ensure_future(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)


async def _quietly(told: Awaitable[object]) -> None:
    """Tell chats something; if that fails, the next scan is more important."""
    try:
        await told
    except AppError as error:
        log.warning("not_told", error=error.user_text)
