"""Where a time and a price lie in a picture, and the reverse."""

from bisect import bisect_right
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field


class PixelMap(BaseModel):
    """The map of one pair of axes. Pixels count from the left top corner; y grows downwards.

    `times` are UTC epoch seconds. Stepped (bar charts): one slot of equal width for each time,
    which is its bar's open; a moment within a bar lies at the middle of that bar's slot. Not
    stepped: two times, at the left and the right edge, and a straight line between.

    A pixel's row is `int(y(price))`, its column `int(x(time))`.
    """

    model_config = ConfigDict(frozen=True)

    left: float
    top: float
    right: float
    bottom: float
    times: tuple[int, ...] = Field(min_length=1)
    stepped: bool = True
    price_low: float = Field(description="at the bottom edge")
    price_high: float = Field(description="at the top edge")

    @property
    def slot_width(self) -> float:
        """Width of one bar's slot."""
        return (self.right - self.left) / len(self.times)

    def slot(self, moment: datetime | float) -> int:
        """Return the number of the bar that holds the moment (the first or last if outside)."""
        found = bisect_right(self.times, _epoch(moment)) - 1
        return min(max(found, 0), len(self.times) - 1)

    def slot_x(self, slot: float) -> float:
        """Return the x of the middle of a slot."""
        return self.left + (slot + 0.5) * self.slot_width

    def x(self, moment: datetime | float) -> float:
        """Return the x of a moment, kept within the edges."""
        if self.stepped:
            return self.slot_x(self.slot(moment))
        first, last = self.times[0], self.times[-1]
        share = (_epoch(moment) - first) / (last - first)
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def y(self, price: float) -> float:
        """Return the y of a price; it may lie outside the edges."""
        share = (price - self.price_low) / (self.price_high - self.price_low)
        return self.bottom - share * (self.bottom - self.top)

    def time_at(self, x: float) -> datetime:
        """Return the open time of the bar under x, or the moment itself where not stepped."""
        share = min(max((x - self.left) / (self.right - self.left), 0.0), 1.0)
        if self.stepped:
            seconds = float(self.times[min(int(share * len(self.times)), len(self.times) - 1)])
        else:
            seconds = self.times[0] + share * (self.times[-1] - self.times[0])
        return datetime.fromtimestamp(seconds, UTC)

    def price_at(self, y: float) -> float:
        """Return the price at y."""
        share = (self.bottom - y) / (self.bottom - self.top)
        return self.price_low + share * (self.price_high - self.price_low)


def _epoch(moment: datetime | float) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else moment
