"""Runs over HTTP: start, list, look at, stop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from flows import control
from flows.control import DryRunPlan
from flows.http.bodies import command_in, json_object
from flows.http.callers import Caller, Known, need
from flows.http.once import Key, Launched, begun, fingerprint, once
from flows.http.problems import ProblemError, responses
from flows.http.shapes import (
    RUN_ID,
    Accepted,
    PlanView,
    RunLine,
    RunPage,
    RunView,
    accepted,
    line_of,
    view_of,
)
from flows.services import Services
from flows.trail import write_trail
from pipeline.domain.errors import BadRequestError, NotAllowedError, RequestError
from pipeline.domain.request import Actor, RunStatus

router = APIRouter(tags=["runs"])
BODIES = ("TextRequest", "BacktestBody", "LiveBody", "LabelBody", "TrainBody")
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {
            "schema": {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in BODIES]},
            "examples": {
                "fields": {"value": {
                    "mode": "backtest", "symbol": "GER40", "timeframe": "M5",
                    "start": "2025-05-01", "end": "2025-10-31", "setup_id": "IB_raid_v1",
                    "options": {"max_trades": 100, "rr_target": 2.0, "dry_run": False},
                    "extra": {},
                }},
                "command": {"value": {"text": "/backtest IB_raid_v1 GER40 M5 2025-05 rr=2"}},
            },
        }},
    }
}  # fmt: skip
_PLAN: dict[int | str, dict[str, Any]] = {
    200: {"model": PlanView, "description": "With dry_run: what would be done. Nothing started."}
}
_LINKS: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "Accepted: the run is written down and has begun or waits its turn.",
        "links": {
            name: {"operationId": name, "parameters": {"run_id": "$response.body#/run_id"}}
            for name in ("get_run", "cancel_run")
        },
    }
}
RunId = Annotated[str, Path(pattern=RUN_ID, examples=["bt_2025_10_31_001"])]
KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[!-~]+$",
        description="the same request under the same key within a day starts one run",
    ),
]  # fmt: skip
Tell = Annotated[bool, Query(description="tell the user's private chat of it too")]


@router.post(
    "/runs", operation_id="start_run", status_code=202,
    response_model=Accepted, openapi_extra=_BODY,
    responses=_PLAN | _LINKS | responses(400, 401, 403, 408, 409, 413, 415, 422, 429),
)  # fmt: skip
async def start(
    request: Request, caller: Known, *, tell: Tell = False, key: KeyHeader = None
) -> Response:
    """Start a run: fields of START's request, or the text of a command."""
    services: Services = request.app.state.services
    await need("trader", caller, "start", services)
    body = await request.body()
    launch = await _asked(body, request.headers.get("content-type", ""), caller, services)
    sha256 = fingerprint(body, str(tell).encode())
    held = named_key(key, sha256, caller)
    result, again = await asyncio.shield(
        begun(launched(launch, held, caller, services, tell=tell))
    )
    if isinstance(result, DryRunPlan):
        return as_json(PlanView.model_validate(result.model_dump(mode="json")))
    headers = {"Location": f"/runs/{result.run_id}"}
    if again:
        headers["Idempotency-Replayed"] = "true"
    return as_json(accepted(result), 202, headers)


@router.get(
    "/runs", operation_id="list_runs", response_model=RunPage,
    responses=responses(401, 403, 422, 429),
)  # fmt: skip
async def listed(
    request: Request, caller: Known,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    status: RunStatus | None = None,
    before: Annotated[
        str | None, Query(pattern=RUN_ID, description="runs created before this one")
    ] = None,
) -> Response:  # fmt: skip
    """List runs, newest first."""
    services: Services = request.app.state.services
    if before is not None and await services.runs.get(before) is None:
        raise ProblemError(422, f"There is no run {before}.", field="before", value=before)
    whose = None if caller.sees_all else caller.token.user_id
    found = await services.runs.newest(limit + 1, user_id=whose, status=status, before=before)
    shown = found[:limit]
    after = shown[-1].run_id if len(found) > limit else None
    return as_json(RunPage(runs=[line_of(run) for run in shown], next_before=after))


@router.get(
    "/runs/{run_id}", operation_id="get_run", response_model=RunView,
    responses=responses(401, 403, 404, 422, 429),
)  # fmt: skip
async def shown(request: Request, run_id: RunId, caller: Known) -> Response:
    """Show a run with its tasks and its report."""
    run = await request.app.state.services.runs.get(run_id)
    if run is None:
        raise _no_run(run_id)
    if not caller.may_see(run):
        raise NotAllowedError(f"{run_id} belongs to somebody else.")
    return as_json(view_of(run))


@router.delete(
    "/runs/{run_id}", operation_id="cancel_run", status_code=202,
    response_model=RunLine,
    responses=responses(401, 403, 404, 409, 422, 429),
)  # fmt: skip
async def stopped(request: Request, run_id: RunId, caller: Known) -> Response:
    """Stop a run: a waiting one at once, a running one within a second or so. It stays listed."""
    services: Services = request.app.state.services
    await need("trader", caller, "cancel", services)
    run = await services.runs.get(run_id)
    if run is not None and not caller.may_see(run):
        refusal = NotAllowedError(f"{run_id} belongs to somebody else.")
        what = {"run_id": run_id}
        await write_trail(services, caller.actor(), "cancel", what, refusal=refusal)
        raise refusal
    try:
        ending = await control.cancel(run_id, caller.actor(), services)
    except BadRequestError as error:
        if run is None:
            raise _no_run(run_id) from error
        raise ProblemError(409, error.user_text, run_id=run_id) from error
    return as_json(line_of(ending), 202)


Launch = Callable[[Actor], Awaitable[Launched]]


async def _asked(body: bytes, kind: str, caller: Caller, services: Services) -> Launch:
    """Return what launches the body; one that can't be read is in the trail like any refusal."""
    try:
        fields = json_object(body, kind)
        text = command_in(fields)
    except ProblemError as error:
        what = {"body": body[:500].decode("utf-8", "replace")}
        refusal = RequestError(str(error))
        await write_trail(services, caller.actor(), "start", what, refusal=refusal)
        raise
    if text is not None:
        return lambda actor: control.launch_text(text, actor, services)
    return lambda actor: control.launch_json(fields, actor, services)


def named_key(key: str | None, sha256: str, caller: Caller) -> Key | None:
    """Return a client's key, which is one of its token alone."""
    if key is None:
        return None
    return Key(f"http:{caller.token.name}:{key}", sha256, caller.token.user_id)


async def launched(
    launch: Launch, key: Key | None, caller: Caller, services: Services, *, tell: bool
) -> tuple[Launched, bool]:
    """Launch, once if there is a key; return what it became, and whether it was there already."""
    actor = caller.actor(chat=tell, key="" if key is None else key.key)
    if key is None:
        return await launch(actor), False
    return await once(key, lambda: launch(actor), services)


def as_json(
    found: BaseModel, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return a model as a response."""
    return Response(found.model_dump_json(), status, headers, media_type="application/json")


def _no_run(run_id: str) -> ProblemError:
    return ProblemError(404, f"There is no run {run_id}.", field="run_id", value=run_id)
