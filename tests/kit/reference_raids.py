"""Raids again, slow and plain: written from the definition, not from the code."""

from dataclasses import dataclass
from datetime import time, timedelta

from tests.kit.reference_detectors import Bar, windows


@dataclass(frozen=True)
class RaidRules:
    """The parameters of a raid, plain."""

    zone: str
    start: time
    end: time
    reclaim: timedelta
    pen_frac: float
    pen_ticks: float  # in prices
    spread_mult: float
    rearm: float
    max_per_day: int
    grain: float  # what is less than a tick and only binary noise, in prices


def raids(bars: list[Bar], levels: list[tuple], rules: RaidRules) -> list[tuple]:
    """(bar, word, side, level, extreme, penetrated bar, day, bars outside, double): sorted.

    `levels`: (bar known, low, high, day, end, side) of complete ranges, pools or swings.
    """
    out: list[tuple] = []
    for known, low, high, day, ended, only in levels:
        later = [w for w in windows(bars, rules.zone, rules.start, rules.end) if w.end > ended]
        if not later or later[0].start - ended >= timedelta(hours=24):
            continue
        window = later[0]
        over = next((i for i, b in enumerate(bars) if b.closed >= window.end), None)
        if over is not None and over <= known:
            continue
        inside = [
            i
            for i, b in enumerate(bars)
            if b.opened >= window.start and b.closed <= window.end and i > known
        ]
        found = {
            side: _one_level(bars, inside, over, (level, high - low, side), rules)
            for side, level in ((1, low), (-1, high))
            if only in (0, side)
        }
        for side, level in ((1, low), (-1, high)):
            if side not in found:
                continue
            others = [p for _, _, p, _, _ in found.get(-side, []) if p is not None]
            for bar, word, pierced, extreme, outside in found[side]:
                double = int(pierced is not None and any(p < pierced for p in others))
                out.append((bar, word, side, level, extreme, pierced, day, outside, double))
    rank = {"penetrated": 0, "reclaimed": 1, "accepted_break": 2, "expired": 3}
    return sorted(
        out, key=lambda e: (e[0], e[5] if e[5] is not None else e[0], e[6], -e[2], rank[e[1]])
    )


def _one_level(
    bars: list[Bar],
    inside: list[int],
    over: int | None,
    what: tuple[float, float, int],
    rules: RaidRules,
) -> list[tuple]:
    """(bar, word, penetrated bar, extreme, closes outside) of one side of one range."""
    level, extent, side = what

    def beyond(price: float) -> float:
        return (level - price) * side  # > 0: on the far side of the level

    out: list[tuple] = []
    reclaims, pierced = 0, None
    # Nothing can go through a single price from beyond it.
    resting = extent == 0 and bool(inside) and beyond(bars[inside[0] - 1].c) > 0
    for i in inside:
        b = bars[i]
        tip = b.l if side > 0 else b.h
        if pierced is None and not resting:
            need = (
                max(rules.pen_ticks, rules.pen_frac * extent, rules.spread_mult * b.spread)
                + rules.grain
            )
            edge = level - need if side > 0 else level + need
            if (tip < edge) if side > 0 else (tip > edge):
                pierced = i
                out.append((i, "penetrated", i, tip, int(beyond(b.c) >= 0)))
        if pierced is not None:
            so_far = bars[pierced : i + 1]
            tips = [x.l for x in so_far] if side > 0 else [x.h for x in so_far]
            extreme = min(tips) if side > 0 else max(tips)
            closes = sum(beyond(x.c) >= 0 for x in so_far)
            passed = b.closed - bars[pierced].opened
            if beyond(b.c) < 0 and (i == pierced or passed <= rules.reclaim):
                out.append((i, "reclaimed", pierced, extreme, closes))
                reclaims, pierced, resting = reclaims + 1, None, True
            elif passed >= rules.reclaim:
                out.append((i, "accepted_break", pierced, extreme, closes))
                pierced, resting = None, True
        if resting and reclaims < rules.max_per_day:
            edge = level + side * rules.rearm * extent
            resting = not ((b.c > edge) if side > 0 else (b.c < edge))
    if over is not None and pierced is not None:
        tips = [bars[i].l if side > 0 else bars[i].h for i in inside if i >= pierced]
        closes = sum(beyond(bars[i].c) >= 0 for i in {*[i for i in inside if i >= pierced], over})
        out.append((over, "expired", pierced, min(tips) if side > 0 else max(tips), closes))
    elif over is not None and not out:
        out.append((over, "expired", None, None, 0))
    return out
