"""The detectors again, slow and plain: no numpy, written from the definitions, not from the code.

Every function takes a list of `Bar` and returns a list of tuples, one per event, in order.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

HALF_HOUR = timedelta(minutes=30)


@dataclass(frozen=True)
class Bar:
    """One bar, plain."""

    opened: datetime
    closed: datetime
    o: float
    h: float
    l: float  # noqa: E741
    c: float
    spread: float


def plain_bars(bars: pd.DataFrame, spread: list[float] | None = None) -> list[Bar]:
    """Return a bar frame as plain bars; `spread` in prices, 0 if not given."""
    rows = zip(
        bars["open_time"],
        bars["close_time"],
        bars["open"],
        bars["high"],
        bars["low"],
        bars["close"],
        [0.0] * len(bars) if spread is None else spread,
        strict=True,
    )
    return [Bar(a.to_pydatetime(), b.to_pydatetime(), *map(float, rest)) for a, b, *rest in rows]


def _hole(before: Bar, after: Bar) -> bool:
    return after.opened - before.closed >= HALF_HOUR


def atr(bars: list[Bar], length: int) -> list[float | None]:
    """Wilder's average true range, None until it exists."""
    ranges: list[float] = []
    out: list[float | None] = []
    for i, bar in enumerate(bars):
        true_range = bar.h - bar.l
        if i and not _hole(bars[i - 1], bar):
            before = bars[i - 1].c
            true_range = max(bar.h - bar.l, abs(bar.h - before), abs(bar.l - before))
        ranges.append(true_range)
        if i + 1 < length:
            out.append(None)
        elif i + 1 == length:
            out.append(sum(ranges) / length)
        else:
            last = out[-1]
            assert last is not None
            out.append(last + (true_range - last) / length)
    return out


def _trading_day(moment: datetime) -> date:
    """The date on which the trading day of a moment ends, 17:00 New York."""
    local = moment.astimezone(ZoneInfo("America/New_York"))
    return local.date() + timedelta(days=1) if local.time() >= time(17) else local.date()


def adr(bars: list[Bar], days: int, min_coverage: float, minutes: int) -> list[float | None]:
    """Mean high − low of the last `days` completed trading days that count."""
    by_day: dict[date, list[Bar]] = {}
    for bar in bars:
        by_day.setdefault(_trading_day(bar.opened), []).append(bar)
    out: list[float | None] = []
    for bar in bars:
        done = []
        for day, members in by_day.items():
            end = datetime.combine(day, time(17), ZoneInfo("America/New_York"))
            if end <= bar.closed and len(members) >= min_coverage * 1440 / minutes:
                done.append(max(b.h for b in members) - min(b.l for b in members))
        out.append(sum(done[-days:]) / days if len(done) >= days else None)
    return out


@dataclass(frozen=True)
class Window:
    """One day's local window in UTC."""

    day: date
    start: datetime
    end: datetime


def windows(bars: list[Bar], zone: str, start: time, end: time) -> list[Window]:
    """The windows of every local date around the bars."""
    if not bars:
        return []
    there = ZoneInfo(zone)
    day = bars[0].opened.astimezone(there).date() - timedelta(days=2)
    last = bars[-1].closed.astimezone(there).date() + timedelta(days=2)
    out = []
    while day <= last:
        next_day = day if end > start else day + timedelta(days=1)
        begin = datetime.combine(day, start, there).astimezone(UTC)
        out.append(Window(day, begin, datetime.combine(next_day, end, there).astimezone(UTC)))
        day += timedelta(days=1)
    return out


def session_range(
    bars: list[Bar], zone: str, wall: tuple[time, time], min_coverage: float, minutes: int
) -> list[tuple]:
    """(bar, word, low, high, day, coverage, end); prices None where incomplete."""
    out: list[tuple] = []
    for window in windows(bars, zone, *wall):
        members = [b for b in bars if b.opened >= window.start and b.closed <= window.end]
        after = [i for i, b in enumerate(bars) if b.closed >= window.end]
        if not members or not after:
            continue
        expected = (window.end - window.start).total_seconds() / 60 / minutes
        coverage = len(members) / expected
        if coverage >= min_coverage:
            prices = (min(b.l for b in members), max(b.h for b in members))
            out.append((after[0], "formed", *prices, window.day.isoformat(), coverage, window.end))
        else:
            out.append(
                (after[0], "incomplete", None, None, window.day.isoformat(), coverage, window.end)
            )
    return out


