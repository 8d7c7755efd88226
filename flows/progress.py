"""The one message that follows a run in its chat: queued with its place, its tasks, its end."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flows.services import Services
from flows.stories import run_title, story_of
from flows.tasks import Note
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Run, RunStatus, TaskRecord
from storage.telemetry import error_reference


async def tell_progress(
    run: Run,
    services: Services,
    *,
    status: RunStatus,
    records: Mapping[str, TaskRecord] | None = None,
    note: Note | None = None,
    place: int | None = None,
) -> None:
    """Owe the run's chat its newest progress; a later one replaces it until it is sent."""
    done = records or {}
    rows = [_row(task, done.get(task)) for task in story_of(run).tasks]
    told: dict[str, Any] = {"tasks": rows, "place": place, "percent": _percent(rows, status, note)}
    if note is not None and note.text:
        told["note"] = note.text
    await _put(run, services, {**told, "status": status.value, "final": status.ended})


async def tell_interrupted(run: Run, services: Services) -> None:
    """Close the message of an attempt whose process went away; the next attempt has its own."""
    done = {record.task: record for record in run.tasks}
    rows = [_row(task, done.get(task)) for task in story_of(run).tasks]
    told = {"tasks": rows, "place": None, "percent": _percent(rows, RunStatus.RUNNING)}
    given_back = run.model_copy(update={"owner": ""})  # its claim is over: it is told all the same
    await _put(given_back, services, {**told, "status": "interrupted", "final": True})


async def _put(run: Run, services: Services, payload: dict[str, Any]) -> None:
    if run.actor.chat_id is None:
        return
    await services.outbox.put(
        run.actor.chat_id,
        DeliveryKind.PROGRESS,
        {"run_id": run.run_id, "title": run_title(run), **payload},
        dedupe_key=f"progress:{run.run_id}:{run.attempt}",
        now=services.clock(),
        claim=run.claim,
    )


async def tell_error(run: Run, services: Services, where: str, text: str) -> str:
    """Owe the chat one kind line with a reference, the same for the same failure; return it."""
    seed = hashlib.sha256(f"{run.run_id}:{run.attempt}:{where}".encode()).digest()[:8]
    reference = error_reference(np.random.default_rng(int.from_bytes(seed)))
    if run.actor.chat_id is not None:
        await services.outbox.put(
            run.actor.chat_id,
            DeliveryKind.NOTICE,
            {"run_id": run.run_id, "text": text, "reference": reference},
            dedupe_key=f"error:{run.run_id}:{run.attempt}",
            now=services.clock(),
            claim=run.claim,
        )
    return reference


async def place_of(run: Run, services: Services) -> int | None:
    """Return a queued run's place (1: next), or None when it starts at once or has started."""
    if run.status is not RunStatus.QUEUED:
        return None
    limit = services.settings.max_parallel_runs
    running = await services.runs.newest(limit, status=RunStatus.RUNNING)
    before = await services.runs.queued_before(run.run_id)
    place = before + 1 - (limit - len(running))
    return place if place > 0 else None


async def tell_queue(services: Services) -> None:
    """Tell every queued run's chat its place anew, after the queue has moved."""
    for run in await services.runs.newest(100, status=RunStatus.QUEUED):
        place = await place_of(run, services)
        now = await services.runs.get(run.run_id)
        if place is not None and now is not None and now.status is RunStatus.QUEUED:
            await tell_progress(run, services, status=RunStatus.QUEUED, place=place)


def _row(task: str, record: TaskRecord | None) -> dict[str, Any]:
    if record is None:
        return {"task": task, "status": "pending", "duration_sec": 0.0}
    return {"task": task, "status": record.status, "duration_sec": record.duration_sec}


def _percent(
    rows: Sequence[Mapping[str, Any]], status: RunStatus, note: Note | None = None
) -> int:
    if status is RunStatus.COMPLETED:
        return 100
    over = sum(row["status"] in ("success", "failed", "skipped") for row in rows)
    share = 0.0 if note is None else min(max(note.share, 0.0), 1.0)
    return round(100 * (over + share) / len(rows))
