"""Premium and discount, and entry zones again, slow and plain: written from the definitions."""

from tests.kit.reference_detectors import Bar

Told = tuple[int, str, float | None, float | None, int]
"""(known bar, word, low, high, bar of the turn) of swings or ranges, in order."""


def _range_at(told: list[Told], bar: int, memory: int) -> tuple[float, float, Told, Told] | None:
    """The range in force at a bar: low, high, and the events that gave them; None without one."""
    low = high = None
    for event in told:
        if event[0] > bar:
            break
        if event[1] == "incomplete":
            low = high = None
        if event[1] in ("low", "formed"):
            low = event
        if event[1] in ("high", "formed"):
            high = event
    if low is None or high is None:
        return None
    bottom, top = low[2], high[3]
    assert bottom is not None and top is not None
    if top <= bottom or bar - min(low[0], high[0]) > memory:
        return None
    return bottom, top, low, high


def positions(bars: list[Bar], told: list[Told], memory: int) -> list[float | None]:
    """The close's place in the range in force at each bar."""
    out: list[float | None] = []
    for i, bar in enumerate(bars):
        found = _range_at(told, i, memory)
        out.append(None if found is None else (bar.c - found[0]) / (found[1] - found[0]))
    return out


def entry_zones(
    bars: list[Bar], told: list[Told], rules: tuple[float, float, int, int]
) -> list[tuple]:
    """(bar, word, side, low, high, range's low, range's high, formed bar): sorted by zone's age.

    `rules`: shallow, deep, memory, bars until forgotten.
    """
    shallow, deep, memory, expiry = rules
    out: list[tuple] = []
    news = sorted({event[0] for event in told})
    for k, known in enumerate(news):
        found = _range_at(told, known, memory)
        if found is None:
            continue
        low, high, lowest, highest = found
        sides = [1, -1]
        if lowest is not highest:
            sides = [s for s in sides if (highest[4] - lowest[4]) * s > 0]
        for side in sides:
            leg = high - low
            zone = (
                (high - deep * leg, high - shallow * leg)
                if side > 0
                else (low + shallow * leg, low + deep * leg)
            )
            later = news[k + 1] if k + 1 < len(news) else None
            life = _life(bars, (known, side, *zone), (low, high), (later, expiry))
            out += [(i, w, side, *zone, low, high, known) for i, w in life]
    rank = {"formed": 0, "touched": 1, "invalidated": 2, "replaced": 2, "expired": 2}
    return sorted(out, key=lambda e: (e[0], e[7], -e[2], rank[e[1]]))


def _life(
    bars: list[Bar],
    zone: tuple[int, int, float, float],
    leg: tuple[float, float],
    until: tuple[int | None, int],
) -> list[tuple[int, str]]:
    known, side, low, high = zone

    def left(bar: Bar) -> bool:
        return bar.c < leg[0] if side > 0 else bar.c > leg[1]

    if left(bars[known]):
        return []
    out = [(known, "formed")]
    for i in range(known + 1, len(bars)):
        b = bars[i]
        if all(w != "touched" for _, w in out) and (b.l <= high if side > 0 else b.h >= low):
            out.append((i, "touched"))
        if left(b):
            return [*out, (i, "invalidated")]
        if i == until[0]:
            return [*out, (i, "replaced")]
        if i == known + until[1]:
            return [*out, (i, "expired")]
    return out
