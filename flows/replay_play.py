"""Playing held bars as a market: live's own session and scans, at a time that waits for them."""

import asyncio
import statistics
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import Field

from flows.adapters import PRELOAD
from flows.backtest_compute import Frozen
from flows.live_scan import run_live_scan
from flows.live_session import LiveSession
from flows.scan_crew import make_scan_crew
from flows.services import Services
from flows.similar import prepare_cases
from flows.tasks import Note, Runner
from pipeline.domain.bars import epoch_seconds
from pipeline.domain.live import LiveRequest
from pipeline.domain.replay import AS_FAST_AS_CAN_BE, ReplayRequest
from pipeline.domain.request import Run
from pipeline.domain.watch import LiveRules, Watch
from pipeline.live.universe import Pair, universe
from pipeline.setups.rules import SetupSpec
from storage.feeds.replay import ReplayFeed

LONGEST_WAIT = timedelta(minutes=5)
"""Of a night or weekend no more than this is waited for, in the market's minutes."""
CASES_SECONDS = 20.0
TOLD_EVERY = 1.0
EVERYTHING = 10_000_000


class Played(Frozen):
    """Output of play."""

    bars: int
    scans: int
    scan_ms: float | None
    failed: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class ReplayWishes:
    """What one replay is played for."""

    request: ReplayRequest
    setups: Sequence[SetupSpec]
    services: Services

    async def wanted(self, offered: Sequence[str]) -> Mapping[str, tuple[Pair, ...]]:
        """Return the setups asked for on the symbols played; a shorter trigger can't be made."""
        watch = Watch(
            chat_id=0, symbols=self.request.symbols, timeframes=self.request.timeframes,
            setups=self.request.setups,
        )  # fmt: skip
        found = universe([watch], self.setups, offered)
        return {symbol: self._made(symbol, pairs) for symbol, pairs in found.items()}

    def _made(self, symbol: str, pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
        least = self.request.sources[symbol].minutes
        return tuple(pair for pair in pairs if pair[1].minutes >= least)

    async def rules(self) -> LiveRules:
        """Return the rules for all chats, with the replay's own confidence in every gate."""
        rules, least = await self.services.watches.rules(), self.request.min_confidence
        if least is None:
            return rules
        names = {"", *rules.gates}
        gates = {
            name: rules.gate(name).model_copy(
                update={
                    "min_confidence": least,
                    "review_from": min(least, rules.gate(name).review_from),
                }
            )
            for name in names
        }
        return rules.model_copy(update={"gates": gates})


@dataclass
class Player:
    """One replay under way."""

    request: ReplayRequest
    run: Run
    services: Services
    setups: Sequence[SetupSpec]
    synthetic: bool = False
    now: datetime = field(init=False)
    session: LiveSession = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.request.span()[0]
        self.session = LiveSession(
            self.services,
            ReplayFeed(self.services.bars, self.request.sources),
            make_scan_crew(min(self.services.settings.scan_processes, 1), PRELOAD),
            ReplayWishes(self.request, self.setups, self.services),
            lambda: self.now,
            origin=self.run.run_id,
            run_id=self.run.run_id,
            only_chat=self.run.actor.chat_id,
            synthetic=self.synthetic,
        )

    async def seed(self) -> None:
        """Give every symbol the bars before the first that is played; count past cases."""
        marks = await self.services.scans.scanned(self.run.run_id)
        self.now = min(marks.values(), default=self.now)
        await self.session.strike()
        await self.session.refresh()
        await self.session.score_desk.look()
        wanted = [
            (spec.setup_id, post.symbol, timeframe)
            for post in self.session.posts.values()
            for spec, timeframe in post.pairs
        ]
        with suppress(TimeoutError):
            async with asyncio.timeout(CASES_SECONDS):
                await prepare_cases(self.services, wanted)

    async def play(self, runner: Runner) -> Played:
        """Play every minute that has a bar, each when its time has come and the last is done."""
        await self.seed()
        closes, bars = await self._closes()
        took: list[float] = []
        failed: dict[str, str] = {}
        told, loop = 0.0, asyncio.get_running_loop()
        for number, close in enumerate(closes):
            await self._wait(close, runner)
            self.now = close
            request = LiveRequest(trigger="replay", trigger_timestamp=close)
            report = await run_live_scan(request, self.session)
            took.append(report.execution_time_sec * 1000)
            failed |= report.failed
            if report.failed:
                await self.session.refresh()
            if loop.time() - told > TOLD_EVERY:
                told = loop.time()
                await runner.tell(Note(number / len(closes), self._clock_words()))
            runner.stop.check()
        middle = statistics.median(took) if took else None
        return Played(bars=bars, scans=len(took), scan_ms=middle, failed=failed)

    async def close(self) -> None:
        """Let the session go."""
        await self.session.close()

    async def _closes(self) -> tuple[list[datetime], int]:
        """Return the closes to play, the period's end last, and how many bars they have."""
        first, last = self.now, self.request.span()[1]
        seconds: set[int] = set()
        bars = 0
        for symbol in self.request.symbols:
            after = first - timedelta(minutes=1)
            found = await self.session.feed.bars(symbol, after, last, limit=EVERYTHING)
            found = found[found["close_time"] > first]
            seconds |= set(epoch_seconds(found["close_time"]).tolist())
            bars += len(found)
        closes = [datetime.fromtimestamp(s, first.tzinfo) for s in sorted(seconds)]
        return [*closes, *([last] if not closes or closes[-1] < last else [])], bars

    async def _wait(self, close: datetime, runner: Runner) -> None:
        """Wait as long as the market would, divided by the speed; the night only a little."""
        if self.request.speed == AS_FAST_AS_CAN_BE:
            return
        ahead = min(close - self.now, LONGEST_WAIT).total_seconds() / self.request.speed
        struck = self.session.struck_at
        if struck is not None:
            ahead -= (self.services.clock() - struck).total_seconds()
        if ahead > 0:
            await runner.stop.during(asyncio.sleep(ahead))

    def _clock_words(self) -> str:
        local = self.now.astimezone(ZoneInfo(self.request.zone))
        return f"{local:%a %Y-%m-%d %H:%M}"
