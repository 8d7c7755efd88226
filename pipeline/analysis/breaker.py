"""A circuit breaker: after some failures in a row nobody waits for what is down anyway."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass
class Breaker:
    """Closed: all may call. Open: none, until the pause is over. Half-open: one tries.

    It holds no clock and no lock: `now` is given, and the callers share one thread.

    Parameters
    ----------
    failures
        How many in a row open it.
    pause
        How long it then stays open; doubled at each failed trial, up to `longest`.
    """

    failures: int = 3
    pause: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(minutes=10)
    _failed: int = 0
    _wait: timedelta = timedelta(0)
    _until: datetime | None = None
    _trying: bool = False

    def admits(self, now: datetime) -> bool:
        """Tell whether a call may be made; a True must be followed by one of the three below."""
        if self._until is None:
            return True
        if now < self._until or self._trying:
            return False
        self._trying = True
        return True

    def worked(self) -> None:
        """Note that the call was answered: it is closed again."""
        self._failed, self._until, self._trying, self._wait = 0, None, False, timedelta(0)

    def failed(self, now: datetime) -> None:
        """Note that the call was not answered."""
        self._failed += 1
        if self._trying or self._failed >= self.failures:
            self._wait = min(max(2 * self._wait, self.pause), self.longest)
            self._until = now + self._wait
        self._trying = False

    def unsaid(self) -> None:
        """Note that the call was given up before it could show anything."""
        self._trying = False

    def left(self, now: datetime) -> timedelta:
        """Return how long nobody may call; zero: now."""
        return max(self._until - now, timedelta(0)) if self._until else timedelta(0)
