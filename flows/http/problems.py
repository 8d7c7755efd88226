"""What the HTTP entry answers when it can't do what was asked: problem details (RFC 9457)."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from pipeline.domain.errors import (
    AppError,
    BadRequestError,
    DataError,
    NotAllowedError,
    RequestError,
    SetupError,
)
from storage.telemetry import get_logger

log = get_logger(__name__)
MEDIA: Final = "application/problem+json"
RETRY_SECONDS: Final = 5
WHY: Final[dict[int, str]] = {
    400: "The body can't be read as JSON, or not as UTF-8.",
    401: "There is no token, or it is unknown or revoked.",
    403: "The token's role, or its user's, doesn't permit it.",
    404: "There is no such run.",
    405: "The address knows no such method.",
    408: "The body did not arrive in time.",
    409: "The key was used for another request, or the run has ended already.",
    413: "The body is larger than HTTP_MAX_KB.",
    415: "The body is of a kind that is not read here.",
    422: "START refused the request; nothing was started. `field`, `value` and `closest` say why.",
    429: "The token has asked too often; `Retry-After` says when it may again.",
    500: "Something went wrong here; the log has the details.",
    503: "Something that is needed doesn't answer, or not in time; trying again may help.",
}


class Problem(BaseModel):
    """Why a request was not carried out; `field`, `value` and `closest` where one was wrong."""

    type: str = "about:blank"
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["unknown setup 'Frank_raid': did you mean Frank_raid_v1?"])
    field: str | None = Field(default=None, examples=["setup_id"])
    value: str | None = Field(default=None, examples=["Frank_raid"])
    closest: list[str] = Field(default_factory=list, examples=[["Frank_raid_v1"]])
    run_id: str | None = None


class ProblemError(Exception):
    """An answer other than success, known where it is raised."""

    def __init__(
        self, status: int, detail: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}
        self.problem = problem(status, detail, **more)


def problem(status: int, detail: str, **more: Any) -> Problem:
    """Return the problem of a status."""
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, **more)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return how these statuses are described in the OpenAPI document."""
    content = {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    late: dict[str, Any] = {
        "headers": {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
    }
    return {
        status: {"description": WHY[status], "content": content,
                 **(late if status in (429, 503) else {})}
        for status in (*statuses, 500, 503)
    }  # fmt: skip


def answer(found: Problem, headers: dict[str, str] | None = None) -> Response:
    """Return the response that carries a problem."""
    body = found.model_dump_json(exclude_none=True)
    return Response(body, found.status, headers=headers, media_type=MEDIA)


def status_of(error: AppError) -> int:
    """Return the HTTP status of one of our errors."""
    if isinstance(error, NotAllowedError):
        return 403
    if isinstance(error, RequestError | DataError | SetupError):
        return 422
    return 503


def from_app_error(error: AppError) -> Response:
    """Return what one of our errors is over HTTP."""
    more: dict[str, Any] = {}
    if isinstance(error, BadRequestError):
        more = {"field": error.field, "value": error.value, "closest": list(error.closest)}
    status = status_of(error)
    if status == 503:  # noqa: PLR2004
        log.warning("http_not_done", error=error.user_text, **error.facts)
        more["run_id"] = error.facts.get("run_id")
    late = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else None  # noqa: PLR2004
    return answer(problem(status, error.user_text, **more), late)


def handle_errors(app: FastAPI) -> None:
    """Answer every error with a problem; nothing of the inside goes out."""

    @app.exception_handler(ProblemError)
    async def told(_request: Request, error: ProblemError) -> Response:
        return answer(error.problem, error.headers)

    @app.exception_handler(AppError)
    async def ours(_request: Request, error: AppError) -> Response:
        return from_app_error(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        field = str(first["loc"][-1])
        value = str(first.get("input"))[:200]
        detail = f"{field}: {first['msg']}."
        return answer(problem(422, detail, field=field, value=value))

    @app.exception_handler(Exception)
    async def unexpected(_request: Request, _error: Exception) -> Response:
        return answer(problem(500, WHY[500]))  # and it goes on to the bounds, which log it

    @app.exception_handler(HTTPException)
    async def plain(_request: Request, error: HTTPException) -> Response:
        detail = WHY.get(error.status_code, "") if error.status_code != 404 else "Nothing is here."  # noqa: PLR2004
        headers = dict(error.headers or {})
        return answer(problem(error.status_code, detail or str(error.detail)), headers)
