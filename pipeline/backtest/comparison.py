"""Comparing two lists of trades: which are the same, and whether the difference is chance."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

import numpy as np

from pipeline.backtest.daily import by_day
from pipeline.backtest.metrics import metrics
from pipeline.backtest.robustness import (
    DRAWS,
    MIN_DAYS,
    day_interval,
    stationary_sums,
    verdict,
)
from pipeline.domain.comparison import (
    Cause,
    Comparison,
    FigurePair,
    LoneTrade,
    RunFacts,
    SettingPair,
)
from pipeline.domain.report import Interval, Metrics
from pipeline.domain.trade import Trade

_SUMS = 5  # columns of a day's sums: trades, R, wins, money won, money lost
_TOO_OFTEN = 0.025  # share of draws without a value that would reach into the interval's end
_CLOSE = 1e-9

Moment = tuple[int, datetime]
"""A side's sign and a time."""
Key = Callable[[Trade], Moment | None]


@dataclass(frozen=True)
class Kept:
    """What the archive keeps of a run.

    `known` and `missed` are by signal id: when the signal was known, and why it became no trade.
    """

    facts: RunFacts
    trades: Sequence[Trade]
    known: Mapping[str, Moment] = field(default_factory=dict)
    missed: Mapping[str, str] = field(default_factory=dict)


def compare(
    one: Kept, two: Kept, settings: Sequence[SettingPair] = (), *, seed: int = 1
) -> Comparison:
    """Return two runs side by side, all differences as the second's less the first's.

    Notes
    -----
    Trades are the same if side and the time their signal was known agree; what is left over, if
    side and entry time do. Intervals come from days of both periods drawn in blocks (stationary
    bootstrap), both runs' trades of a day together: what moved both cancels out. Below 30 such
    days there is none.
    """
    start, end = shared_period(one.facts, two.facts)
    differences, days = paired_differences(one.trades, two.trades, start, end, seed)
    matched = one.facts.symbol == two.facts.symbol
    pairs, left, right = match(one, two) if matched else ([], [], [])
    return Comparison(
        one=one.facts,
        two=two.facts,
        settings=tuple(settings),
        figures=_figures(metrics(one.trades), metrics(two.trades), differences),
        shared_start=start,
        shared_end=end,
        days=days,
        seed=seed,
        verdict=verdict(differences.get("total_r")),
        matched=matched,
        shared=len(pairs),
        unequal=sum(not same_result(a, b) for a, b in pairs),
        only_one=tuple(lone(trade, one, two) for trade in left),
        only_two=tuple(lone(trade, two, one) for trade in right),
    )


def shared_period(one: RunFacts, two: RunFacts) -> tuple[date | None, date | None]:
    """Return the first and last day that both runs cover; None, None without such a day."""
    start, end = max(one.start, two.start), min(one.end, two.end)
    return (start, end) if start <= end else (None, None)


def match(one: Kept, two: Kept) -> tuple[list[tuple[Trade, Trade]], list[Trade], list[Trade]]:
    """Return the pairs of the same trade, and what only one of the runs has, in their order."""
    pairs, left, right = _paired(one.trades, two.trades, _by_signal(one), _by_signal(two))
    more, left, right = _paired(left, right, _by_entry, _by_entry)
    return [*pairs, *more], left, right


def _by_signal(kept: Kept) -> Key:
    return lambda trade: kept.known.get(trade.signal_id)


def _by_entry(trade: Trade) -> Moment | None:
    return trade.side.sign, trade.entry_time


def _paired(
    ones: Sequence[Trade], twos: Sequence[Trade], key_one: Key, key_two: Key
) -> tuple[list[tuple[Trade, Trade]], list[Trade], list[Trade]]:
    waiting: dict[Moment, list[int]] = defaultdict(list)
    for row, trade in enumerate(twos):
        if (key := key_two(trade)) is not None:
            waiting[key].append(row)
    pairs, left, taken = [], [], set()
    for trade in ones:
        key = key_one(trade)
        rows = waiting[key] if key is not None else []
        if rows:
            taken.add(rows[0])
            pairs.append((trade, twos[rows.pop(0)]))
        else:
            left.append(trade)
    return pairs, left, [trade for row, trade in enumerate(twos) if row not in taken]


def same_result(one: Trade, two: Trade) -> bool:
    """Whether two trades were entered and left alike, for the same R."""
    exact = ("entry_time", "exit_time", "exit_reason")
    close = ("entry_price", "exit_price", "rr")
    return all(getattr(one, name) == getattr(two, name) for name in exact) and all(
        abs(getattr(one, name) - getattr(two, name)) <= _CLOSE for name in close
    )


