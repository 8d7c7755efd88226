"""Which symbols are silent although their market is open."""

from datetime import UTC, datetime, timedelta

import numpy as np

from pipeline.data.calendar import windows

QUIET_MINUTES = 15
"""Open minutes in a row without a bar that are still nothing to speak of."""
_AROUND = timedelta(days=7)


class OpenMinutes:
    """How many minutes of a calendar's market lie between two moments of about one week.

    A calendar is laid out once for the days around a moment, then asked for nothing.
    """

    def __init__(self) -> None:
        self._laid_out: dict[tuple[str, str], np.ndarray] = {}

    def between(self, calendar: str, start: datetime, end: datetime) -> int:
        """Return the open minutes of [start, end); of a longer time those of the last week."""
        start = max(start, end - _AROUND)
        spans = self._spans(calendar, end)
        lower, upper = start.timestamp(), end.timestamp()
        inside = np.minimum(spans[:, 1], upper) - np.maximum(spans[:, 0], lower)
        return int(np.maximum(inside, 0).sum() // 60)

    def _spans(self, calendar: str, moment: datetime) -> np.ndarray:
        day = moment.astimezone(UTC).date()
        key = (calendar, day.isoformat())
        if key not in self._laid_out:
            if len(self._laid_out) > 100:  # noqa: PLR2004 (a replay of many days forgets the old)
                self._laid_out.clear()
            first = day - _AROUND - timedelta(days=2)
            self._laid_out[key] = windows(calendar, first, day + timedelta(days=2))[1]
        return self._laid_out[key]

    def silent(self, calendar: str, last_close: datetime, now: datetime) -> bool:
        """Tell whether more open minutes than usual have passed since a symbol's last bar."""
        return self.between(calendar, last_close, now) > QUIET_MINUTES
