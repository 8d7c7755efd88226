"""Owners hear of runs that failed, crashed, wait or take too long: each once, many together."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from flows.owners import owner_chats
from flows.services import Services
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import RunStatus
from pipeline.live.run_watch import NEWEST, Trouble, troubles, usual_limits
from storage.telemetry import get_logger

log = get_logger(__name__)
_KEY: Final = "runs:told"
_REMEMBERED: Final = 1000
_MANY: Final = 500
_FAILED: Final = 100
_APART: Final = 3
"""More at once come as one message."""
_NAMED: Final = 10
_MARKS: Final = {"failed": "✖", "crashed": "✖", "waits": "⏳", "slow": "⏳"}


async def watch_runs(services: Services, now: datetime) -> int:
    """Owe owners what they don't know yet of runs in trouble; return how many runs that were."""
    kept = await services.chats.recall(_KEY) or {}
    told = list(kept.get("keys", []))
    known = set(told)
    fresh = [each for each in await _troubles(services, now) if each.key not in known]
    if not fresh:
        return 0
    for chat_id in await owner_chats(services.settings.owner_ids, services.chats):
        await _tell(chat_id, [t for t in fresh if not _heard(t, chat_id)], services, now)
    log.warning("runs_in_trouble", runs=[f"{t.run.run_id} {t.kind}" for t in fresh])
    keys = [*told, *(each.key for each in fresh)][-_REMEMBERED:]
    await services.chats.remember(_KEY, {"keys": keys}, now)
    return len(fresh)


async def _troubles(services: Services, now: datetime) -> list[Trouble]:
    runs = services.runs
    open_runs = [
        *await runs.newest(_MANY, status=RunStatus.QUEUED),
        *await runs.newest(_MANY, status=RunStatus.RUNNING),
        *await runs.newest(_FAILED, status=RunStatus.FAILED),
    ]
    if not open_runs:
        return []
    completed = await runs.newest(10 * NEWEST, status=RunStatus.COMPLETED)
    wait = timedelta(minutes=services.settings.run_wait_minutes)
    return troubles(open_runs, usual_limits(completed), wait, now)


def _heard(trouble: Trouble, chat_id: int) -> bool:
    """Tell whether a chat has had the failure already, as the one that asked for the run."""
    return trouble.kind == "failed" and trouble.run.actor.chat_id == chat_id


async def _tell(chat_id: int, found: Sequence[Trouble], services: Services, now: datetime) -> None:
    groups = [[each] for each in found] if len(found) <= _APART else [list(found)]
    for group in groups:
        named = "|".join(each.key for each in group)
        key = hashlib.sha256(named.encode()).hexdigest()[:16]
        await services.outbox.put(
            chat_id, DeliveryKind.NOTICE, payload_of(group),
            dedupe_key=f"run_trouble:{key}:{chat_id}", now=now,
        )  # fmt: skip


def payload_of(group: Sequence[Trouble]) -> dict[str, Any]:
    """Return a notice about runs: a line for each, buttons for the first ones."""
    lines = [f"{len(group)} runs need a look:"] if len(group) > 1 else []
    lines += [_line(trouble) for trouble in group[:_NAMED]]
    if len(group) > _NAMED:
        lines.append(f"and {len(group) - _NAMED} more; /runs lists them.")
    buttons = [
        {"run_id": trouble.run.run_id, "rerun": trouble.kind == "failed"}
        for trouble in group[:_APART]
    ]
    return {"text": "\n".join(lines), "runs": buttons}


def _line(trouble: Trouble) -> str:
    run = trouble.run
    why = " ".join(trouble.why.split())[:300]
    word = "failed: " if trouble.kind == "failed" else ""
    return f"{_MARKS[trouble.kind]} {run.run_id} ({run.flow_type}) {word}{why}"
