"""At which times of day a setup can be complete: what live scanning may skip."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.setups.model import SetupSpec, Step, Window, clock_time

_ONE_DAY = timedelta(days=1)
_KEPT = 8  # days: three are asked for at a time, and a process may live for years
_EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True)
class SignalHours:
    """When signals of one setup can become known, by the windows of its steps.

    A signal's bar is the last of its steps' bars. It is so no earlier than any step's window
    opens; and no later than the windows of those steps close that no other step must follow, nor
    once the setup would be flat or its order expired. Steps that read a state (`latest`)
    happened before and bound nothing.

    Notes
    -----
    A case belongs to a day of the setup's zone and a window to that day's date in its own zone,
    so the days around are looked at as well. Where the last steps have no window, any time may
    bring a signal.
    """

    spec: SetupSpec
    _days: dict[date, tuple[datetime, datetime]] = field(default_factory=dict, compare=False)

    def may_end_at(self, opened: datetime, closed: datetime) -> bool:
        """Return whether a signal can become known at the close of the bar [opened, closed)."""
        today = closed.astimezone(ZoneInfo(self.spec.zone)).date()
        for day in (today - _ONE_DAY, today, today + _ONE_DAY):
            if day not in self._days:
                self._days[day] = self._bounds(day)
                if len(self._days) > _KEPT:
                    del self._days[next(iter(self._days))]
            first, last = self._days[day]
            if first <= opened and closed <= last:
                return True
        return False

    def _bounds(self, day: date) -> tuple[datetime, datetime]:
        placed = [s for s in self.spec.steps if not _reads_a_state(s)]
        starts = [self._at(w, w.start, day) for s in placed if (w := s.window) is not None]
        last = [self._end(s, day) for s in placed if s.name not in self._followed()]
        over = [self._at(None, clock, day) for clock in self._last_clocks()]
        return max(starts, default=_EVER[0]), min(max(last, default=_EVER[1]), *over, _EVER[1])

    def _last_clocks(self) -> list[str]:
        entry = self.spec.entry
        order = entry.expiry_at if entry.type == "limit" else None
        return [clock for clock in (self.spec.limits.flat_at, order) if clock is not None]

    def _followed(self) -> set[str]:
        pairs = zip(self.spec.steps, self.spec.steps[1:], strict=False)
        return {step.after or before.name for before, step in pairs if not _reads_a_state(step)}

    def _end(self, step: Step, day: date) -> datetime:
        return _EVER[1] if step.window is None else self._at(step.window, step.window.end, day)

    def _at(self, window: Window | None, clock: str, day: date) -> datetime:
        zone = self.spec.zone if window is None else window.zone or self.spec.zone
        return datetime.combine(day, clock_time(clock), ZoneInfo(zone))


def _reads_a_state(step: Step) -> bool:
    return any(match.latest for match in step.matches)
