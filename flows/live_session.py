"""A live session: what its scans share, from where its bars come to how far each symbol is."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import pandas as pd

from flows.live_limits import setups_to_scan
from flows.live_seed import held_bars, history, reach_of
from flows.news import reads_news
from flows.scan_crew import ScanCrew
from flows.scan_desk import Assignment
from flows.scoring import ScoreDesk
from flows.services import Services
from pipeline.domain.bars import empty_bars
from pipeline.domain.errors import AppError, BadRequestError
from pipeline.domain.live import LIVE
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.watch import LiveRules
from pipeline.live.scanning import m1_bars_needed
from pipeline.live.universe import Pair, universe
from storage.live_ports import ScanRecord
from storage.market_ports import Feed, FeedClock
from storage.telemetry import get_logger

log = get_logger(__name__)
CAUGHT_UP_FROM = timedelta(days=7)
"""What closed longer ago than this is not gone through after a break."""
SEEDED_AT_A_TIME = 4


class Wishes(Protocol):
    """Whom a session scans for."""

    async def wanted(self, offered: Sequence[str]) -> Mapping[str, tuple[Pair, ...]]:
        """Return what is to be scanned now, by symbol."""
        ...

    async def rules(self) -> LiveRules:
        """Return the gates and the cooldown."""
        ...


@dataclass(frozen=True)
class ChatWishes:
    """What all chats together want of live watching."""

    services: Services

    async def wanted(self, offered: Sequence[str]) -> Mapping[str, tuple[Pair, ...]]:
        """Return what the chats want of what the feed offers."""
        watches = await self.services.watches.everyone()
        if not any(watch.on for watch in watches):
            return {}
        return universe(watches, await setups_to_scan(self.services), offered)

    async def rules(self) -> LiveRules:
        """Return the rules for all chats."""
        return await self.services.watches.rules()


@dataclass
class Post:
    """One symbol's place in a session.

    `mark` is the close up to which it is scanned, `last_open` the open of the newest bar that its
    scan holds. `skipped_from`: bars from there to the mark were not gone through.
    """

    symbol: str
    instrument: Instrument
    pairs: tuple[Pair, ...]
    news: pd.DataFrame | None = None
    mark: datetime | None = None
    last_open: datetime | None = None
    seeded: bool = False
    behind: bool = False
    skipped_from: datetime | None = None

    def watches_for(self, pairs: tuple[Pair, ...], news: pd.DataFrame | None) -> bool:
        """Tell whether it is seeded for exactly these setups and this news calendar."""
        same_news = self.news is news or (
            self.news is not None and news is not None and self.news.equals(news)
        )
        return _names(self.pairs) == _names(pairs) and same_news


def _names(pairs: tuple[Pair, ...]) -> list[tuple[str, str, Timeframe]]:
    return [(spec.setup_id, spec.rule_version, timeframe) for spec, timeframe in pairs]


@dataclass
class LiveSession:
    """What scans share. Live and replay differ in what is given here, in nothing else.

    Parameters
    ----------
    moment
        What the feed is asked with: this machine's clock, or a replay's.
    origin, run_id
        Of the signals; an empty `run_id` gives each signal that of its scan.
    only_chat
        The chat that asked for a replay; nobody else hears of its signals.
    synthetic
        The bars are made up: pictures say so.
    """

    services: Services
    feed: Feed
    crew: ScanCrew
    wishes: Wishes
    moment: Callable[[], datetime]
    origin: str = LIVE
    run_id: str = ""
    only_chat: int | None = None
    synthetic: bool = False
    posts: dict[str, Post] = field(default_factory=dict)
    rules: LiveRules = field(default_factory=LiveRules)
    clock: FeedClock | None = None
    admitting: asyncio.Lock = field(default_factory=asyncio.Lock)
    unkept: list[ScanRecord] = field(default_factory=list)
    score_desk: ScoreDesk = field(init=False)
    _marks: dict[str, datetime] | None = None
    _struck: tuple[datetime, datetime] | None = None

    def __post_init__(self) -> None:
        self.score_desk = ScoreDesk(self.services)

    @property
    def live(self) -> bool:
        """Whether its bars are the market's of now."""
        return self.origin == LIVE

    @property
    def doubt(self) -> str:
        """Why the feed's clock can't be believed; empty: it can."""
        return self.clock.doubt if self.clock is not None else ""

    @property
    def speed(self) -> float:
        """How many minutes of the market pass in one of ours."""
        return self.clock.speed if self.clock is not None else 1.0

    def market_now(self) -> datetime:
        """Return the time at the market."""
        if self._struck is None or not self.live:
            return self.moment()
        machine, market = self._struck
        return market + (self.services.clock() - machine) * self.speed

    def closed_at(self, close: datetime) -> datetime:
        """Return when a bar closed by this machine's clock, seen from the last strike."""
        if self._struck is None:
            return close
        machine, market = self._struck
        return machine - (market - close) / self.speed

    @property
    def struck_at(self) -> datetime | None:
        """When the feed's clock was last read, by this machine's."""
        return self._struck[0] if self._struck is not None else None

    async def strike(self) -> None:
        """Read the feed's clock; its time now is what a scan's times are measured by."""
        moment, machine = self.moment(), self.services.clock()
        self.clock = await self.feed.clock(moment)
        self._struck = (machine, self.clock.now)

    async def refresh(self) -> None:
        """Take up what is wanted now: new symbols and setups are seeded, others dropped."""
        if self._marks is None:
            self._marks = await self.services.scans.scanned(self.origin)
        self.rules = await self.wishes.rules()
        wanted = await self.wishes.wanted(await self.feed.offers())
        news = await self._news(wanted)
        for symbol in [s for s in self.posts if s not in wanted]:
            mark = self.posts.pop(symbol).mark
            if mark is not None:
                self._marks[symbol] = mark
            await self.crew.drop(symbol)
        for symbol, pairs in wanted.items():
            try:
                await self._place(symbol, pairs, news)
            except BadRequestError as error:  # the feed offers what we know nothing of
                log.warning("symbol_not_known", symbol=symbol, error=error.user_text)
        await self.seed_all()

    async def _news(self, wanted: Mapping[str, tuple[Pair, ...]]) -> pd.DataFrame | None:
        asked = any(reads_news(spec) for pairs in wanted.values() for spec, _ in pairs)
        return await self.services.news.read() if asked else None

    async def _place(
        self, symbol: str, pairs: tuple[Pair, ...], news: pd.DataFrame | None
    ) -> None:
        own = news if any(reads_news(spec) for spec, _ in pairs) else None
        post = self.posts.get(symbol)
        if post is None:
            assert self._marks is not None  # noqa: S101  (refresh reads them)
            instrument = await self.services.instruments.get(symbol)
            self.posts[symbol] = Post(symbol, instrument, pairs, own, self._marks.get(symbol))
        elif not post.watches_for(pairs, own):
            post.pairs, post.news, post.seeded = pairs, own, False

    async def seed_all(self) -> None:
        """Seed what is not seeded; a symbol that can't be is tried again at the next refresh."""
        lost = self.crew.lost
        waiting = [p for p in self.posts.values() if not p.seeded or p.symbol in lost]
        room = asyncio.Semaphore(SEEDED_AT_A_TIME)

        async def seed(post: Post) -> None:
            async with room:
                try:
                    await self._seed(post)
                except AppError as error:
                    log.warning("seeding_failed", symbol=post.symbol, error=error.user_text)

        await asyncio.gather(*(seed(post) for post in waiting))

    async def _seed(self, post: Post) -> None:
        """Give the crew a symbol's bars up to its mark, or up to now if it has none."""
        post.seeded = False
        now = self.market_now().replace(second=0, microsecond=0)
        oldest = now - CAUGHT_UP_FROM
        if self.live and post.mark is not None and post.mark < oldest:
            post.skipped_from, post.mark = post.mark, oldest
        until = post.mark or now
        bars = await self._bars_before(post, until)
        assignment = Assignment(post.instrument, post.pairs, news=post.news)
        await self.crew.seed(post.symbol, assignment, bars, until)
        post.last_open = bars["open_time"].iloc[-1].to_pydatetime() if len(bars) else None
        post.mark, post.seeded = until, True
        log.info("seeded", symbol=post.symbol, bars=len(bars), until=until, setups=len(post.pairs))

    async def _bars_before(self, post: Post, until: datetime) -> pd.DataFrame:
        start = until - reach_of(m1_bars_needed(post.pairs))
        held = empty_bars()
        if self.live:
            held = await held_bars(post.symbol, start, until, self.origin, self.services)
        return await history(post.symbol, start, until, self.feed, self.moment(), held)

    async def close(self) -> None:
        """Let the crew go; the feed is its owner's."""
        await self.crew.close()