class Repetition(NamedTuple):
    """How the trades of a second time differ from those of the first.

    `first` counts those of the first time; `gone` and `new` are in one of them only, `altered`
    in both with another price, time, size or result.
    """

    first: int
    gone: int
    new: int
    altered: int

    @property
    def differing(self) -> int:
        """How many trades differ in any way; 0: the second time is identical."""
        return self.gone + self.new + self.altered


def repetition(first: Kept, again: Kept) -> Repetition:
    """Return how a result differs from that of the first time, trade by trade."""
    pairs, gone, new = match(first, again)
    altered = sum(not _identical(a, b) for a, b in pairs)
    return Repetition(len(first.trades), len(gone), len(new), altered)


def _identical(one: Trade, two: Trade) -> bool:
    """Whether two trades agree in everything but their ids, numbers to rounding."""
    left, right = (t.model_dump(exclude={"trade_id", "signal_id"}) for t in (one, two))
    return all(
        math.isclose(value, right[name], rel_tol=_CLOSE, abs_tol=_CLOSE)
        if isinstance(value, float)
        else value == right[name]
        for name, value in left.items()
    )


def lone(trade: Trade, own: Kept, other: Kept) -> LoneTrade:
    """Return a trade of one run with the cause for which the other doesn't have it."""
    known = own.known.get(trade.signal_id)
    day = (known[1] if known else trade.entry_time).date()
    if not other.facts.start <= day <= other.facts.end:
        return LoneTrade(trade=trade, cause=Cause.OUTSIDE)
    same = [signal for signal, moment in other.known.items() if moment == known]
    if not same:
        return LoneTrade(trade=trade, cause=Cause.NO_SIGNAL)
    reasons = [other.missed[signal] for signal in same if signal in other.missed]
    return LoneTrade(trade=trade, cause=Cause.UNFILLED, reason=next(iter(reasons), ""))


def paired_differences(
    one: Sequence[Trade], two: Sequence[Trade], start: date | None, end: date | None, seed: int
) -> tuple[dict[str, Interval], int]:
    """Return the second's figures less the first's with intervals, and the days behind them.

    Only trades entered within [start, end] count, on the UTC day of their exit.
    """
    if start is None or end is None:
        return {}, 0
    inside = [[t for t in part if start <= t.entry_time.date() <= end] for part in (one, two)]
    ends = [np.array([t.exit_time.date() for t in part], dtype="datetime64[D]") for part in inside]
    sums = [_sums(part) for part in inside]
    blank = [np.zeros_like(part) for part in sums]
    joined = np.vstack([np.hstack([sums[0], blank[0]]), np.hstack([blank[1], sums[1]])])
    days = np.concatenate(ends)
    count = len(np.unique(days))
    if count < MIN_DAYS:
        return {}, count
    per_day = by_day(days, joined)
    drawn = stationary_sums(per_day, np.random.default_rng(seed), DRAWS)
    seen, found = _differences(per_day.sum(axis=0)[None]), {}
    for name, values in _differences(drawn).items():
        value, finite = float(seen[name][0]), np.isfinite(values)
        if np.isfinite(value) and 1 - finite.mean() < _TOO_OFTEN:
            found[name] = day_interval(value, values[finite], count)
    return found, count


def _sums(trades: Sequence[Trade]) -> np.ndarray:
    rows = [[1.0, t.rr, float(t.rr > 0), max(t.pnl, 0.0), max(-t.pnl, 0.0)] for t in trades]
    return np.array(rows, dtype="float64").reshape(-1, _SUMS)


def _differences(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Return per row of sums the second's figures less the first's; NaN where undefined."""
    one, two = _figures_of(sums[:, :_SUMS]), _figures_of(sums[:, _SUMS:])
    return {name: two[name] - one[name] for name in one}


def _figures_of(sums: np.ndarray) -> dict[str, np.ndarray]:
    count, total, wins, won, lost = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "win_rate": wins / count,
            "expectancy_r": total / count,
            "profit_factor": np.where(lost > 0, won / lost, np.nan),
            "total_r": total,
            "trades": count,
        }


def _figures(
    one: Metrics, two: Metrics, differences: Mapping[str, Interval]
) -> tuple[FigurePair, ...]:
    rates = [None if m.win_rate is None else m.win_rate.value for m in (one, two)]
    pairs: list[tuple[str, float | None, float | None]] = [
        ("trades", one.trades, two.trades),
        ("win_rate", rates[0], rates[1]),
        *(
            (name, getattr(one, name), getattr(two, name))
            for name in ("expectancy_r", "profit_factor", "total_r", "max_drawdown_r", "costs")
        ),
    ]
    return tuple(
        FigurePair(name=name, one=a, two=b, difference=differences.get(name))
        for name, a, b in pairs
    )
