"""Where words go so that none covers another: stacked tags, free labels, text cut to width."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """A rectangle in pixels, y downwards: left ≤ right, top ≤ bottom."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether the two share more than an edge."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def within(self, other: "Box") -> bool:
        """Whether this lies wholly inside the other."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


def push_apart(centres: Sequence[float], height: float, low: float, high: float) -> list[float]:
    """Return centres of equal tags, moved as little as possible so that none overlap.

    The order is kept (ties by position in the list), the sum of squared moves is the least
    there is, and all tags lie within [low, high] if they fit there at all.

    Parameters
    ----------
    centres
        Wanted centres, any order.
    height
        Of one tag, its distance to the next included.

    Notes
    -----
    Taking off each tag's share of the stack turns "no overlap" into "not decreasing": isotonic
    regression, solved by pooling neighbours that violate it.
    """
    order = sorted(range(len(centres)), key=lambda i: centres[i])
    pools: list[tuple[float, int]] = []
    for rank, i in enumerate(order):
        mean, count = centres[i] - rank * height, 1
        while pools and pools[-1][0] > mean:
            other, size = pools.pop()
            mean, count = (mean * count + other * size) / (count + size), count + size
        pools.append((mean, count))
    flat = [mean for mean, count in pools for _ in range(count)]
    lowest, highest = low + height / 2, high - height / 2 - (len(centres) - 1) * height
    placed = [0.0] * len(centres)
    for rank, i in enumerate(order):
        placed[i] = max(min(flat[rank], highest), lowest) + rank * height
    return placed


def fit_text(text: str, width: float, measure: Callable[[str], float]) -> str:
    """Return the text, its end cut and replaced by … if it is wider than `width` pixels."""
    if measure(text) <= width:
        return text
    short, long = 0, len(text)
    while short < long:
        middle = (short + long + 1) // 2
        if measure(text[:middle].rstrip() + "…") <= width:
            short = middle
        else:
            long = middle - 1
    return text[:short].rstrip(" ·,(") + "…" if short else "…"


class Placer:
    """Finds room for labels beside their anchors.

    Parameters
    ----------
    frame
        Labels stay inside.
    soft
        (n, 4) array of boxes (left, top, right, bottom) better not covered: the bars.
    """

    def __init__(self, frame: Box, soft: np.ndarray) -> None:
        self.frame = frame
        self.soft = soft.reshape(-1, 4)
        self.taken: list[Box] = []

    def take(self, box: Box) -> None:
        """Keep labels off a box."""
        self.taken.append(box)

    def place(self, x: float, y: float, size: tuple[float, float], *, up: bool) -> Box | None:
        """Return the best free box of `size` for an anchor, and take it; None if there is none.

        Near is better than far, the wanted side (`up`: above the anchor) better than the other,
        and covering bars costs; covering another label is never done.
        """
        boxes = self._candidates(x, y, size, up=up)
        inside = [(c, b) for c, b in boxes if b.within(self.frame)]
        free = [(c, b) for c, b in inside if not any(b.meets(t) for t in self.taken)]
        if not free:
            return None
        best = min(free, key=lambda entry: entry[0] + self._covered(entry[1]))[1]
        self.taken.append(best)
        return best

    def _candidates(
        self, x: float, y: float, size: tuple[float, float], *, up: bool
    ) -> list[tuple[float, Box]]:
        width, height = size
        found = []
        for distance in (18, 45, 80, 130, 200):
            top = y - height / 2
            found.append(
                (distance + 20.0, Box(x + distance, top, x + distance + width, top + height))
            )
            found.append(
                (distance + 20.0, Box(x - distance - width, top, x - distance, top + height))
            )
        for distance in (14, 40, 70, 105, 150, 210, 290, 390, 510):
            for above in (up, not up):
                top = y - distance - height if above else y + distance
                for shift in (-0.5, -0.25, -0.75, 0.0, -1.0, 0.3, -1.3, 0.7, -1.7, 1.2, -2.2):
                    cost = 1.4 * distance + abs(shift + 0.5) * 60 + (0 if above is up else 45)
                    left = x + shift * width
                    found.append((cost, Box(left, top, left + width, top + height)))
        return found

    def _covered(self, box: Box) -> float:
        """Return the cost of the bars under a box, by area."""
        s = self.soft
        wide = np.clip(np.minimum(s[:, 2], box.right) - np.maximum(s[:, 0], box.left), 0, None)
        tall = np.clip(np.minimum(s[:, 3], box.bottom) - np.maximum(s[:, 1], box.top), 0, None)
        area = float((wide * tall).sum())
        return 1600 * area / ((box.right - box.left) * (box.bottom - box.top))


def wrap_text(text: str, width: float, most: int, measure: Callable[[str], float]) -> list[str]:
    """Return the text in at most `most` lines of `width` pixels; the last may end in …."""
    lines: list[str] = []
    words = text.split()
    while words and len(lines) < most - 1:
        taken = 1
        while taken < len(words) and measure(" ".join(words[: taken + 1])) <= width:
            taken += 1
        lines.append(fit_text(" ".join(words[:taken]), width, measure))
        words = words[taken:]
    if words:
        lines.append(fit_text(" ".join(words), width, measure))
    return lines
