"""Stretches of time, [start, end): joined where they touch, and what of one others leave."""

from collections.abc import Iterable, Sequence
from datetime import datetime

Stretch = tuple[datetime, datetime]


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return the same time in as few stretches as can be, in order."""
    whole: list[Stretch] = []
    for start, end in sorted(s for s in stretches if s[0] < s[1]):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], end))
        else:
            whole.append((start, end))
    return whole


def left_of(wanted: Stretch, taken: Sequence[Stretch]) -> list[Stretch]:
    """Return what of `wanted` lies in none of `taken`, in order."""
    cursor, end = wanted
    left: list[Stretch] = []
    for first, last in joined(taken):
        if first >= end:
            break
        if first > cursor:
            left.append((cursor, first))
        cursor = max(cursor, last)
    if cursor < end:
        left.append((cursor, end))
    return left


def shared(one: Sequence[Stretch], other: Sequence[Stretch]) -> list[Stretch]:
    """Return the time that lies in both, in order."""
    both = [(max(a, c), min(b, d)) for a, b in one for c, d in other]
    return joined(both)
