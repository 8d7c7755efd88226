"""Frank_raid_v1 a second time, bar by bar in plain Python from the prose of the definitions.

It shares nothing with the product but the bar frame: no detector, no engine, no pandas rules.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
HOLE = timedelta(minutes=30)
PATIENCE = timedelta(minutes=30)


@dataclass
class Bar:
    opened: datetime
    closed: datetime
    open: float
    high: float
    low: float
    close: float
    spread: float


@dataclass
class Call:
    known_at: datetime
    side: int
    entry: float
    stop: float
    target: float


def bars_of(frame, spread_points, point):
    rows = zip(
        frame["open_time"].dt.to_pydatetime(), frame["close_time"].dt.to_pydatetime(),
        *(frame[c].tolist() for c in ("open", "high", "low", "close", "spread")), strict=True,
    )  # fmt: skip
    typical = spread_points * point
    return [Bar(*row[:6], typical if row[6] != row[6] else row[6]) for row in rows]


def wilder(bars, n=14):
    """ATR by bar; after a hole a bar's true range is its own high − low."""
    values, atr, first = [], None, []
    before = None
    for bar in bars:
        reach = bar.high - bar.low
        if before is not None and bar.opened - before.closed < HOLE:
            reach = max(bar.high, before.close) - min(bar.low, before.close)
        if atr is not None:
            atr = (atr * (n - 1) + reach) / n
        else:
            first.append(reach)
            if len(first) == n:
                atr = sum(first) / n
        values.append(atr)
        before = bar
    return values


def quarter_hours(bars):
    found = []
    for bar in bars:
        start = bar.opened - timedelta(minutes=bar.opened.minute % 15, seconds=bar.opened.second)
        if found and found[-1].opened == start:
            last = found[-1]
            last.high, last.low = max(last.high, bar.high), min(last.low, bar.low)
            last.close = bar.close
        else:
            end = start + timedelta(minutes=15)
            found.append(Bar(start, end, bar.open, bar.high, bar.low, bar.close, 0.0))
    return found


def signals(bars, minutes, tick):
    """Return the calls in the order they become known. `minutes`: length of a bar."""
    atr = wilder(bars)
    quarters = bars if minutes == 15 else quarter_hours(bars)
    atr_quarters = wilder(quarters)
    days: dict[date, list[int]] = {}
    for i, bar in enumerate(bars):
        days.setdefault(bar.opened.astimezone(BERLIN).date(), []).append(i)
    calls = []
    for day, rows in days.items():
        at = {h: datetime(day.year, day.month, day.day, h, tzinfo=BERLIN) for h in (8, 9, 11)}
        hour = [i for i in rows if bars[i].opened >= at[8] and bars[i].closed <= at[9]]
        if len(hour) < 0.9 * 60 / minutes:
            continue
        known = next((i for i in rows if bars[i].closed >= at[9]), None)
        if known is None:
            continue
        top, bottom = max(bars[i].high for i in hour), min(bars[i].low for i in hour)
        unit = _last_closed(quarters, atr_quarters, bars[known].closed)
        if unit is None or not 0.3 * unit <= top - bottom <= 3 * unit:
            continue
        watch = [
            i for i in rows if i > known and bars[i].opened >= at[9] and bars[i].closed <= at[11]
        ]
        both = []
        for side in (1, -1):
            found = _side(bars, atr, watch, side, (bottom, top), tick)
            if found is not None:
                both.append(found)
        calls += sorted(both, key=lambda c: (c.known_at, -c.side))
    return calls


def _last_closed(quarters, values, moment):
    low, high = 0, len(quarters)
    while low < high:
        middle = (low + high) // 2
        if quarters[middle].closed <= moment:
            low = middle + 1
        else:
            high = middle
    return values[low - 1] if low else None


def _side(bars, atr, watch, side, edges, tick):
    """Return the first complete call of one side, trying every raid of the day."""
    level, opposite = edges if side > 0 else edges[::-1]
    extent = abs(edges[1] - edges[0])
    found = []
    for sweep, reclaim, extreme in _raids(bars, watch, side, level, extent, tick):
        inversion = _inversion(bars, atr, [i for i in watch if i >= sweep], side, sweep - 15)
        if inversion is None:
            continue
        signal = max(reclaim, inversion)
        if _spoilt(bars, range(reclaim + 1, signal + 1), side, (level, opposite, extreme)):
            continue
        recent = [bar.spread for bar in bars[max(0, signal - 239) : signal + 1]]
        spread = bars[signal].spread
        if spread > 2 * max(median(recent), tick):
            continue
        entry = bars[signal].close + (spread if side > 0 else 0)
        stop = extreme - side * (0.1 * atr[signal] + spread)
        risk = side * (entry - stop)
        if risk <= 0 or risk < 3 * spread:
            continue
        found.append(Call(bars[signal].closed, side, entry, stop, entry + side * 2 * risk))
    return min(found, key=lambda c: c.known_at, default=None)


def _raids(bars, watch, side, level, extent, tick):
    """Yield (penetration, reclaim, extreme) of the level's one raid that was reclaimed in time.

    Only a raid that stayed outside too long can be followed by another, after a close inside.
    """
    armed, sweep, extreme = True, None, None
    for i in watch:
        bar = bars[i]
        tip = bar.low if side > 0 else bar.high
        if armed and sweep is None and side * (level - tip) > max(tick, bar.spread):
            armed, sweep, extreme = False, i, tip
        if sweep is not None:
            extreme = min(extreme, tip) if side > 0 else max(extreme, tip)
            over = side * (bar.close - level) > 0
            waited = bar.closed - bars[sweep].opened
            if over and (i == sweep or waited <= PATIENCE):
                yield sweep, i, extreme
                return
            elif waited >= PATIENCE:
                sweep = None
        if not armed and sweep is None and side * (bar.close - level) > 0.25 * extent:
            armed = True


def _inversion(bars, atr, since, side, oldest):
    """Return the first bar that closes through a gap against the trade, formed since `oldest`."""
    if not since:
        return None
    gaps = []
    for i in range(max(oldest, 2), since[-1] + 1):
        if i in since and any(side * (bars[i].close - far) > 0 for far in gaps):
            return i
        gaps = [far for far in gaps if side * (bars[i].close - far) <= 0]
        far = _gap_against(bars, atr, i, side)
        if far is not None:
            gaps.append(far)
    return None


def _gap_against(bars, atr, i, side):
    """Return the far edge of a gap against the trade whose third bar is `i`."""
    a, b, c = bars[i - 2 : i + 1]
    if b.opened - a.closed >= HOLE or c.opened - b.closed >= HOLE:
        return None
    if side > 0:
        size, far, colour = a.low - c.high, a.low, b.close < b.open
    else:
        size, far, colour = c.low - a.high, a.high, b.close > b.open
    if atr[i - 1] is None:
        return None
    return far if colour and size > 0 and size >= 0.1 * atr[i - 1] else None


def _spoilt(bars, rows, side, marks):
    level, opposite, extreme = marks
    for i in rows:
        bar = bars[i]
        worst, best = (bar.low, bar.high) if side > 0 else (bar.high, bar.low)
        if side * (worst - extreme) < 0 or side * (bar.close - level) < 0:
            return True
        if side * (best - opposite) > 0:
            return True
    return False
