"""How much of a result may be chance: intervals by days drawn anew, drawdown in other orders."""

import math
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from pipeline.backtest.daily import by_day, daily_r, sharpe_a_year, sortino_a_year, weekdays
from pipeline.backtest.metrics import Z95
from pipeline.domain.report import DrawdownLuck, Interval, Robustness, Verdict
from pipeline.domain.trade import Trade

DRAWS = 2000
MIN_DAYS = 30
"""Fewer days than this are too few to draw from; the standard error has to do."""
MIN_TRADES = 5
"""Fewer trades than this say nothing at all."""
_CELLS = 1_000_000  # of one chunk of shuffled trades, to bound the memory
_MOST_CELLS = 4_000_000


def robustness(
    trades: Sequence[Trade],
    rng: np.random.Generator,
    *,
    first: date,
    last: date,
    draws: int = DRAWS,
) -> Robustness:
    """Return what chance alone can do to the figures of `trades`.

    Parameters
    ----------
    rng
        The same seed gives the same figures.
    first, last
        The tested days, both included: weekdays without a trade count as 0 R in the Sharpe and
        Sortino ratios.

    Notes
    -----
    Trades of one day stay together and days are drawn in blocks, as trades close in time share
    the market's mood. Intervals hold the figure at 95 %.
    """
    ordered = sorted(trades, key=lambda t: (t.exit_time, t.trade_id))
    rr = np.array([t.rr for t in ordered])
    pnl = np.array([t.pnl for t in ordered])
    ends = np.array([t.exit_time.date() for t in ordered], dtype="datetime64[D]")
    days = len(np.unique(ends))
    enough = days >= MIN_DAYS
    drawn = resampled(rr, pnl, ends, rng, draws) if enough else None
    expectancy = drawn.expectancy if drawn else student(rr)
    r_by_weekday = daily_r(ends, rr, weekdays(first, last))
    return Robustness(
        verdict=verdict(expectancy),
        days=days,
        by_days=enough,
        block_days=block_days(days),
        draws=draws if enough else 0,
        expectancy_r=expectancy,
        profit_factor=drawn.profit_factor if drawn else None,
        drawdown_r=drawdown_luck(rr, rng, draws),
        sharpe=sharpe_a_year(r_by_weekday),
        sortino=sortino_a_year(r_by_weekday),
    )


def verdict(expectancy: Interval | None) -> Verdict:
    """Say whether the interval leaves zero out, and on which side."""
    if expectancy is None:
        return Verdict.TOO_FEW
    if expectancy.low > 0:
        return Verdict.ABOVE
    return Verdict.BELOW if expectancy.high < 0 else Verdict.OPEN


def student(rr: np.ndarray) -> Interval | None:
    """Return the mean with Student's 95 % interval; None below five values."""
    n = len(rr)
    if n < MIN_TRADES:
        return None
    mean = float(rr.mean())
    half = student_95(n - 1) * float(rr.std(ddof=1)) / math.sqrt(n)
    return Interval(value=mean, low=mean - half, high=mean + half)


def student_95(freedom: int) -> float:
    """Return Student's two-sided 95 % quantile for at least four degrees of freedom.

    Notes
    -----
    The series of Abramowitz & Stegun 26.7.5 to its fourth term; off by 0.001 at most.
    """
    z, v = Z95, freedom
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )


class Resampled(NamedTuple):
    """Intervals of a bootstrap; None for a profit factor that some draws leave undefined."""

    expectancy: Interval
    profit_factor: Interval | None


def resampled(
    rr: np.ndarray, pnl: np.ndarray, ends: np.ndarray, rng: np.random.Generator, draws: int
) -> Resampled:
    """Return 95 % intervals of the mean R and the profit factor (money) of at least one trade.

    `ends` is the day (datetime64[D]) of each trade's exit.
    """
    gains, losses = np.maximum(pnl, 0.0), np.maximum(-pnl, 0.0)
    per_day = by_day(ends, np.column_stack([np.ones_like(rr), rr, gains, losses]))
    count, total, won, lost = stationary_sums(per_day, rng, draws).T
    expectancy = day_interval(float(rr.mean()), total / count, len(per_day))
    if losses.sum() == 0:
        return Resampled(expectancy, None)
    factors = np.divide(won, lost, out=np.full(draws, np.inf), where=lost > 0)
    factor = day_interval(float(gains.sum() / losses.sum()), factors, len(per_day))
    return Resampled(expectancy, factor if math.isfinite(factor.high) else None)


