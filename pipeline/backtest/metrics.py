"""Figures of a list of trades, each with what it is worth."""

import math
from collections.abc import Sequence

import numpy as np

from pipeline.domain.report import Interval, Metrics, MonthResult
from pipeline.domain.trade import Trade

Z95 = 1.959963984540054


def wilson(wins: int, trades: int, z: float = Z95) -> Interval | None:
    """Return a win rate with Wilson's score interval (Wilson 1927); None without trades."""
    if trades == 0:
        return None
    rate = wins / trades
    scale = 1 + z * z / trades
    middle = (rate + z * z / (2 * trades)) / scale
    half = z * math.sqrt(rate * (1 - rate) / trades + z * z / (4 * trades * trades)) / scale
    # At the ends the bounds are 0 and 1 exactly; rounding would miss them by a hair.
    low = 0.0 if wins == 0 else max(0.0, middle - half)
    high = 1.0 if wins == trades else min(1.0, middle + half)
    return Interval(value=rate, low=low, high=high)


def drawdown(results: np.ndarray) -> float:
    """Return the deepest fall of the running sum below its highest point so far (from 0), ≥ 0."""
    equity = np.concatenate([[0.0], np.cumsum(results)])
    return float(np.max(np.maximum.accumulate(equity) - equity))


def profit_factor(results: np.ndarray) -> float | None:
    """Return gains over losses; None where nothing was lost."""
    lost = -results[results < 0].sum()
    return float(results[results > 0].sum() / lost) if lost > 0 else None


def longest_run(flags: np.ndarray) -> int:
    """Return the length of the longest run of True."""
    best = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return best


def metrics(trades: Sequence[Trade]) -> Metrics:
    """Return the figures of `trades`, taken in the order of their exits.

    Win: net R above zero. Expectancy's standard error is the sample's, s/√n, None below two
    trades. The break-even rate is the win rate at which this list's average win and loss (in R,
    after costs) would cancel; it is None until there is one of each.
    """
    ordered = sorted(trades, key=lambda t: (t.exit_time, t.trade_id))
    n = len(ordered)
    rr = np.array([t.rr for t in ordered])
    pnl = np.array([t.pnl for t in ordered])
    won = rr > 0
    average_win = float(rr[won].mean()) if won.any() else None
    average_loss = float(rr[~won].mean()) if n and not won.all() else None
    return Metrics(
        trades=n,
        wins=int(won.sum()),
        win_rate=wilson(int(won.sum()), n),
        expectancy_r=float(rr.mean()) if n else None,
        expectancy_se=float(rr.std(ddof=1) / math.sqrt(n)) if n > 1 else None,
        profit_factor=profit_factor(pnl),
        total_r=float(rr.sum()),
        total_points=float(sum(t.pnl_points for t in ordered)),
        total_pnl=float(pnl.sum()),
        costs=float(sum(t.cost for t in ordered)),
        swap=float(sum(t.swap for t in ordered)),
        max_drawdown_r=drawdown(rr),
        max_drawdown_pnl=drawdown(pnl),
        break_even_rate=_break_even(average_win, average_loss),
        average_win_r=average_win,
        average_loss_r=average_loss,
        longest_losing_run=longest_run(~won),
        ambiguous=sum(t.ambiguous for t in ordered),
        total_r_worst=float(sum(t.rr_worst for t in ordered)),
        total_r_best=float(sum(t.rr_best for t in ordered)),
        months=_months(ordered),
    )


def _break_even(average_win: float | None, average_loss: float | None) -> float | None:
    if average_win is None or average_loss is None:
        return None
    return -average_loss / (average_win - average_loss)


def _months(ordered: Sequence[Trade]) -> tuple[MonthResult, ...]:
    by_month: dict[str, list[Trade]] = {}
    for trade in ordered:
        by_month.setdefault(trade.exit_time.strftime("%Y-%m"), []).append(trade)
    return tuple(
        MonthResult(
            month=month,
            trades=len(group),
            rr=sum(t.rr for t in group),
            pnl=sum(t.pnl for t in group),
        )
        for month, group in by_month.items()
    )
