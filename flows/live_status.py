"""How live watching stands for one chat: what is watched, what came of it today, and the feed."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flows.health import connected, scanner_of
from flows.services import Services
from flows.watching import watch_of
from pipeline.domain.live import LIVE, DecisionKind
from pipeline.domain.market import Timeframe
from pipeline.domain.report import Holding
from pipeline.domain.watch import LiveRules, Watch
from pipeline.live.health import HealthLine, ScannerFacts, judge_feed
from pipeline.live.routing import is_about
from pipeline.live.wall_clock import day_bounds

_FRIDAY = 5
_NOON = 12


@dataclass(frozen=True)
class LiveStatus:
    """Everything that the status card shows.

    `counts` are today's signals of what the chat watches, by decision; today is the chat's day.
    `connected` tells whether there is a market.
    `replay` is a command that plays the newest held day; empty where no bars are held.
    """

    at: datetime
    watch: Watch
    rules: LiveRules
    feed: HealthLine
    scanner: ScannerFacts | None
    counts: Mapping[DecisionKind, int]
    connected: bool
    replay: str = ""

    @property
    def found(self) -> int:
        """How many signals there were today."""
        return sum(self.counts.values())


async def live_status(chat_id: int, services: Services) -> LiveStatus:
    """Look at one chat's watching."""
    now = services.clock()
    watch, rules, pulses, holdings = await asyncio.gather(
        watch_of(chat_id, services),
        services.watches.rules(),
        services.health.pulses(),
        services.bars.holdings(),
    )
    signals = await services.signals.between(LIVE, *day_bounds(watch.zone, now))
    scanner = scanner_of(pulses, now)
    return LiveStatus(
        at=now,
        watch=watch,
        rules=rules,
        feed=judge_feed(scanner, connected=connected(services), watched=watch.on, now=now),
        scanner=scanner,
        counts=Counter(s.decision.decision for s in signals if is_about(watch, s.signal)),
        connected=connected(services),
        replay=replay_of(holdings),
    )


def replay_of(holdings: list[Holding]) -> str:
    """Return the command that replays the newest weekday held; "" where no bars are short enough.

    Real bars go before made ones, shorter before longer, newer before older. A day of which only
    the morning is held doesn't count, unless it is the only one.
    """
    short = [h for h in holdings if Timeframe(h.timeframe).minutes <= Timeframe.M15.minutes]
    best = max(
        short,
        key=lambda h: (not h.synthetic, -Timeframe(h.timeframe).minutes, h.last),
        default=None,
    )
    if best is None:
        return ""
    day = best.last.date()
    if best.last.hour < _NOON and best.first.date() < day:
        day -= timedelta(days=1)
    while day.isoweekday() > _FRIDAY:
        day -= timedelta(days=1)
    return f"/live replay {best.symbol} {day} x600"
