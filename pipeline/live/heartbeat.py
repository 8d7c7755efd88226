"""The daily sign of life: when it is due, and what a day of live watching came to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from pipeline.domain.live import DecisionKind, LiveSignal
from pipeline.domain.watch import Watch
from pipeline.live.health import Latency
from pipeline.live.routing import loudness
from pipeline.live.wall_clock import clock_of, moment_of

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Beat:
    """One sign of life: its day (ISO, the chat's), when it was due, what it looks back on."""

    day: str
    due_at: datetime
    since: datetime


@dataclass(frozen=True)
class Ended:
    """What became of signals: how many ended, of the filled ones how many won, and their R."""

    signals: int
    filled: int
    won: int
    total_r: float


@dataclass(frozen=True)
class DaySums:
    """What a day came to, of what a chat watches."""

    scans: int
    missed: int
    counts: Mapping[DecisionKind, int]
    alerts: Latency | None
    ended: Ended


def beat_due(watch: Watch, now: datetime) -> Beat | None:
    """Return the newest sign of life that is due at `now`, sent or not; None: none is.

    One whose moment lies before `heartbeat_from` is none: the wish was made later that day.
    """
    if not (watch.on and watch.heartbeat) or loudness(watch, "heartbeat") == "off":
        return None
    clock = clock_of(watch.heartbeat)
    day = now.astimezone(ZoneInfo(watch.zone)).date()
    due_at = moment_of(watch.zone, day, clock)
    if due_at > now:
        day -= _DAY
        due_at = moment_of(watch.zone, day, clock)
    if watch.heartbeat_from is not None and due_at < watch.heartbeat_from:
        return None
    return Beat(day.isoformat(), due_at, moment_of(watch.zone, day - _DAY, clock))


def missed_scans(scans: Sequence[datetime], start: datetime, end: datetime) -> int:
    """Return how many minutes of [start, end) had no scan, from the first scan ever on.

    Parameters
    ----------
    scans
        The minutes that were scanned, in any order; the last one before `start` among them, if
        there is one. Without any, nothing was to be scanned, so nothing was missed.
    """
    if not scans:
        return 0
    ordered = sorted({max(at, start - _MINUTE) for at in scans})
    gaps = (round((late - early) / _MINUTE) - 1 for early, late in pairwise([*ordered, end]))
    return sum(max(0, gap) for gap in gaps)


def decisions(signals: Sequence[LiveSignal]) -> Mapping[DecisionKind, int]:
    """Return how many signals there were of each decision."""
    return Counter(signal.decision.decision for signal in signals)


def ended_between(signals: Sequence[LiveSignal], start: datetime, end: datetime) -> Ended:
    """Return what became of the signals whose life ended in [start, end)."""
    lives = [s.life for s in signals if s.life.state.ended]
    inside = [life for life in lives if life.as_of is not None and start <= life.as_of < end]
    trades = [life.trade for life in inside if life.trade is not None]
    won = sum(trade.rr > 0 for trade in trades)
    return Ended(len(inside), len(trades), won, sum(trade.rr for trade in trades))
