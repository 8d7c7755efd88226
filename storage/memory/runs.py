"""MemoryRunStore and MemoryAuditLog: runs and the trail in memory."""

import json
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.domain.audit_chain import ChainVerdict
from pipeline.domain.errors import DataError
from pipeline.domain.request import Actor, AuditEvent, Claim, Run, RunStatus, TaskRecord
from storage.audit_chain import ChainCheck, chained
from storage.run_claims import lost
from storage.tables import json_text


class MemoryRunStore:
    """Runs in a dict, in order of creation; see `storage.run_port.RunStore`."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._leases: dict[str, float] = {}  # until when, by the clock of this process

    async def create(
        self, prefix: str, flow_type: str, request: dict[str, Any], actor: Actor, now: datetime,
        *, deployment: str = "", priority: int = 2,
    ) -> Run:  # fmt: skip
        """Keep a queued run under a fresh id."""
        day = now.astimezone(UTC).strftime("%Y_%m_%d")
        self._numbers[prefix, day] += 1
        run = Run(
            run_id=f"{prefix}_{day}_{self._numbers[prefix, day]:03d}",
            flow_type=flow_type,
            deployment=deployment,
            priority=priority,
            status=RunStatus.QUEUED,
            request=_copy(request),
            actor=actor,
            created_at=now,
        )
        self._runs[run.run_id] = run
        return run

    async def get(self, run_id: str) -> Run | None:
        """Return a run with its tasks, or None."""
        return self._runs.get(run_id)

    async def newest(
        self,
        limit: int = 10,
        user_id: int | None = None,
        status: RunStatus | None = None,
        before: str | None = None,
    ) -> list[Run]:
        """Return runs, newest first; with `before` those created before that run."""
        ids = list(self._runs)
        end = None if before is None else ids.index(before) if before in ids else 0
        wanted = (
            run
            for run in reversed(list(self._runs.values())[:end])
            if user_id in (None, run.actor.user_id) and status in (None, run.status)
        )
        return list(wanted)[:limit]

    async def latest(self) -> list[Run]:
        """Return the newest run of each flow and deployment."""
        return list({(run.flow_type, run.deployment): run for run in self._runs.values()}.values())

    async def queued_before(self, run_id: str) -> int:
        """Return how many queued runs go before this one: by priority, then age."""
        order = sorted(self._runs.values(), key=lambda run: run.priority)
        ids = [
            run.run_id for run in order if run.status is RunStatus.QUEUED or run.run_id == run_id
        ]
        return ids.index(run_id) if run_id in ids else 0

    async def start(
        self, run_id: str, now: datetime, *, owner: str = "", lease: timedelta | None = None
    ) -> Run | None:
        """Turn it from queued to running; None if it was not queued."""
        run = self._runs.get(run_id)
        if run is None or run.status is not RunStatus.QUEUED:
            return None
        if lease is not None:
            self._leases[run_id] = time.monotonic() + lease.total_seconds()
        return self._set(run, status=RunStatus.RUNNING, started_at=now, owner=owner)

    async def renew(self, claim: Claim, lease: timedelta) -> bool:
        """Prolong a claim; False: it is lost, or the run has ended."""
        run = self._runs.get(claim.run_id)
        if run is None or run.claim != claim or run.status is not RunStatus.RUNNING:
            return False
        self._leases[claim.run_id] = time.monotonic() + lease.total_seconds()
        return True

    async def lapsed(self) -> list[Run]:
        """Return the running runs whose lease has run out, oldest first."""
        return [run for run in self._runs.values() if self._run_out(run)]

    def _run_out(self, run: Run) -> bool:
        until = self._leases.get(run.run_id, float("inf"))
        return run.status is RunStatus.RUNNING and until <= time.monotonic()

    def check_claim(self, claim: Claim | None) -> None:
        """Raise LostRunError if a claim doesn't stand any more."""
        if claim is None:
            return
        run = self._runs.get(claim.run_id)
        if run is None or run.claim != claim:
            raise lost(claim)

    async def requeue(
        self, run_id: str, now: datetime, *, claim: Claim | None = None, lapsed: bool = False
    ) -> Run | None:
        """Queue it again with its task records; None if unknown or queued already."""
        del now
        run = self._runs.get(run_id)
        if run is None or run.status is RunStatus.QUEUED:
            return None
        if (claim is not None and run.claim != claim) or (lapsed and not self._run_out(run)):
            return None
        self._leases.pop(run_id, None)
        return self._set(
            run,
            status=RunStatus.QUEUED,
            attempt=run.attempt + 1,
            asked=run.attempt + 1 if claim is None else run.asked,
            owner="",
            cancel_requested=False,
            started_at=None,
            ended_at=None,
            error="",
            report={},
        )

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
        """Keep the end; the first end stays."""
        run = self._runs.get(run_id)
        if run is None or run.status.ended or (claim is not None and run.claim != claim):
            return False
        self._leases.pop(run_id, None)
        self._set(run, status=status, ended_at=now, error=error, report=_copy(report or {}))
        return True

    async def request_cancel(self, run_id: str, now: datetime) -> Run | None:
        """Mark it; a queued run is cancelled at once."""
        run = self._runs.get(run_id)
        if run is None or run.status.ended:
            return None
        if run.status is RunStatus.QUEUED:
            return self._set(run, cancel_requested=True, status=RunStatus.CANCELLED, ended_at=now)
        return self._set(run, cancel_requested=True)

    async def record_task(
        self, run_id: str, record: TaskRecord, now: datetime, claim: Claim | None = None
    ) -> None:
        """Insert or replace the record of a task; an unknown run is a DataError."""
        del now
        self.check_claim(claim)
        run = self._known(run_id)
        record = TaskRecord.model_validate(_copy(record.model_dump(mode="json")))
        tasks = {task.task: task for task in run.tasks} | {record.task: record}
        self._set(run, tasks=tuple(tasks.values()))

    async def set_provenance(
        self, run_id: str, provenance: dict[str, Any], claim: Claim | None = None
    ) -> None:
        """Keep what makes the run repeatable; an unknown run is a DataError."""
        self.check_claim(claim)
        self._set(self._known(run_id), provenance=_copy(provenance))

    def ended_before(self, before: datetime) -> list[str]:
        """Return the runs that ended before that, oldest first."""
        ended = (run for run in self._runs.values() if run.status.ended and run.ended_at)
        return [run.run_id for run in ended if run.ended_at and run.ended_at < before]

    def forget(self, run_ids: Iterable[str]) -> None:
        """Forget runs with their tasks."""
        for run_id in run_ids:
            del self._runs[run_id]

    def _known(self, run_id: str) -> Run:
        if run_id not in self._runs:
            raise DataError(f"There is no run {run_id}.", run_id=run_id)
        return self._runs[run_id]

    def _set(self, run: Run, **change: Any) -> Run:
        changed = run.model_copy(update=change)
        self._runs[run.run_id] = changed
        return changed


class MemoryAuditLog:
    """The trail in a list; see `storage.ports.AuditLog`."""

    def __init__(self) -> None:
        self._events: list[AuditEvent] = []

    async def append(self, event: AuditEvent) -> None:
        """Keep one event."""
        self._events.append(event.model_copy(update={"what": _copy(event.what)}))

    async def newest(self, limit: int = 50, run_id: str | None = None) -> list[AuditEvent]:
        """Return events, newest first."""
        wanted = [event for event in self._events if run_id in (None, event.run_id)]
        return wanted[::-1][:limit]

    async def verify(self, wanted: str = "") -> ChainVerdict:
        """Chain what is held; nothing in this process could have changed it."""
        check = ChainCheck(wanted)
        for seq, event in enumerate(self._events, 1):
            told = event.model_dump(mode="json") | {"at": event.at}
            check.read([(seq, told, chained(check.head, seq, told))])
        return check.verdict()


def _copy(value: dict[str, Any]) -> Any:
    """Return what a database would give back, which shares nothing with the caller's."""
    return json.loads(json_text(value))
