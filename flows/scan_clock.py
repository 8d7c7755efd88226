"""When scans begin: a trigger for the scheduler that follows the feed's clock, not ours."""

from collections.abc import Callable
from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger

MINUTE = timedelta(minutes=1)


class FeedMinutes(BaseTrigger):  # type: ignore[misc]  # the scheduler has no types
    """Fires around each minute of a market.

    Parameters
    ----------
    market
        What time it is at the market when our clock says so, and how many of its minutes pass in
        one of ours.
    offset
        Seconds after (negative: before) the minute.
    """

    def __init__(
        self, market: Callable[[datetime], tuple[datetime, float]], offset: float
    ) -> None:
        self._market = market
        self._offset = timedelta(seconds=offset)

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """Return the next moment after `now`, by our clock; the same minute is not met twice."""
        after = now
        if previous_fire_time is not None:
            _, speed = self._market(now)
            after = max(now, previous_fire_time + MINUTE / speed / 2)
        return minute_after(after, self._market, self._offset)


def minute_after(
    after: datetime,
    market: Callable[[datetime], tuple[datetime, float]],
    offset: timedelta = timedelta(0),
) -> datetime:
    """Return when, by our clock, a minute of the market begins, moved by `offset`; > `after`."""
    there, speed = market(after - offset)
    begun = there.replace(second=0, microsecond=0)
    fire = after - offset + (begun + MINUTE - there) / speed + offset
    # A market's microsecond may be none of ours.
    return fire if fire > after else fire + MINUTE / speed
