"""Which runs owners should hear of: failed, left alone, waiting or running too long."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pipeline.domain.request import Run, RunStatus
from pipeline.live.health import ago

TroubleKind = Literal["failed", "crashed", "waits", "slow"]
LOOK_BACK = timedelta(days=1)
"""What failed longer ago than this is nobody's news."""
LEFT = timedelta(minutes=2)
"""How long after its lease another process has had the time to take a run over."""
SLOW_TIMES, SLOW_LEAST, SLOW_UNKNOWN = 3.0, timedelta(minutes=10), timedelta(hours=2)
KNOWN, NEWEST = 5, 20
"""A flow's usual time is known from so many completed runs, and told by the newest ones."""


@dataclass(frozen=True)
class Trouble:
    """One run that is in trouble, and why in one line."""

    run: Run
    kind: TroubleKind
    why: str

    @property
    def key(self) -> str:
        """Tell it from any other: each is told once, and again if it is tried again."""
        return f"{self.run.run_id}:{self.run.attempt}:{self.kind}"


def usual_limits(completed: Iterable[Run]) -> dict[str, timedelta]:
    """Return how long a run of each flow may take, from completed ones, newest first.

    Three times the longest of the newest 20, at least ten minutes; flows of which fewer than five
    are known are left out.
    """
    spent: dict[str, list[timedelta]] = {}
    for run in completed:
        if run.started_at is not None and run.ended_at is not None:
            spent.setdefault(run.flow_type, []).append(run.ended_at - run.started_at)
    return {
        flow: max(SLOW_TIMES * max(times[:NEWEST]), SLOW_LEAST)
        for flow, times in spent.items()
        if len(times) >= KNOWN
    }


def troubles(
    runs: Sequence[Run], limits: dict[str, timedelta], wait: timedelta, now: datetime
) -> list[Trouble]:
    """Return the runs in trouble, oldest first.

    Parameters
    ----------
    runs
        Queued, running and failed ones, in any order.
    limits
        How long runs of a flow may take; of others two hours.
    wait
        How long a run may wait in the queue.

    Notes
    -----
    A run that a person cancelled, or wants cancelled, is nobody's news. Of one that is tried
    again it is not known since when it waits, so that is not told.
    """
    found = [
        trouble
        for run in runs
        if not run.cancel_requested and (trouble := _trouble(run, limits, wait, now)) is not None
    ]
    return sorted(found, key=lambda trouble: (trouble.run.created_at, trouble.run.run_id))


def _trouble(
    run: Run, limits: dict[str, timedelta], wait: timedelta, now: datetime
) -> Trouble | None:
    if run.status is RunStatus.FAILED:
        recent = run.ended_at is not None and now - run.ended_at <= LOOK_BACK
        return Trouble(run, "failed", run.error or "no reason was kept") if recent else None
    if run.status is RunStatus.QUEUED and run.attempt == 1 and now - run.created_at > wait:
        return Trouble(run, "waits", f"waits in the queue for {_long(now - run.created_at)}")
    if run.status is not RunStatus.RUNNING or run.started_at is None:
        return None
    if run.lease_until is not None and now - run.lease_until > LEFT:
        gone = _long(now - run.lease_until)
        return Trouble(run, "crashed", f"its process is gone for {gone}, no other has taken it up")
    limit, took = limits.get(run.flow_type, SLOW_UNKNOWN), now - run.started_at
    if took > limit:
        known = run.flow_type in limits
        usual = f"usually done within {_long(limit / SLOW_TIMES)}" if known else "unusually long"
        return Trouble(run, "slow", f"runs for {_long(took)}, {usual}")
    return None


def _long(age: timedelta) -> str:
    return ago(max(age, timedelta(minutes=2)))
