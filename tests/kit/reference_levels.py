"""Clock levels and averages again, slow and plain: written from the definitions, not the code."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tests.kit.reference_detectors import Bar, windows

NEW_YORK = ZoneInfo("America/New_York")


def developing(bars: list[Bar], zone: str, wall: tuple[time, time], edge: str) -> list:
    """The session's running high, low or middle at each bar; None outside."""
    out: list[float | None] = []
    spans = windows(bars, zone, *wall)
    for bar in bars:
        span = next((w for w in spans if w.start <= bar.opened and bar.closed <= w.end), None)
        if span is None or span.start < bars[0].opened:
            out.append(None)
            continue
        so_far = [b for b in bars if span.start <= b.opened and b.closed <= bar.closed]
        top, bottom = max(b.h for b in so_far), min(b.l for b in so_far)
        out.append({"high": top, "low": bottom, "mid": (top + bottom) / 2}[edge])
    return out


def day_start(day: date) -> datetime:
    """When the trading day of that date begins: 17:00 New York on the eve."""
    return datetime.combine(day - timedelta(days=1), time(17), NEW_YORK).astimezone(UTC)


def trading_dates(bars: list[Bar], weekends: bool) -> list[date]:
    """The dates of the trading days around the bars."""
    day = bars[0].opened.date() - timedelta(days=40)
    out = []
    while day <= bars[-1].closed.date() + timedelta(days=3):
        if weekends or day.weekday() < 5:
            out.append(day)
        day += timedelta(days=1)
    return out


def previous(
    bars: list[Bar], kind: str, rules: tuple[float, int], minutes: int, *, weekends: bool = False
) -> list[tuple]:
    """(bar, word, low, high, day, end, coverage, first bar of the range): of days or weeks."""
    if not bars:
        return []
    out: list[tuple] = []
    for day in trading_dates(bars, weekends):
        start = day_start(day)
        known = next((i for i, b in enumerate(bars) if b.closed >= start), None)
        if known is None:
            continue
        found, nearest = None, 0.0
        for back, (begin, end) in enumerate(_earlier(day, kind, rules[1], weekends)):
            members = [b for b in bars if begin <= b.opened < end]
            hours = 24 * (1 if kind == "day" else (7 if weekends else 5))
            coverage = len(members) / (hours * 60 / minutes)
            if back == 0:
                nearest = coverage
            if begin >= bars[0].opened and members and coverage >= rules[0]:
                found = members, coverage
                break
        if out and out[-1][0] == known:
            out.pop()
        if found is None:
            out.append((known, "incomplete", None, None, day.isoformat(), start, nearest, known))
        else:
            low, high = min(b.l for b in found[0]), max(b.h for b in found[0])
            row = bars.index(found[0][0])
            out.append((known, "formed", low, high, day.isoformat(), start, found[1], row))
    return out


def _earlier(day: date, kind: str, count: int, weekends: bool) -> list[tuple[datetime, datetime]]:
    """The `count` trading days or weeks before a trading day's own, newest first."""
    if kind == "week":
        monday = day - timedelta(days=day.weekday())
        starts = [monday - timedelta(weeks=k) for k in range(1, count + 1)]
        return [(day_start(s), day_start(s + timedelta(weeks=1))) for s in starts]
    out = []
    before = day
    while len(out) < count:
        before -= timedelta(days=1)
        if weekends or before.weekday() < 5:
            out.append((day_start(before), day_start(before + timedelta(days=1))))
    return out


def openings(bars: list[Bar], of: str, late: timedelta, *, weekends: bool = False) -> list[tuple]:
    """(bar, word, price, day, end) of the first bar at or after each opening time."""
    out: list[tuple] = []
    if not bars:
        return out
    for day in trading_dates(bars, weekends):
        if of == "new_york_midnight":
            start = datetime.combine(day, time(0), NEW_YORK).astimezone(UTC)
            until = datetime.combine(day + timedelta(days=1), time(0), NEW_YORK).astimezone(UTC)
        elif of == "week" and day.weekday() != 0:
            continue
        else:
            start = day_start(day)
            until = day_start(day + timedelta(days=7 if of == "week" else 1))
        inside = [i for i, b in enumerate(bars) if start <= b.opened < until]
        if not inside or start < bars[0].opened:
            continue
        bar = bars[inside[0]]
        if bar.opened - start <= late:
            out.append((inside[0], "formed", bar.o, day.isoformat(), start))
        else:
            out.append((inside[0], "incomplete", None, day.isoformat(), start))
    return out


def vwap(
    bars: list[Bar],
    volumes: list[float],
    anchor: tuple[str, time] | None,
    price: str,
) -> tuple[list[float | None], list[tuple]]:
    """The average at each bar, and (bar, word) where the weighting is new.

    `anchor` is the cash session's zone and open; None: the roll.
    """
    out: list[float | None] = []
    said: list[tuple] = []
    for i, bar in enumerate(bars):
        rolls = [day_start(bar.opened.date() + timedelta(days=k)) for k in range(-3, 4)]
        roll = max(r for r in rolls if r <= bar.opened)
        since = roll
        if anchor is not None:
            there = ZoneInfo(anchor[0])
            today = bar.opened.astimezone(there).date()
            opens = [
                datetime.combine(today + timedelta(days=k), anchor[1], there).astimezone(UTC)
                for k in (-2, -1, 0)
            ]
            since = max(o for o in opens if o <= bar.opened)
        if since < roll or since < bars[0].opened:
            out.append(None)
            continue
        rows = [j for j in range(i + 1) if bars[j].opened >= since]
        prices = [
            bars[j].c if price == "close" else (bars[j].h + bars[j].l + bars[j].c) / 3
            for j in rows
        ]
        weights = [volumes[j] for j in rows]
        word = "volume_weighted" if sum(weights) > 0 else "time_weighted"
        if sum(weights) == 0:
            weights = [1.0] * len(rows)
        worth = sum(p * w for p, w in zip(prices, weights, strict=True))
        out.append(worth / sum(weights))
        if len(rows) == 1 or said[-1][1] != word:
            said.append((i, word))
    return out, said
