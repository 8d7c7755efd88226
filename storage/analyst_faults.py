"""The SDK's errors in our words. What a server wrote is never repeated: it may quote the key."""

import json
import re
from typing import Any, Final

from pipeline.domain.errors import AnalystDownError, AnalystRefusedError, AppError
from storage.analyst_answers import no_analyst_there

_CODE: Final = re.compile(r"[a-z][a-z0-9_.\[\]]{0,60}$")
_FORM_WORDS: Final = ("response_format", "json_schema", "json_object", "guided", "grammar")
_NO_MODEL: Final = ("model_not_found", "model_not_available")
_REFUSED: Final = {
    401: "The analyst doesn't take the key: check OPENAI_API_KEY.",
    403: "The analyst doesn't allow this to the key: check the rights of OPENAI_API_KEY.",
}
_BAD_REQUEST, _NOT_FOUND, _TOO_LARGE, _UNPROCESSABLE = 400, 404, 413, 422
_TOO_MANY, _TIMEOUT, _CONFLICT, _SERVER = 429, 408, 409, 500


def mapped(error: Exception, model: str) -> AppError | None:
    """Return our error for one of the SDK's, None for one that isn't."""
    import openai  # noqa: PLC0415  (imported by now)

    if isinstance(error, openai.APITimeoutError):
        return AnalystDownError(
            "The analyst didn't answer in time (ANALYST_SECONDS).", model=model, asked=True
        )
    if isinstance(error, openai.APIConnectionError):
        return AnalystDownError("The analyst can't be reached.", model=model)
    if isinstance(error, openai.APIStatusError):
        return _of_status(error.status_code, _code(error), model)
    if isinstance(error, openai.OpenAIError | json.JSONDecodeError):
        return no_analyst_there(model)
    return None


def _of_status(status: int, code: str, model: str) -> AppError:
    facts: dict[str, Any] = {"status": status, "code": code, "model": model}
    if status in _REFUSED:
        return AnalystRefusedError(_REFUSED[status], **facts)
    if code in ("insufficient_quota", "billing_hard_limit_reached"):
        return AnalystRefusedError(
            "The account behind OPENAI_API_KEY has no quota left: add credit there.", **facts
        )
    if status == _NOT_FOUND or code in _NO_MODEL:
        return AnalystRefusedError(
            f"The analyst's server has no model {model!r} (ANALYST_MODEL), or doesn't speak "
            "what ANALYST_API says.", **facts,
        )  # fmt: skip
    if status == _TOO_MANY:
        return AnalystDownError("The analyst is asked too often right now.", **facts)
    if status >= _SERVER or status in (_TIMEOUT, _CONFLICT):
        return AnalystDownError("The analyst's server is in trouble.", **facts)
    named = f" ({code})" if code else ""
    return AnalystRefusedError(
        f"The analyst's server doesn't take the request{named}: check ANALYST_MODEL and "
        "ANALYST_API.", **facts,
    )  # fmt: skip


def _code(error: Any) -> str:
    """Return the error's code if it looks like one; a sentence is not passed on."""
    code = str(error.code or error.type or "")
    return code if _CODE.match(code) else ""


def no_form(error: Exception) -> bool:
    """Tell whether a server refused the form of the answer, not the question."""
    import openai  # noqa: PLC0415  (imported by now)

    if not isinstance(error, openai.APIStatusError):
        return False
    if error.status_code not in (_BAD_REQUEST, _UNPROCESSABLE):
        return False
    said = json.dumps(error.body, default=str).lower() + str(error.param or "").lower()
    return any(word in said for word in _FORM_WORDS)
