"""The two Asia setups a second time, bar by bar in plain Python from the prose of the definitions."""

from zoneinfo import ZoneInfo

from tests.kit.reference_frank_raid import Call, wilder
from tests.kit.reference_turns import breaks, clock, days_of, gap, session, within

TOKYO, BERLIN, LONDON = (ZoneInfo(z) for z in ("Asia/Tokyo", "Europe/Berlin", "Europe/London"))


def _ranges(bars, minutes):
    """(day, its rows, row known, low, high) of every complete Asia session."""
    for day, rows in days_of(bars, LONDON).items():
        around = range(max(0, rows[0] - 3 * 60 // minutes), rows[-1] + 1)
        start, end = clock(day, "09:00", TOKYO), clock(day, "15:00", TOKYO)
        found = session(bars, around, start, end, minutes)
        if found is not None:
            yield day, rows, *found


def _call(bars, i, side, entry, risk):
    return Call(bars[i].closed, side, entry, entry - side * risk, entry + side * 2 * risk)


def gap_breaks(bars, minutes):
    """Asia_fvg_break_v2, in the order the calls become known."""
    atr, turns, calls = wilder(bars), breaks(bars, 3), []
    for day, rows, known, low, high in _ranges(bars, minutes):
        morning = within(bars, rows, clock(day, "08:00", BERLIN), clock(day, "12:00", BERLIN))
        beyond = [i for i in morning if i >= known and not low <= bars[i].close <= high]
        if beyond:
            side = 1 if bars[beyond[0]].close > high else -1
            call = _gap_break(bars, atr, turns, beyond[0], side, high if side > 0 else low)
            if call is not None and call.known_at < clock(day, "13:00", BERLIN):
                calls.append(call)
    return calls


def _gap_break(bars, atr, turns, first, side, level):
    """The call of the earliest gap known at the bar that broke the level or within two more."""
    for i in range(first, min(first + 3, len(bars))):
        found = gap(bars, atr, i)
        if found is None or found[0] != side:
            continue
        near, far = (found[2], found[1]) if side > 0 else (found[1], found[2])
        if side * (near - level) <= 0:
            continue
        last = next((turn for turn in reversed(turns) if turn[0] <= i), None)
        back = any(side * (bars[j].close - level) < 0 for j in range(first + 1, i + 1))
        if last is None or last[1] != side or back:
            return None
        stop = far - side * (0.1 * atr[i] + bars[i].spread)
        return _call(bars, i, side, near, max(side * (near - stop), 0.5 * atr[i]))
    return None


def sweep_engulfs(bars, minutes, tick):
    """Asia_sweep_engulf_v1, in the order the calls become known."""
    atr, calls = wilder(bars), []
    for day, rows, known, low, high in _ranges(bars, minutes):
        eight, eleven = clock(day, "08:00", LONDON), clock(day, "11:00", LONDON)
        after = [i for i in rows if i > known and bars[i].closed <= eleven]
        both = []
        for side in (1, -1):
            call = _sweep_engulf(bars, atr, after, side, low, high, tick, eight)
            both += [] if call is None else [call]
        calls += sorted(both, key=lambda c: (c.known_at, -c.side))
    return calls


def _sweep_engulf(bars, atr, after, side, low, high, tick, eight):
    """The first engulfing bar back inside once a side was swept; it may sweep itself."""
    level, swept, extreme = (low if side > 0 else high), False, None
    for i in after:
        bar, before = bars[i], bars[i - 1]
        tip = bar.low if side > 0 else bar.high
        # A part of a tick: 1.1015 − 1.10149 isn't quite a tick in binary.
        if not swept and side * (level - tip) > max(tick, bar.spread) + 1e-6 * tick:
            swept, extreme = True, tip
        if not swept:
            continue
        extreme = min(extreme, tip) if side > 0 else max(extreme, tip)
        inside = low < bar.close < high
        if bar.opened < eight or not inside or not _engulfs(bar, before, side):
            continue
        spread = bar.spread
        entry = bar.close + (spread if side > 0 else 0)
        risk = side * (entry - (extreme - side * (0.1 * atr[i] + spread)))
        return _call(bars, i, side, entry, risk)
    return None


def _engulfs(bar, before, side):
    """The body goes the trade's way and covers the opposite body before it, not just its equal."""
    if side * (bar.close - bar.open) <= 0 or side * (before.close - before.open) >= 0:
        return False
    covers = side * (bar.close - before.open) >= 0 and side * (bar.open - before.close) <= 0
    return covers and (bar.close, bar.open) != (before.open, before.close)
