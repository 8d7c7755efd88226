"""IB_raid_v1 a second time, bar by bar in plain Python from the prose of the definitions.

The raid's own machine is that of the Frankfurt reference ("same machine"), equally plain.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from tests.kit.reference_frank_raid import _inversion, _raids, _spoilt, wilder
from tests.kit.reference_turns import breaks, clock, days_of, longer, session, within

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


@dataclass
class Half:
    """A call with two targets, half of the position each."""

    known_at: datetime
    side: int
    entry: float
    stop: float
    middle: float
    opposite: float


def signals(bars, minutes, tick, opening):
    """Return the calls in the order they become known; `opening`: (zone, start, end) of the IB."""
    atr, calls = wilder(bars), []
    zone, start, end = opening
    fives = bars if minutes >= 5 else longer(bars, 5)
    turns = [(fives[i].closed, side) for i, side, changed in breaks(fives, 3) if changed]
    averages = _average_days(bars, minutes)
    for day, rows in days_of(bars, BERLIN).items():
        found = session(bars, rows, clock(day, start, zone), clock(day, end, zone), minutes)
        if found is None:
            continue
        known, low, high = found
        usual = next((v for ended, v in reversed(averages) if ended <= bars[known].closed), None)
        if usual is None or high - low > 0.6 * usual:
            continue
        watch = within(bars, rows, clock(day, "10:00", BERLIN), clock(day, "12:00", BERLIN))
        watch = [i for i in watch if i > known]
        both = [_side(bars, atr, turns, watch, side, low, high, tick) for side in (1, -1)]
        calls += sorted((c for c in both if c is not None), key=lambda c: (c.known_at, -c.side))
    return calls


def _average_days(bars, minutes):
    """(end of a trading day, mean range of the last 20 that count) by 17:00 New York."""
    days = {}
    for bar in bars:
        days.setdefault((bar.opened.astimezone(NEW_YORK) + timedelta(hours=7)).date(), []).append(
            bar
        )
    found, ranges = [], []
    for day, held in days.items():
        end = clock(day, "17:00", NEW_YORK)
        hours = {bar.opened.replace(minute=0) for bar in held}
        if len(hours) < 12 or end > bars[-1].closed:
            continue
        ranges.append(max(bar.high for bar in held) - min(bar.low for bar in held))
        if len(ranges) >= 20:
            found.append((end, sum(ranges[-20:]) / 20))
    return found


def _side(bars, atr, turns, watch, side, low, high, tick):
    """Return the first complete call of one side, trying every raid of the day."""
    level, opposite = (low, high) if side > 0 else (high, low)
    for sweep, reclaim, extreme in _raids(bars, watch, side, level, high - low, tick):
        signal = _confirmed(bars, atr, turns, [i for i in watch if i >= sweep], side, sweep)
        if signal is None:
            continue
        signal = max(reclaim, signal)
        if _spoilt(bars, range(reclaim + 1, signal + 1), side, (level, opposite, extreme)):
            continue
        spread = bars[signal].spread
        recent = [bar.spread for bar in bars[max(0, signal - 239) : signal + 1]]
        entry = bars[signal].close + (spread if side > 0 else 0)
        stop = extreme - side * (0.1 * atr[signal] + spread)
        risk, middle = side * (entry - stop), (low + high) / 2
        dear = spread > 2 * max(median(recent), tick) or risk < 3 * spread
        if not dear and risk > 0 and side * (middle - entry) > 0:
            return Half(bars[signal].closed, side, entry, stop, middle, opposite)
    return None


def _confirmed(bars, atr, turns, since, side, sweep):
    """Return the first bar that knows an inverted gap or a change of character on M5."""
    if not since:
        return None
    inverted = _inversion(bars, atr, since, side, sweep - 15)
    turned = next(
        (
            i
            for i in since
            if any(s == side and bars[i - 1].closed < at <= bars[i].closed for at, s in turns)
        ),
        None,
    )
    return min((i for i in (inverted, turned) if i is not None), default=None)
