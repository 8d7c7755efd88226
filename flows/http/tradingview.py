"""TradingView's webhook: its alerts as requests, answered before its three seconds are over."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from flows import control
from flows.control import DryRunPlan
from flows.http.alerts import Asked, asked_by_fields, asked_by_text
from flows.http.bodies import json_value
from flows.http.callers import Caller, Credentials, caller_with, need
from flows.http.once import Key, Launched, begun, fingerprint
from flows.http.problems import ProblemError, responses
from flows.http.runs import Launch, as_json, launched
from flows.http.shapes import TEXT_MOST, AlertTaken
from flows.services import Services
from flows.trail import write_trail
from pipeline.domain.errors import AppError, RequestError

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
WAIT: Final = 2.0  # seconds; TradingView gives up after three
REPEATS: Final = timedelta(seconds=60)
"""A failed alert comes again after 5 s, up to three times; the same text later is a new alert."""
_TEXT: dict[str, Any] = {"schema": {"type": "string", "minLength": 1, "maxLength": TEXT_MOST}}
_JSON: dict[str, Any] = {
    "schema": {"type": "object", "additionalProperties": True},
    "example": {
        "ticker": "{{ticker}}", "interval": "{{interval}}", "time": "{{time}}",
        "setup": "IB_raid_v1", "id": "{{ticker}} {{timenow}}",
    },
}  # fmt: skip
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": _JSON, "text/plain": _TEXT},
    }
}
_ANSWERS = responses(400, 401, 403, 408, 409, 413, 422, 429)


@router.post(
    "/tradingview", operation_id="take_alert", status_code=202,
    response_model=AlertTaken, openapi_extra=_BODY, responses=_ANSWERS,
)  # fmt: skip
async def alert(request: Request, credentials: Credentials) -> Response:
    """Take an alert whose JSON has the token as its field `token`, or comes with the header."""
    message = _message(await request.body())
    given = message.pop("token", None) if isinstance(message, dict) else None
    headers = credentials.credentials if credentials else None
    secret = given if isinstance(given, str) else headers
    caller = await caller_with(request, secret)
    return await _taken(request, message, caller)


@router.post(
    "/tradingview/{token}", operation_id="take_alert_at", status_code=202,
    response_model=AlertTaken, openapi_extra=_BODY, responses=_ANSWERS,
)  # fmt: skip
async def alert_at(request: Request, token: str) -> Response:
    """Take an alert with the token in the address, JSON or plain text."""
    message = _message(await request.body())
    if isinstance(message, dict):
        message.pop("token", None)
    return await _taken(request, message, await caller_with(request, token))


def _message(body: bytes) -> str | dict[str, Any]:
    """Return the alert's message; TradingView calls it JSON when it is, and text otherwise."""
    if body.lstrip()[:1] == b"{":
        value = json_value(body)
        return dict(value)
    try:
        text = body.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise ProblemError(400, "The message is no UTF-8.") from error
    if not 0 < len(text) <= TEXT_MOST:
        raise ProblemError(422, f"The message has 1 to {TEXT_MOST} characters.", field="message")
    return text


async def _taken(request: Request, message: str | dict[str, Any], caller: Caller) -> Response:
    services: Services = request.app.state.services
    await need("trader", caller, "alert", services)
    launch = await _asked(message, caller, services)
    work = begun(launched(launch, _key(message, caller), caller, services, tell=True))
    done, _ = await asyncio.wait({work}, timeout=WAIT)
    result = work.result()[0] if done else None
    return as_json(_answer(result, services.clock()), 202)


async def _asked(message: str | dict[str, Any], caller: Caller, services: Services) -> Launch:
    """Return what launches the alert's request; a refusal is in the trail."""
    known, today = await control.known_words(services), control.today(services)
    try:
        asked: Asked = (
            asked_by_text(message, known, today)
            if isinstance(message, str)
            else asked_by_fields(message, known, today)
        )
        if isinstance(asked, str) and len(asked) > TEXT_MOST:
            raise RequestError(f"A command has at most {TEXT_MOST} characters.")
    except AppError as error:
        what = {"message": str(message)[:500]}
        await write_trail(services, caller.actor(), "alert", what, refusal=error)
        raise
    if isinstance(asked, str):
        return lambda actor: control.launch_text(asked, actor, services)
    return lambda actor: control.launch_json(asked, actor, services)


def _key(message: str | dict[str, Any], caller: Caller) -> Key:
    """Return the key under which an alert and its repeats are one.

    With an `id` of the alert's own it counts for a day, else the same words count as the same
    alert for a minute.
    """
    sha256 = fingerprint(repr(message).encode("utf-8", "replace"))
    own = message.get("id") if isinstance(message, dict) else None
    user = caller.token.user_id
    if isinstance(own, str) and own:
        named = fingerprint(own.encode("utf-8", "replace"))
        return Key(f"alert:{caller.token.name}:{named}", named, user)
    return Key(f"alert:{caller.token.name}:{sha256}", sha256, user, REPEATS)


def _answer(result: Launched | None, now: datetime) -> AlertTaken:
    if result is None:
        return AlertTaken(run_id=None, flow_type=None, request={}, timestamp=now)
    if isinstance(result, DryRunPlan):
        asked = result.request.model_dump(mode="json")
        return AlertTaken(run_id=None, flow_type=None, request=asked, timestamp=now)
    return AlertTaken(
        run_id=result.run_id, flow_type=result.flow_type, request=result.request,
        timestamp=result.created_at,
    )  # fmt: skip
