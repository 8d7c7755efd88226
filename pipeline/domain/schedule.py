"""Schedules: what is asked of START by itself, when, and what became of each time."""

from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.domain.request import Actor

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,59}$"


class Schedule(BaseModel):
    """A request that is put to START again and again, as if its maker had typed it.

    Parameters
    ----------
    flow_name
        The kind of run that the payload asks for, such as "backtest_flow".
    cron, interval_minutes
        One of the two: five words (weekdays as names, as numbers mean different days to different
        readers), or minutes between two times, counted from `created_at`.
    zone
        IANA zone in which the cron words are meant.
    payload
        `{"text": "/backtest …"}`: a command, parsed anew at each time so that "last 30d" moves; or
        the fields of the flow's own request.
    overlap
        What happens at a time when the run of the time before has not ended: it is left out, or
        queued behind it.
    catch_up, catch_up_hours
        Of what was missed while nothing ran: nothing is done, the last one, or all (at most 50);
        a time that is longer ago than so many hours is let be.
    actor
        Who made it; reports go to their chat.
    deployment
        Name of the deployment that it came with; "built-in": it comes with the product; empty: a
        person made it.
    since
        Times before it are not asked for; None: since `created_at`. The store moves it when the
        schedule is resumed or gets other times.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME)
    flow_name: str
    cron: str | None = None
    interval_minutes: int | None = Field(default=None, ge=1, le=527_040)
    zone: str = "UTC"
    payload: dict[str, Any]
    overlap: Literal["skip", "queue"] = "skip"
    catch_up: Literal["none", "last", "all"] = "last"
    catch_up_hours: int = Field(default=168, ge=1, le=8784)
    paused: bool = False
    actor: Actor
    deployment: str = ""
    created_at: datetime
    since: datetime | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> "Schedule":
        if (self.cron is None) == (self.interval_minutes is None):
            raise ValueError("give a cron line or an interval, one of the two")
        return self

    @property
    def times(self) -> tuple[str | None, int | None, str]:
        """What its times follow from."""
        return (self.cron, self.interval_minutes, self.zone)

    def replacing(self, held: "Schedule | None", now: datetime) -> "Schedule":
        """Return it as it is kept in place of `held`: it counts on, unless its times changed."""
        if held is None:
            return self
        resumed = held.paused and not self.paused
        since = now if resumed or held.times != self.times else held.since
        return self.model_copy(update={"since": since, "created_at": held.created_at})

    def with_pause(self, now: datetime, *, paused: bool) -> "Schedule":
        """Return it paused or resumed; what came due in a pause is not made up for."""
        if paused == self.paused:
            return self
        since = self.since if paused else now
        return self.model_copy(update={"paused": paused, "since": since})


CLAIM_LASTS = timedelta(minutes=2)
"""A time that was claimed so long ago and of which nothing became may be claimed again."""


class Fire(BaseModel):
    """One time of a schedule and what became of it.

    "waiting": it is queued behind the run of the time before.
    """

    model_config = ConfigDict(frozen=True)

    schedule: str
    due: datetime
    at: datetime
    outcome: Literal["claimed", "waiting", "launched", "skipped", "missed", "refused"]
    run_id: str = ""
    reason: str = ""
