"""The port of runs: their record, and the claim of the process that executes one."""

from datetime import datetime, timedelta
from typing import Any, Protocol

from pipeline.domain.request import Actor, Claim, Run, RunStatus, TaskRecord


class RunStore(Protocol):
    """The record of runs: our own truth, whatever the scheduler remembers.

    Who executes a run holds a claim to it: the owner and the attempt it was started as, with a
    lease by the store's own clock (the one that all hosts share; theirs may differ). What is
    written under a claim is written only while that claim stands, else LostRunError.
    """

    async def create(
        self, prefix: str, flow_type: str, request: dict[str, Any], actor: Actor, now: datetime,
        *, deployment: str = "", priority: int = 2,
    ) -> Run:  # fmt: skip
        """Write a queued run under a fresh id `{prefix}_{YYYY_MM_DD}_{NNN}`, unique always.

        Of queued runs the one with the lowest `priority` goes first.
        """
        ...

    async def get(self, run_id: str) -> Run | None:
        """Return a run with its tasks, or None."""
        ...

    async def newest(
        self,
        limit: int = 10,
        user_id: int | None = None,
        status: RunStatus | None = None,
        before: str | None = None,
    ) -> list[Run]:
        """Return runs, newest first; with `before` only runs created before that one."""
        ...

    async def latest(self) -> list[Run]:
        """Return the newest run of each flow and deployment, in no particular order."""
        ...

    async def queued_before(self, run_id: str) -> int:
        """Return how many queued runs go before this one: by priority (1 first), then age."""
        ...

    async def start(
        self, run_id: str, now: datetime, *, owner: str = "", lease: timedelta | None = None
    ) -> Run | None:
        """Queued → running, atomically; None if it was not queued (someone else has it).

        From then on `owner` has the claim, for as long as `lease` says and `renew` prolongs it.
        """
        ...

    async def renew(self, claim: Claim, lease: timedelta) -> bool:
        """Prolong a claim from now on; False: it is lost, or the run has ended."""
        ...

    async def lapsed(self) -> list[Run]:
        """Return the running runs whose lease has run out, oldest first."""
        ...

    async def requeue(
        self, run_id: str, now: datetime, *, claim: Claim | None = None, lapsed: bool = False
    ) -> Run | None:
        """Queue an ended (or orphaned running) run again, attempt + 1, cancel cleared.

        With a claim the run is brought back, only while that claim stands (and, with `lapsed`,
        its lease has run out): of several that try, one does. Without, a person asks for it
        anew. None if there is no such run or it is queued already.
        """
        ...

    async def finish(
        self,
        run_id: str,
        status: RunStatus,
        now: datetime,
        *,
        error: str = "",
        report: dict[str, Any] | None = None,
        claim: Claim | None = None,
    ) -> bool:
        """Write the end; True if this wrote it. The first end stays; a lost claim has none."""
        ...

    async def request_cancel(self, run_id: str, now: datetime) -> Run | None:
        """Mark it; a queued run becomes cancelled at once. None if unknown or ended."""
        ...

    async def record_task(
        self, run_id: str, record: TaskRecord, now: datetime, claim: Claim | None = None
    ) -> None:
        """Insert or replace the record of a task, kept in order of first appearance."""
        ...

    async def set_provenance(
        self, run_id: str, provenance: dict[str, Any], claim: Claim | None = None
    ) -> None:
        """Keep what makes the run repeatable."""
        ...
