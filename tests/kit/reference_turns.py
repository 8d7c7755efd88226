"""Swings, breaks of structure and sessions a second time, slow and plain, from the definitions' prose.

Nothing of the product is used here: lists of bars in, lists of tuples out.
"""

from datetime import date, datetime, time, timedelta

from tests.kit.reference_frank_raid import Bar


def longer(bars, minutes):
    """Bars of a longer frame (up to an hour); one that is not over yet is left out."""
    found = []
    for bar in bars:
        start = bar.opened - timedelta(
            minutes=bar.opened.minute % minutes, seconds=bar.opened.second
        )
        if found and found[-1].opened == start:
            last = found[-1]
            last.high, last.low = max(last.high, bar.high), min(last.low, bar.low)
            last.close = bar.close
        else:
            end = start + timedelta(minutes=minutes)
            found.append(Bar(start, end, bar.open, bar.high, bar.low, bar.close, bar.spread))
    return [bar for bar in found if bars and bar.closed <= bars[-1].closed]


def swings(bars, k):
    """(bar at which it is known, side, price): a high is −1, a low +1."""
    found = []
    for i in range(k, len(bars) - k):
        before, after = bars[i - k : i], bars[i + 1 : i + k + 1]
        high, low = bars[i].high, bars[i].low
        if all(high > b.high for b in before) and all(high >= b.high for b in after):
            found.append((i + k, -1, high))
        if all(low < b.low for b in before) and all(low <= b.low for b in after):
            found.append((i + k, 1, low))
    return found


def breaks(bars, k):
    """(bar, side, is a change of character) of every close beyond the last unbroken swing.

    Like the product it looks at one swing a side: the newest. It forgets nothing.
    """
    waiting = {}
    for known, side, price in swings(bars, k):
        waiting.setdefault(known, []).append((side, price))
    last = {-1: None, 1: None}  # a high is broken upwards
    trend, found = 0, []
    for i, bar in enumerate(bars):
        broken = [s for s in (-1, 1) if last[s] is not None and s * (bar.close - last[s]) < 0]
        # Two at once (the swings crossed): the one in the direction of the body comes last.
        for s in sorted(broken, key=lambda s: (-s > 0) == (bar.close >= bar.open)):
            found.append((i, -s, trend == s))
            trend, last[s] = -s, None
        last |= dict(waiting.get(i, ()))
    return found


def days_of(bars, zone):
    """Rows of bars by the local date they open on."""
    days: dict[date, list[int]] = {}
    for i, bar in enumerate(bars):
        days.setdefault(bar.opened.astimezone(zone).date(), []).append(i)
    return days


def clock(day, wall, zone):
    """A local time of a day."""
    return datetime.combine(day, time.fromisoformat(wall), zone)


def within(bars, rows, start, end):
    """The rows that lie wholly inside [start, end]."""
    return [i for i in rows if bars[i].opened >= start and bars[i].closed <= end]


def session(bars, rows, start, end, minutes):
    """(row at which it is known, low, high) of a window with 90 % of its bars, else None."""
    inside = within(bars, rows, start, end)
    known = next((i for i in rows if bars[i].closed >= end), None)
    wanted = (end.timestamp() - start.timestamp()) / 60 / minutes
    if known is None or not inside or len(inside) < 0.9 * wanted:
        return None
    return known, min(bars[i].low for i in inside), max(bars[i].high for i in inside)


def gap(bars, atr, i, hole=timedelta(minutes=30)):
    """(side, bottom, top) of the gap whose third bar is `i`, at least 0.1 ATR wide, else None."""
    if i < 2 or atr[i - 1] is None:
        return None
    a, b, c = bars[i - 2 : i + 1]
    if b.opened - a.closed >= hole or c.opened - b.closed >= hole:
        return None
    if b.close > b.open and c.low > a.high:
        side, bottom, top = 1, a.high, c.low
    elif b.close < b.open and c.high < a.low:
        side, bottom, top = -1, c.high, a.low
    else:
        return None
    return (side, bottom, top) if top - bottom >= 0.1 * atr[i - 1] else None