def swings(bars: list[Bar], k: int) -> list[tuple]:
    """(bar known, word, price, pivot's bar)."""
    out = []
    for i in range(k, len(bars) - k):
        before, after = bars[i - k : i], bars[i + 1 : i + k + 1]
        if all(bars[i].h > b.h for b in before) and all(bars[i].h >= b.h for b in after):
            out.append((i + k, "high", bars[i].h, i))
        if all(bars[i].l < b.l for b in before) and all(bars[i].l <= b.l for b in after):
            out.append((i + k, "low", bars[i].l, i))
    return out


def structure(bars: list[Bar], turns: list[tuple], mode: str, memory: int) -> list[tuple]:
    """(bar, word, side, level, pivot's bar, trend before) of breaks of the last swing."""
    out: list[tuple] = []
    used: set[tuple] = set()
    for i, bar in enumerate(bars):
        order = (-1, 1) if bar.c >= bar.o else (1, -1)
        for side in order:
            word = "high" if side > 0 else "low"
            known = [t for t in turns if t[1] == word and t[0] < i]
            if not known or known[-1] in used or i - known[-1][0] > memory:
                continue
            price = known[-1][2]
            reach = bar.c if mode == "close" else (bar.h if side > 0 else bar.l)
            if (reach - price) * side <= 0:
                continue
            trend = out[-1][2] if out and i - out[-1][0] <= memory else 0
            used.add(known[-1])
            out.append((i, "choch" if trend == -side else "bos", side, price, known[-1][3], trend))
    return out


def engulfing(bars: list[Bar]) -> list[tuple]:
    """(bar, side, body's low, body's high)."""
    out = []
    for i in range(1, len(bars)):
        a, b = bars[i - 1], bars[i]
        if (b.c - b.o) * (a.c - a.o) >= 0:
            continue
        mine, other = sorted((b.o, b.c)), sorted((a.o, a.c))
        if mine[0] <= other[0] and mine[1] >= other[1] and mine != other:
            out.append((i, 1 if b.c > b.o else -1, mine[0], mine[1]))
    return out


def gaps(
    bars: list[Bar], atrs: list[float | None], min_atr: float, min_pct: float | None, expiry: int
) -> list[tuple]:
    """(bar, word, side, low, high, formed bar): one gap after the other, then sorted."""
    out = []
    for i in range(2, len(bars)):
        a, b, c = bars[i - 2 : i + 1]
        if c.l > a.h and b.c > b.o:
            side, low, high = 1, a.h, c.l
        elif c.h < a.l and b.c < b.o:
            side, low, high = -1, c.h, a.l
        else:
            continue
        middle_atr = atrs[i - 1]
        if _hole(a, b) or _hole(b, c):
            continue
        if min_atr > 0 and (middle_atr is None or high - low < min_atr * middle_atr):
            continue
        if min_pct is not None and high - low < min_pct / 100 * b.c:
            continue
        out.append((i, "formed", side, low, high, i))
        out += _life(bars, (i, side, low, high), expiry)
    rank = {"formed": 0, "touched": 1, "midpoint": 2, "mitigated": 3, "inverted": 4, "expired": 5}
    return sorted(out, key=lambda e: (e[0], e[5], rank[e[1]]))


def _life(bars: list[Bar], gap: tuple[int, int, float, float], expiry: int) -> list[tuple]:
    i, side, low, high = gap
    words = ("touched", "midpoint", "mitigated")
    out: list[tuple] = []
    seen: set[str] = set()
    for j in range(i + 1, len(bars)):
        d = bars[j]
        into = (
            [d.l <= high, d.l <= (low + high) / 2, d.l < low]
            if side > 0
            else [d.h >= low, d.h >= (low + high) / 2, d.h > high]
        )
        for word, done in zip(words, into, strict=True):
            if done and word not in seen:
                seen.add(word)
                out.append((j, word, side, low, high, i))
        if (d.c < low) if side > 0 else (d.c > high):
            out.append((j, "inverted", -side, low, high, i))
            break
        if j == i + expiry:
            out.append((j, "expired", side, low, high, i))
            break
    return out
