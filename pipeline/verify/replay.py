"""The live path fed bar by bar, against the backtest: all of its signals and no other."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from pipeline.data.buffer import BarBuffer
from pipeline.data.clean import VALUES, resample
from pipeline.detectors.base import bar_times
from pipeline.setups.engine import Found
from pipeline.setups.live import LiveSetup
from pipeline.verify.causality import NINE_DIGITS
from pipeline.verify.results import Check, Difference, verdict_of
from pipeline.verify.said import Said, first_difference, said_by_setup
from pipeline.verify.subject import SIGNALS, SetupSubject, local_days

SIDES = ("live, bar by bar", "backtest")


def first_of_sessions(subject: SetupSubject, bars: pd.DataFrame, sessions: int) -> int:
    """Return the row at which the last `sessions` days of the setup's zone with bars begin."""
    days, starts = np.unique(local_days(bars, subject.spec.zone), return_index=True)
    weekdays = starts[np.is_busday(days)]
    return int(weekdays[-sessions]) if len(weekdays) >= sessions else 0


def replay(
    subject: SetupSubject,
    bars: pd.DataFrame,
    full: Said,
    first: int,
    last: int,
    buffer: Callable[[LiveSetup], BarBuffer] = LiveSetup.buffer,
) -> Check:
    """Feed the bars of rows [first, last) one by one to a live buffer and scan at each close.

    Parameters
    ----------
    full
        The signals of a backtest over all the bars.
    buffer
        Makes the buffer to feed; it is given the bars before `first` at once.

    Notes
    -----
    Besides the signals, the buffer's bars of every timeframe are compared with those that the
    backtest makes of all bars, bit for bit, at the end and at each new signal of the backtest.
    """
    live = LiveSetup(subject.spec, subject.trigger, subject.instrument)
    feed = buffer(live)
    feed.append(bars[:first])
    signals, plans, scans = [], [], 0
    closes = bar_times(bars, "close_time")
    wanted = full.until(closes[last - 1]) if last else full.rows(slice(0, 0))
    wanted = wanted.since(closes[first]) if first < last else wanted.rows(slice(0, 0))
    looked_at = {*np.searchsorted(closes, wanted.known_at).tolist(), last - 1}
    compared = 0
    for row in range(first, last):
        feed.append(bars[row : row + 1])
        found = live.scan(feed, news=subject.news)
        scans += bool(found.funnel)
        signals += found.signals
        plans += found.plans
        if row in looked_at:
            count, difference = _same_bars(feed, live, bars[: row + 1])
            compared += count
            if difference is not None:
                return _verdict(compared, difference, row + 1 - first, scans, len(signals))
    said = said_by_setup(Found(signals, plans, []))
    difference = first_difference(SIGNALS, said, wanted, NINE_DIGITS)
    return _verdict(compared + len(wanted), difference, last - first, scans, len(signals))


def _verdict(
    compared: int, difference: Difference | None, bars: int, scans: int, signals: int
) -> Check:
    figures: dict[str, int | float] = {"bars": bars, "scans": scans, "signals": signals}
    return verdict_of("replay", SIDES, compared, difference, figures)


def _same_bars(
    feed: BarBuffer, live: LiveSetup, bars: pd.DataFrame
) -> tuple[int, Difference | None]:
    """Compare the buffer's frames with the ends of those made of all the bars."""
    compared = 0
    for timeframe in feed.timeframes:
        held = feed.frame(timeframe)
        made = resample(bars, live.trigger, timeframe)
        made = made[max(len(made) - live.depths[timeframe], 0) :]
        difference = first_difference(f"{timeframe} bars", _bars(held), _bars(made))
        compared += len(held)
        if difference is not None:
            return compared, difference
    return compared, None


def _bars(bars: pd.DataFrame) -> Said:
    columns = {name: bars[name].to_numpy() for name in VALUES}
    return Said(bar_times(bars, "close_time"), {"value": bars["close"].to_numpy(), **columns})
