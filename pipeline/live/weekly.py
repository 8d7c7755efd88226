"""A week of signals in sums: what answers earned and saved, what the others would have made."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

import numpy as np

from pipeline.domain.live import Life, LiveSignal
from pipeline.domain.trade import ExitReason

ENOUGH: Final = 20
"""Fewer trades tell nothing that chance doesn't."""

Fate: TypeAlias = Literal["approved", "rejected", "unanswered", "below", "suppressed", "late"]
"""What was done about a signal: approved or rejected by a person, alerted and not answered; not
alerted because it was below the gate, in a cooldown, or late."""
FATES: Final[tuple[Fate, ...]] = (
    "approved", "rejected", "unanswered", "below", "suppressed", "late",
)  # fmt: skip


@dataclass(frozen=True)
class Sum:
    """Trades added up, in R net of costs. `mean` is None without any, `se` below two.

    `se` is the standard error of the mean, the sample's deviation over the root of n.
    """

    trades: int
    total: float
    mean: float | None
    se: float | None

    @property
    def enough(self) -> bool:
        """Whether there are enough to tell anything."""
        return self.trades >= ENOUGH

    @property
    def told_from_zero(self) -> bool:
        """Whether there are enough, and the mean lies two standard errors from zero or more."""
        return self.enough and abs(self.mean or 0.0) >= 2 * (self.se or 0.0)


@dataclass(frozen=True)
class Group:
    """Signals that shared a fate: how many, how many of them still live, what the trades made."""

    fate: Fate
    signals: int
    running: int
    sum: Sum


@dataclass(frozen=True)
class Promise:
    """What confidence promised against what came: of filled trades, how many reached the target.

    `promised` is their mean confidence, `score` the mean score of those that have one; `rate`
    the share that reached the (last) target, `se` its standard error. None without trades.
    """

    trades: int
    reached: int
    promised: float | None
    score: float | None
    rate: float | None
    se: float | None


@dataclass(frozen=True)
class SetupWeek:
    """One setup's week: all its signals; the sums of the approved, the rejected, all others."""

    setup_id: str
    signals: int
    approved: Sum
    rejected: Sum
    others: Sum
    promise: Promise


@dataclass(frozen=True)
class WeekCard:
    """A week of signals. `at_once`: what the approved ones had made without the time to decide."""

    start: datetime
    end: datetime
    signals: int
    groups: tuple[Group, ...]
    at_once: Sum
    setups: tuple[SetupWeek, ...]
    promise: Promise

    @property
    def trades(self) -> int:
        """Filled and ended, whatever was done about them."""
        return sum(group.sum.trades for group in self.groups)

    @property
    def running(self) -> int:
        """Not ended yet."""
        return sum(group.running for group in self.groups)


def week_card(records: Sequence[LiveSignal], start: datetime, end: datetime) -> WeekCard:
    """Sum up signals known in [start, end).

    Notes
    -----
    An approved signal counts with its trade on paper, which begins at the approval; all others
    with what the ticket would have made at once. Orders that never filled are signals without a
    trade. Setups come by their number of signals.
    """
    names = sorted({r.signal.setup_id for r in records})
    by_setup = {n: [r for r in records if r.signal.setup_id == n] for n in names}
    setups = [_setup(name, mine) for name, mine in by_setup.items()]
    at_once = [r.life for r in records if fate_of(r) == "approved"]
    return WeekCard(
        start=start,
        end=end,
        signals=len(records),
        groups=_groups(records),
        at_once=_sum(at_once),
        setups=tuple(sorted(setups, key=lambda s: -s.signals)),
        promise=_promise(records),
    )


def fate_of(record: LiveSignal) -> Fate:
    """Return what was done about a signal."""
    if record.answer is not None:
        return record.answer.choice
    kind = record.decision.decision
    if kind.alerts:
        return "unanswered"
    return _SILENT[kind.value]


_SILENT: Final[dict[str, Fate]] = {
    "rejected": "below", "suppressed": "suppressed", "late": "late",
}  # fmt: skip


def _counted(record: LiveSignal) -> Life:
    """Return the life that counts for what was done about a signal."""
    on_paper = fate_of(record) == "approved" and record.paper is not None
    return record.paper.life if on_paper and record.paper is not None else record.life


def _setup(name: str, records: Sequence[LiveSignal]) -> SetupWeek:
    by_fate: dict[Fate, list[Life]] = {fate: [] for fate in FATES}
    for record in records:
        by_fate[fate_of(record)].append(_counted(record))
    approved, rejected = by_fate.pop("approved"), by_fate.pop("rejected")
    others = [life for lives in by_fate.values() for life in lives]
    return SetupWeek(
        name, len(records), _sum(approved), _sum(rejected), _sum(others), _promise(records)
    )


def _groups(records: Sequence[LiveSignal]) -> tuple[Group, ...]:
    found = []
    for fate in FATES:
        lives = [_counted(r) for r in records if fate_of(r) == fate]
        if lives:
            running = sum(not life.state.ended for life in lives)
            found.append(Group(fate, len(lives), running, _sum(lives)))
    return tuple(found)


def _sum(lives: Sequence[Life]) -> Sum:
    rr = np.array([life.trade.rr for life in lives if life.trade is not None])
    n = len(rr)
    return Sum(
        trades=n,
        total=float(rr.sum()),
        mean=float(rr.mean()) if n else None,
        se=float(rr.std(ddof=1) / math.sqrt(n)) if n > 1 else None,
    )


def _promise(records: Sequence[LiveSignal]) -> Promise:
    """Judge all filled signals alike: what people did about one says nothing of its setup."""
    filled = [r for r in records if r.life.trade is not None]
    reached = sum(
        r.life.trade is not None and r.life.trade.exit_reason is ExitReason.TP for r in filled
    )
    n = len(filled)
    rate = reached / n if n else None
    return Promise(
        trades=n,
        reached=reached,
        promised=_mean([r.signal.confidence for r in filled]),
        score=_mean([r.ml_score for r in filled if r.ml_score is not None]),
        rate=rate,
        se=None if rate is None else math.sqrt(rate * (1 - rate) / n),
    )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
