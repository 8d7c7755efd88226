"""START: the one entry for chat, CLI, web and schedules; then rerun, cancel and the queue."""

import difflib
import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from flows.backtest import BACKTEST
from flows.dry_run import DryRunPlan, plan
from flows.model_retraining import RETRAINING
from flows.progress import place_of, tell_progress
from flows.roles import check_role, role_of
from flows.services import Services
from flows.start_checks import known_words, today
from flows.stories import STORIES, story_for, story_named
from flows.story import Story
from flows.trail import write_trail
from pipeline.domain.errors import (
    AppError,
    BadRequestError,
    NotAllowedError,
)
from pipeline.domain.request import Actor, BacktestRequest, Run, RunStatus
from pipeline.priorities import priority_of
from pipeline.retraining_commands import names_market
from pipeline.start_requests import start_request
from storage.telemetry import get_logger

log = get_logger(__name__)
__all__ = [
    "DryRunPlan", "cancel", "find_run", "known_words", "launch", "launch_json", "launch_text",
    "place_in_queue", "plan", "queue", "rerun", "set_role", "today",
]  # fmt: skip


async def launch_text(
    text: str, actor: Actor, services: Services, *, deployment: str = ""
) -> Run | DryRunPlan:
    """Parse a command and launch it, or return its plan when it says dry_run.

    Parameters
    ----------
    text
        A command such as `/backtest …`; without one it asks for a backtest.
    deployment
        The one that is started; empty: the flow's own.

    Raises
    ------
    AppError
        BadRequestError names field, value and the closest valid values. A refusal is in the
        audit log; no run exists.
    """
    story = story_of_text(text)
    try:
        _check_word(text)
        request = story.parse(text, await known_words(services), today(services))
    except AppError as error:
        await write_trail(services, actor, story.command, {"text": text[:500]}, refusal=error)
        raise
    return await _launch_or_plan(request, actor, services, deployment=deployment)


async def launch_json(
    raw: Mapping[str, Any], actor: Actor, services: Services, *, deployment: str = ""
) -> Run | DryRunPlan:
    """Launch what START's request as JSON asks for, or return its plan when it says dry_run.

    Raises
    ------
    AppError
        As `launch_text` does; see `pipeline.start_requests.start_request` for the fields.
    """
    try:
        request = start_request(raw, await known_words(services))
    except AppError as error:
        action = str(raw.get("mode", "start"))[:40]
        what = {"json": json.dumps(dict(raw), default=str)[:500]}
        await write_trail(services, actor, action, what, refusal=error)
        raise
    return await _launch_or_plan(request, actor, services, deployment=deployment)


async def _launch_or_plan(
    request: BaseModel, actor: Actor, services: Services, *, deployment: str
) -> Run | DryRunPlan:
    if isinstance(request, BacktestRequest) and request.options.dry_run:
        return await plan(request, actor, services)
    return await launch(request, actor, services, deployment=deployment)


def _check_word(text: str) -> None:
    """Refuse a command that starts no run."""
    word = re.match(r"\s*/(\w+)", text)
    if word is None or story_named(word.group(1).lower()) is not None:
        return
    words = tuple(dict.fromkeys(story.command for story in STORIES.values()))
    near = difflib.get_close_matches(word.group(1).lower(), words, n=3, cutoff=0.4)
    closest = tuple(f"/{each}" for each in dict.fromkeys((*near, *words)))
    raise BadRequestError(
        f"/{word.group(1)[:40]} starts no run; these do: {', '.join(closest)}.",
        field="text", value=f"/{word.group(1)[:40]}", closest=closest,
    )  # fmt: skip


def story_of_text(text: str) -> Story:
    """Return the kind of run that a command's word asks for; a backtest without a word."""
    word = re.match(r"\s*/(\w+)", text)
    if word and word.group(1).lower() == RETRAINING.command and names_market(text):
        return RETRAINING
    return (word and story_named(word.group(1).lower())) or BACKTEST


async def launch(
    request: BaseModel, actor: Actor, services: Services, *, deployment: str = ""
) -> Run:
    """Validate, write the run and its audit row, then start it.

    Raises
    ------
    AppError
        The request was refused (audited, no run), or the scheduler could not be reached
        (the run is there, failed, with the reason).
    """
    run = await queue(request, actor, services, deployment=deployment)
    await _start(run, services)
    return run


