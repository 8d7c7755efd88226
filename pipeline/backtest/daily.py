"""Results by day: sums of R on a shared axis of days, and their yearly Sharpe and Sortino."""

import math
from datetime import date

import numpy as np

DAYS_A_YEAR = 252


def weekdays(first: date, last: date) -> np.ndarray:
    """Return Monday to Friday from `first` to `last`, both included, as datetime64[D]."""
    days = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    return days[np.is_busday(days)]


def daily_r(ends: np.ndarray, rr: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return the sum of R on each of `days`; a day without a trade has 0.

    Parameters
    ----------
    ends
        Day of each trade's exit, datetime64[D] (UTC), in any order.
    rr
        R of each trade.
    days
        Sorted days, datetime64[D].

    Notes
    -----
    What ends between two of the days (at a weekend) counts on the later one; what ends after the
    last day counts on the last. Without days there is nothing to sum: empty.
    """
    if not len(days):
        return np.zeros(0)
    rows = np.minimum(np.searchsorted(days, ends), len(days) - 1)
    return np.bincount(rows, weights=rr, minlength=len(days)).astype(float)


def by_day(ends: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the column sums of `values` for each distinct day of `ends`, in order of days."""
    days, rows = np.unique(ends, return_inverse=True)
    sums = [np.bincount(rows, weights=column, minlength=len(days)) for column in values.T]
    return np.column_stack(sums)


def sharpe_a_year(daily: np.ndarray) -> float | None:
    """Return mean over standard deviation (n − 1) of daily results, times √252.

    R is no return on capital, and the ratio doesn't ask for one: it is the same whatever share
    of the account 1 R is, as long as the share is fixed and nothing is compounded. None where
    the results don't vary.
    """
    if len(daily) < 2 or _flat(daily):  # noqa: PLR2004
        return None
    return float(daily.mean() / daily.std(ddof=1) * math.sqrt(DAYS_A_YEAR))


def sortino_a_year(daily: np.ndarray) -> float | None:
    """Return mean over downside deviation of daily results, times √252; None without a loss.

    Downside deviation: root of the mean of squared losses over all days, gains as 0 (Sortino &
    van der Meer 1991).
    """
    downside = math.sqrt(float(np.mean(np.minimum(daily, 0.0) ** 2))) if len(daily) else 0.0
    if downside == 0:
        return None
    return float(daily.mean() / downside * math.sqrt(DAYS_A_YEAR))


def _flat(values: np.ndarray) -> bool:
    return float(np.ptp(values)) == 0.0
