"""Whether the feed gives bars and the right time: probing with patience, one word at each turn."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flows.live_notices import clock_words, listeners, tell, tell_feed
from flows.live_session import LiveSession, Post
from pipeline.domain.errors import AppError
from pipeline.domain.market import Timeframe
from pipeline.live.silence import OpenMinutes
from storage.telemetry import get_logger

log = get_logger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
FRESH = 120.0
"""Seconds that a bar may be old without anybody looking at the market's hours."""
TOLD_AFTER = timedelta(seconds=90)
"""An outage shorter than this is nobody's news."""


@dataclass
class FeedWatch:
    """The state of one session's feed, by this machine's clock."""

    session: LiveSession
    down_since: datetime | None = None
    why: str = ""
    silent: tuple[str, ...] = ()
    newest_close: datetime | None = None
    _pause: float = FIRST_PAUSE
    _next_probe: datetime | None = None
    _told_down: bool = False
    _told_doubt: str = ""
    _open: OpenMinutes = field(default_factory=OpenMinutes)

    def may_probe(self, now: datetime) -> bool:
        """Tell whether the feed may be asked now; while it is down, not at every tick."""
        return self._next_probe is None or now >= self._next_probe

    async def failed(self, error: AppError, now: datetime) -> None:
        """Note that the feed could not be asked; after a while the chats hear of it, once."""
        if self.down_since is None:
            self.down_since = now
            log.warning("feed_down", feed=self.session.feed.name, error=error.user_text)
        self.why = error.user_text
        self._next_probe = now + timedelta(seconds=self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        if now - self.down_since >= TOLD_AFTER and not self._told_down:
            self._told_down = True
            await self._tell_each("Data stale since {since}: {why}. I keep trying.", "down")

    async def worked(self, now: datetime) -> None:
        """Note that the feed answered; after an outage that was told, say what was missed."""
        since = self.down_since
        if since is None:
            return
        log.info("feed_back", feed=self.session.feed.name, seconds=(now - since).total_seconds())
        if self._told_down:
            minutes = round((now - since) / timedelta(minutes=1))
            text = (
                f"Data is back. It was stale since {{since}}, {minutes} minutes; "
                "the bars missed are gone through now."
            )
            await self._tell_each(text, "back")
        self.down_since, self._told_down, self._next_probe = None, False, None
        self._pause = FIRST_PAUSE

    async def clock_seen(self) -> None:
        """Say once that session setups pause as the clock is in doubt, and that they go on."""
        doubt = self.session.doubt
        if bool(doubt) == bool(self._told_doubt):
            return
        now = self.session.services.clock()
        if doubt:
            text = f"Setups that depend on the time of day pause: {doubt}"
        else:
            text = "The feed's clock is right again; all setups are watched."
        key = f"clock:{'doubt' if doubt else 'right'}:{now:%Y%m%dT%H%M}"
        self._told_doubt = doubt
        log.warning("feed_clock", doubt=doubt)
        await tell_feed(text, key, self.session)

    def look(self) -> tuple[str, ...]:
        """Return the symbols that are silent though their market is open."""
        now, found = self.session.market_now(), []
        for post in self.session.posts.values():
            newest = post.last_open
            if newest is None or self._open.silent(post.instrument.calendar, newest, now):
                found.append(post.symbol)
        self.silent = tuple(found)
        return self.silent

    def lag(self) -> float | None:
        """Return how many seconds ago the newest bar closed; None where no bar is due.

        Of a longer time only what its market was open for counts.
        """
        posts = [p for p in self.session.posts.values() if p.last_open is not None]
        newest = max(posts, key=_close, default=None)
        if newest is None:
            return None
        now = self.session.market_now()
        age = (now - _close(newest)).total_seconds()
        if age <= FRESH:
            return max(age, 0.0)
        minutes = self._open.between(newest.instrument.calendar, _close(newest), now)
        return 60.0 * minutes if minutes else None

    async def _tell_each(self, text: str, word: str) -> None:
        since = self.down_since
        assert since is not None  # noqa: S101  (only told of an outage)
        for watch in await listeners(self.session):
            words = text.format(since=clock_words(since, watch.zone), why=self.why.rstrip("."))
            await tell(watch, words, f"feed:{word}:{since:%Y%m%dT%H%M%S}", self.session)


def _close(post: Post) -> datetime:
    """Return when a symbol's newest bar closed; only asked of symbols that have one."""
    assert post.last_open is not None  # noqa: S101
    return post.last_open + Timeframe.M1.delta