async def queue(
    request: BaseModel, actor: Actor, services: Services, *, deployment: str = ""
) -> Run:
    """Validate and write the run and its audit row; whoever calls starts it."""
    story, what = story_for(request), request.model_dump(mode="json")
    try:
        await check_role(story.role, actor, services)
        pinned = await story.check(request, services)
    except AppError as error:
        await write_trail(services, actor, story.command, what, refusal=error)
        raise
    what_runs = pinned.model_dump(mode="json")
    run = await services.runs.create(
        story.prefix,
        story.flow_type,
        what_runs,
        actor,
        services.clock(),
        deployment=deployment,
        priority=priority_of(story.flow_type, actor.channel),
    )
    await write_trail(services, actor, story.command, what, run_id=run.run_id)
    log.info("run_accepted", run_id=run.run_id, **_who(actor))
    return run


async def rerun(run_id: str, actor: Actor, services: Services) -> Run:
    """Queue an ended run again; tasks done before are not done again.

    A failed run continues where it failed. A completed one tells its kept results anew, unless
    data, rules, settings or program have changed since, or nothing is kept any more: then all of
    it is computed anew. Its trades are held against those of the first time, which stay.
    """
    try:
        run = await _own(run_id, actor, services)
        if not run.status.ended:
            raise BadRequestError(
                f"{run_id} is {run.status.value}; it can be run again once it has ended.",
                field="run_id", value=run_id,
            )  # fmt: skip
        again = await services.runs.requeue(run_id, services.clock())
        if again is None:
            raise BadRequestError(f"{run_id} is queued already.", field="run_id", value=run_id)
    except AppError as error:
        await write_trail(services, actor, "rerun", {"run_id": run_id}, refusal=error)
        raise
    await write_trail(services, actor, "rerun", {"run_id": run_id}, run_id=run_id)
    await _start(again, services)
    return again


async def cancel(run_id: str, actor: Actor, services: Services) -> Run:
    """Stop a run: a queued one is cancelled at once, a running one within a second or so."""
    try:
        await _own(run_id, actor, services)
        run = await services.runs.request_cancel(run_id, services.clock())
        if run is None:
            raise BadRequestError(f"{run_id} has ended already.", field="run_id", value=run_id)
    except AppError as error:
        await write_trail(services, actor, "cancel", {"run_id": run_id}, refusal=error)
        raise
    await write_trail(services, actor, "cancel", {"run_id": run_id}, run_id=run_id)
    try:
        await services.launcher.cancel(run)
    except AppError as error:  # the run's own record is what the worker obeys
        log.warning("cancel_not_told", run_id=run_id, error=str(error))
    if run.status is RunStatus.CANCELLED:
        await tell_progress(run, services, status=RunStatus.CANCELLED)
    return run


async def place_in_queue(run_id: str, services: Services) -> int:
    """Return a queued run's place, 1 being next; 0 when it starts at once or has started."""
    run = await services.runs.get(run_id)
    return (await place_of(run, services) or 0) if run is not None else 0


async def _start(run: Run, services: Services) -> None:
    """Tell the chat, then launch; a launch that fails ends the run with a kind line."""
    await tell_progress(
        run, services, status=RunStatus.QUEUED, place=await place_of(run, services)
    )
    try:
        await services.launcher.launch(run, services)
    except Exception as error:
        text = error.user_text if isinstance(error, AppError) else "The run could not be started."
        log.exception("launch_failed", run_id=run.run_id)
        await services.runs.finish(run.run_id, RunStatus.FAILED, services.clock(), error=text)
        await tell_progress(run, services, status=RunStatus.FAILED)
        if isinstance(error, AppError):
            raise
        raise AppError(text, run_id=run.run_id) from error


async def find_run(run_id: str, services: Services) -> Run:
    """Return a run, or raise BadRequestError with the ids nearest to it."""
    run = await services.runs.get(run_id)
    if run is None:
        newest = tuple(run.run_id for run in await services.runs.newest(50))
        closest = tuple(difflib.get_close_matches(run_id, newest, n=3, cutoff=0.5))
        raise BadRequestError(
            f"There is no run {run_id}.", field="run_id", value=run_id, closest=closest
        )
    return run


async def set_role(user_id: int, role: str | None, actor: Actor, services: Services) -> None:
    """Give or (None) take a role, with a line in the trail."""
    await services.chats.set_role(user_id, role, services.clock())
    await write_trail(services, actor, "access", {"user_id": user_id, "role": role})


async def _own(run_id: str, actor: Actor, services: Services) -> Run:
    """Return the run if it exists and the actor may act on it: their own, or any for owners."""
    run = await find_run(run_id, services)
    if actor.user_id is None or actor.user_id == run.actor.user_id:
        return run
    if await role_of(actor.user_id, services) != "owner":
        raise NotAllowedError(f"{run_id} belongs to somebody else.")
    return run


def _who(actor: Actor) -> dict[str, Any]:
    return {"channel": actor.channel.value, "user_id": actor.user_id}
