"""Reading bodies: JSON without surprises, or a problem that says what is wrong with it."""

import json
from typing import Any, NoReturn

from flows.http.problems import ProblemError
from flows.http.shapes import TEXT_MOST

DEEPEST = 20


def json_object(body: bytes, content_type: str = "application/json") -> dict[str, Any]:
    """Return the JSON object that a body is, or raise 400, 415 or 422."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise ProblemError(415, "Send the request as application/json.")
    value = json_value(body)
    if not isinstance(value, dict):
        raise ProblemError(422, "The body must be a JSON object.", field="body")
    return value


def json_value(body: bytes) -> Any:
    """Return the JSON value that a body is; 400 for anything that other readers might read else.

    NaN and infinities, lone surrogates and deep nesting are refused.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise ProblemError(400, f"The body is no JSON: {reason}.") from error
    if _depth(value) > DEEPEST:
        raise ProblemError(400, f"The body is nested deeper than {DEEPEST}.")
    return value


def command_in(fields: dict[str, Any]) -> str | None:
    """Return the command of `{"text": …}`; None where there is none."""
    if "text" not in fields:
        return None
    text, others = fields["text"], [name for name in fields if name != "text"]
    if others:
        raise ProblemError(
            422, f"With text nothing else is read, so no {others[0]}.", field=others[0]
        )
    if not isinstance(text, str) or not 0 < len(text.strip()) <= len(text) <= TEXT_MOST:
        raise ProblemError(
            422, f"text must be a command of 1 to {TEXT_MOST} characters.", field="text",
            value=str(text)[:200],
        )  # fmt: skip
    return text


def _no_constant(word: str) -> NoReturn:
    raise ValueError(word)


def _depth(value: Any, above: int = 0) -> int:
    if above > DEEPEST or not isinstance(value, dict | list):
        return above
    inside = value.values() if isinstance(value, dict) else value
    return max((_depth(each, above + 1) for each in inside), default=above + 1)