def day_interval(value: float, drawn: np.ndarray, days: int) -> Interval:
    """Return the middle 95 % of `drawn`, widened for few days, with `value` inside.

    A bootstrap's percentiles are too narrow for small samples, as a normal interval is beside
    Student's; the levels are moved out accordingly (Hesterberg 2015, "expanded percentiles").
    Drawing single days understates the variance by 1/n; blocks of mean length L by (2L − 1)/n,
    as the autocovariances that they keep are each −1/n too low on the average.
    """
    reach = student_95(days - 1) * math.sqrt(days / (days + 1 - 2 * block_days(days)))
    tail = math.erfc(reach / math.sqrt(2)) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], method="closest_observation")
    return Interval(value=value, low=min(float(low), value), high=max(float(high), value))


def block_days(days: int) -> float:
    """Return the mean length of a block: the cube root of the days (Hall et al. 1995)."""
    return max(1.0, math.cbrt(days))


def stationary_sums(values: np.ndarray, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Return the column sums of `draws` stationary bootstrap samples of the rows of `values`.

    Parameters
    ----------
    values
        (days, columns), one row a day, in order; at least one row.

    Returns
    -------
    np.ndarray
        (draws, columns).

    Notes
    -----
    Politis & Romano 1994: blocks begin at a random day, have a geometric length, go on past the
    end at the beginning, and are cut where the sample is as long as the original. Sums over
    blocks come from running sums, so the cost is that of the blocks and not of the days.
    """
    days = len(values)
    begins, lengths = stationary_blocks(days, rng, draws)
    running = np.zeros((2 * days + 1, values.shape[1]))
    np.cumsum(np.vstack([values, values]), axis=0, out=running[1:])
    columns = (running[:, i] for i in range(values.shape[1]))
    return np.column_stack([(c[begins + lengths] - c[begins]).sum(axis=1) for c in columns])


def stationary_blocks(
    days: int, rng: np.random.Generator, draws: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return (draws, blocks): the first day of each block, and its length; 0: not used.

    Days are counted on past the end at the beginning; lengths of a draw add up to `days`.
    """
    chance = 1.0 / block_days(days)
    per_draw = int(days * chance + 6 * math.sqrt(days * chance) + 6)
    ends = np.zeros((draws, 0), dtype=np.int64)
    while ends.shape[1] == 0 or ends[:, -1].min() < days:
        more = np.cumsum(rng.geometric(chance, (draws, per_draw)), axis=1)
        ends = np.hstack([ends, more + (ends[:, -1:] if ends.shape[1] else 0)])
    ends = np.minimum(ends, days)
    return rng.integers(0, days, ends.shape), np.diff(ends, axis=1, prepend=0)


def drawdown_luck(rr: np.ndarray, rng: np.random.Generator, draws: int) -> DrawdownLuck | None:
    """Return how deep the drawdown is when the same trades come in other orders.

    None below five trades. Beyond 2,000 trades fewer orders are drawn, so that it stays quick.
    """
    n = len(rr)
    if n < MIN_TRADES:
        return None
    wanted = max(200, min(draws, _MOST_CELLS // n))
    chunk = max(1, _CELLS // n)
    sizes = [min(chunk, wanted - done) for done in range(0, wanted, chunk)]
    deepest = np.concatenate([_drawdowns(rr, rng, size) for size in sizes])
    median, high = np.quantile(deepest, [0.5, 0.95])
    return DrawdownLuck(median=float(median), high=float(high))


def _drawdowns(rr: np.ndarray, rng: np.random.Generator, orders: int) -> np.ndarray:
    shuffled = rng.permuted(np.tile(rr, (orders, 1)), axis=1)
    equity = np.zeros((orders, len(rr) + 1))
    np.cumsum(shuffled, axis=1, out=equity[:, 1:])
    return np.asarray((np.maximum.accumulate(equity, axis=1) - equity).max(axis=1))
