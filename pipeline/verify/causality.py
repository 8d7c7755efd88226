"""Two checks of what may be known when: no look ahead, no repainting, and enough look-back."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from pipeline.detectors.base import bar_times
from pipeline.verify.results import Check, Difference, verdict_of
from pipeline.verify.said import Said, first_difference
from pipeline.verify.subject import SIGNALS, Subject

NINE_DIGITS = 1e-9
"""Averages over the past forget what came before the window only almost: to nine digits."""

_ANYWHERE = 3

PREFIXES = ("without the bars after", "with the bars after")
WARM_UP = ("from the declared look-back", "from all of history")


def drawn_rows(
    said: Mapping[str, Said], bars: pd.DataFrame, rng: np.random.Generator, n: int
) -> np.ndarray:
    """Draw rows where a fault would show; sorted, unique, `n` of them unless the bars are fewer.

    In turn of chance: at a signal, at an event, at an event's time of day on another day,
    anywhere. At a signal or event it is the bar at whose close it was said, the one before or
    the one after, so that a look ahead is met from both sides. What was said and later unsaid
    leaves no trace in `said`; it happens at the same times of day, so cuts there meet it.
    """
    rows: set[int] = set()
    closes = bar_times(bars, "close_time")
    at = {name: np.searchsorted(closes, part.known_at) for name, part in said.items() if len(part)}
    events = [name for name in at if name != SIGNALS]
    while len(rows) < min(n, len(bars)):
        kind, drawn = rng.integers(4), int(rng.integers(len(bars)))
        if kind == 0 and SIGNALS in at:
            drawn = int(rng.choice(at[SIGNALS]) + rng.integers(-1, 2))
        elif kind != _ANYWHERE and events:
            event = int(rng.choice(at[events[int(rng.integers(len(events)))]]))
            other = _same_time(closes, event, drawn) if kind == 1 else event
            drawn = other + int(rng.integers(-1, 2))
        rows.add(min(max(drawn, 0), len(bars) - 1))
    return np.array(sorted(rows), dtype="int64")


def _same_time(closes: np.ndarray, event: int, day_of: int) -> int:
    """Return the row at a bar's time of day (UTC) on the day of another."""
    event = min(event, len(closes) - 1)
    time_of_day = closes[event] - closes[event].astype("datetime64[D]")
    return int(np.searchsorted(closes, closes[day_of].astype("datetime64[D]") + time_of_day))


def prefix_invariance(
    subject: Subject, bars: pd.DataFrame, cuts: Iterable[int], behind: int, ahead: int
) -> Check:
    """Compare what is said of the bars up to a cut with what is said of them and of bars after.

    All that was known by the cut must be the same, bit for bit: nothing may change, vanish or
    appear because of bars that came later.

    Parameters
    ----------
    cuts
        Row numbers: the last bar that the shorter side sees.
    behind, ahead
        How many bars up to the cut, and after it, are looked at; more than there are: all.
    """
    compared, done, cut_bars = 0, 0, 0
    longer: tuple[tuple[int, int], Mapping[str, Said]] | None = None
    for cut in cuts:
        first, last = max(cut + 1 - behind, 0), min(cut + 1 + ahead, len(bars))
        moment = bar_times(bars[cut : cut + 1], "close_time")[0]
        if longer is None or longer[0] != (first, last):
            longer = (first, last), subject.said(_window(bars, first, last))
        shorter = subject.said(_window(bars, first, cut + 1))
        done, cut_bars = done + 1, cut_bars + last - first
        for name, part in shorter.items():
            other = longer[1][name].until(moment)
            difference = first_difference(name, part, other)
            compared += len(part)
            if difference is not None:
                return _prefixes(compared, difference, done, cut_bars)
    return _prefixes(compared, None, done, cut_bars)


def _prefixes(compared: int, difference: Difference | None, cuts: int, seen: int) -> Check:
    figures: dict[str, int | float] = {"cuts": cuts, "bars": seen}
    return verdict_of("prefixes", PREFIXES, compared, difference, figures)


def warm_up_sufficiency(
    subject: Subject, bars: pd.DataFrame, ends: Iterable[int], full: Mapping[str, Said]
) -> Check:
    """Compare what is said at a bar from the declared look-back alone with all of history.

    Of each tool the statements at that bar; of the signals those of that bar's whole day up to
    it. Ends with less history than a part declares are left out for that part.

    Parameters
    ----------
    full
        What is said of all the bars.
    """
    compared, done = 0, 0
    needs = subject.needs()
    for end in ends:
        moment = bar_times(bars[end : end + 1], "close_time")[0]
        day = subject.day(bars["close_time"].iloc[end].to_pydatetime())
        for name, width in needs.items():
            if end + 1 < width:
                continue
            window = _window(bars, end + 1 - width, end + 1)
            told = _last(name, subject.said(window, name)[name], moment, day)
            wanted = _last(name, full[name], moment, day)
            difference = first_difference(name, told, wanted, NINE_DIGITS)
            compared += len(wanted)
            if difference is not None:
                return _warm(compared, difference, done + 1)
        done += end + 1 >= max(needs.values())
    return _warm(compared, None, done)


def _last(name: str, part: Said, moment: np.datetime64, day: str) -> Said:
    """Return what was said at a moment; signals: on its day up to it. Zones' ids may differ."""
    part = part.until(moment)
    if name != SIGNALS:
        return part.since(moment).without("zone_id")
    return part.rows(part.columns["day"] == day)


def _warm(compared: int, difference: Difference | None, ends: int) -> Check:
    return verdict_of("warm_up", WARM_UP, compared, difference, {"ends": ends})


def _window(bars: pd.DataFrame, first: int, last: int) -> pd.DataFrame:
    return bars[first:last].reset_index(drop=True)
