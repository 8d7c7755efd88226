"""Displacement, order blocks and pools again, slow and plain: written from the definitions."""

import itertools
from datetime import timedelta

from tests.kit.reference_detectors import Bar

HALF_HOUR = timedelta(minutes=30)


def _colour(bar: Bar) -> int:
    return (bar.c > bar.o) - (bar.c < bar.o)


def displacements(
    bars: list[Bar],
    gaps: list[tuple[int, int, float, float]],
    atrs: list[float | None],
    rules: tuple[float, float, int, float],
) -> list[tuple]:
    """(known, side, low, high, first bar, bars, net body, gap's low, gap's high).

    `gaps`: (third bar, side, low, high). `rules`: ATRs, share of the range, bars at most, and
    what is only binary noise.
    """
    min_atr, min_share, most, noise = rules
    out = []
    for third, side, gap_low, gap_high in gaps:
        strong = []
        for end in (third - 1, third):
            for begin in range(third - 1, end - most, -1):
                if begin < 1:
                    break
                run = bars[begin : end + 1]
                if any(_colour(b) != side for b in run):
                    continue
                if any(b.opened - a.closed >= HALF_HOUR for a, b in itertools.pairwise(run)):
                    continue
                net = (run[-1].c - run[0].o) * side
                top, bottom = max(b.h for b in run), min(b.l for b in run)
                unit = atrs[begin - 1]
                if unit is None or net < min_atr * unit - noise:
                    continue
                if net >= min_share * (top - bottom) - noise:
                    strong.append((-net, len(run), end, begin, top, bottom))
        if strong:
            net, length, _, begin, top, bottom = min(strong)
            out.append((third, side, bottom, top, begin, length, -net, gap_low, gap_high))
    return out


def order_blocks(
    bars: list[Bar],
    breaks: list[tuple[int, int, float]],
    runs: list[tuple],
    rules: tuple[str, int, int, int],
) -> list[tuple]:
    """(bar, word, side, low, high, block's bar, broken level): sorted.

    `breaks`: (bar, side, level). `runs`: as `displacements` gives them. `rules`: range or body,
    bars between break and run, bars to search, bars until forgotten.
    """
    extent, within, search, expiry = rules
    births: dict[int, tuple] = {}
    for broke, side, level in breaks:
        near = [r for r in runs if r[1] == side and r[4] <= broke and abs(r[0] - broke) <= within]
        before, after = [r for r in near if r[0] <= broke], [r for r in near if r[0] > broke]
        if not near:
            continue
        run = before[-1] if before else after[0]
        earlier = range(run[4] - 1, max(run[4] - 1 - search, -1), -1)
        block = next((i for i in earlier if _colour(bars[i]) == -side), None)
        known = max(broke, run[0])
        if block is not None and (block not in births or known < births[block][0]):
            births[block] = (known, side, level)
    out = []
    for block, (known, side, level) in births.items():
        bar = bars[block]
        low, high = (bar.l, bar.h) if extent == "range" else sorted((bar.o, bar.c))
        life = _block_life(bars, known, side, (low, high), expiry)
        out += [(i, word, s, low, high, block, level) for i, word, s in life]
    rank = {"formed": 0, "touched": 1, "invalidated": 2, "breaker": 3, "expired": 4}
    return sorted(out, key=lambda e: (e[0], e[5], rank[e[1]]))


def _block_life(
    bars: list[Bar], known: int, side: int, zone: tuple[float, float], expiry: int
) -> list[tuple[int, str, int]]:
    low, high = zone
    out = [(known, "formed", side)]
    failed = touched = False
    for i in range(known + 1, len(bars)):
        b = bars[i]
        if failed:
            if b.h >= low if side > 0 else b.l <= high:
                return [*out, (i, "breaker", -side)]
        else:
            if not touched and (b.l <= high if side > 0 else b.h >= low):
                touched = True
                out.append((i, "touched", side))
            if b.c < low if side > 0 else b.c > high:
                failed = True
                out.append((i, "invalidated", -side))
        if i == known + expiry:
            return [*out, (i, "expired", side)]
    return out


def pools(
    bars: list[Bar],
    turns: list[tuple[int, str, float, int]],
    atrs: list[float | None],
    rules: tuple[float, int, int, int, int],
) -> list[tuple]:
    """(bar, word, side, low, high, touches, newest swing's row, oldest's pivot): sorted.

    `turns`: (known, high or low, price, pivot's bar). `rules`: ATRs, bars apart, swings, memory,
    bars until forgotten.
    """
    tolerance, apart, need, memory, expiry = rules
    found: list[dict] = []
    for row, (known, word, _price, _pivot) in enumerate(turns):
        unit = atrs[known]
        above = word == "high"

        def stands(turn: tuple, until: int, above: bool = above) -> bool:
            closes = [bars[i].c for i in range(turn[3] + 1, until + 1)]
            return all(c <= turn[2] if above else c >= turn[2] for c in closes)

        if unit is None or not stands(turns[row], known):
            continue
        members = [row]
        for earlier in range(row - 1, -1, -1):
            other = turns[earlier]
            prices = [turns[m][2] for m in members] + [other[2]]
            if (
                other[1] == word
                and known - other[0] <= memory
                and stands(other, known)
                and turns[members[-1]][3] - other[3] >= apart
                and max(prices) - min(prices) <= tolerance * unit
            ):
                members.append(earlier)
        if len(members) >= need:
            prices = [turns[m][2] for m in members]
            found.append(
                {
                    "known": known,
                    "side": -1 if above else 1,
                    "low": min(prices),
                    "high": max(prices),
                    "members": members,
                    "row": row,
                }
            )
    out = []
    for k, pool in enumerate(found):
        # It is joined by the first later pool that shares a swing with it.
        heirs = [p["known"] for p in found[k + 1 :] if set(p["members"]) & set(pool["members"])]
        fixed = (pool["low"], pool["high"], len(pool["members"]), pool["row"])
        oldest = turns[pool["members"][-1]][3]
        life = _pool_life(bars, pool, min(heirs, default=None), expiry)
        out += [(i, word, pool["side"], *fixed, oldest) for i, word in life]
    rank = {"formed": 0, "swept": 1, "taken": 2, "joined": 2, "expired": 2}
    return sorted(out, key=lambda e: (e[0], e[6], rank[e[1]]))


def _pool_life(
    bars: list[Bar], pool: dict, joined: int | None, expiry: int
) -> list[tuple[int, str]]:
    out = [(pool["known"], "formed")]
    swept = False
    for i in range(pool["known"] + 1, len(bars)):
        b = bars[i]
        if pool["side"] < 0:
            wick, beyond = b.h > pool["high"], b.c > pool["high"]
        else:
            wick, beyond = b.l < pool["low"], b.c < pool["low"]
        if beyond:
            return [*out, (i, "taken")]
        if wick and not swept:
            swept = True
            out.append((i, "swept"))
        if i == pool["known"] + expiry:
            return [*out, (i, "expired")]
        if i == joined:
            return [*out, (i, "joined")]
    return out
