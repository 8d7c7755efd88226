"""What the SDK's answers say, in our words: complete, cut short or refused, with their tokens."""

from typing import Any

from pipeline.domain.analysis import Reply, Usage
from pipeline.domain.errors import AnalystDownError, AnalystRefusedError


def responses_reply(found: Any, model: str) -> Reply:
    """Return an answer of the Responses API.

    Raises
    ------
    AnalystRefusedError
        It is none: something else answers there.
    AnalystDownError
        The model failed on its way.
    """
    status = getattr(found, "status", None)
    if status is None or not hasattr(found, "output"):
        raise no_analyst_there(model)
    if status not in ("completed", "incomplete"):
        raise AnalystDownError("The analyst's model failed on its way.", model=model)
    parts = [
        part
        for item in found.output or ()
        if getattr(item, "type", "") == "message"
        for part in item.content or ()
    ]
    told = "".join(part.text for part in parts if part.type == "output_text")
    refused = any(part.type == "refusal" for part in parts)
    usage = getattr(found, "usage", None)
    return Reply(
        status="refused" if refused else "complete" if status == "completed" else "incomplete",
        text=told,
        model=str(found.model or model),
        usage=_usage(usage, "input_tokens", "output_tokens"),
        request_id=str(getattr(found, "_request_id", None) or ""),
    )


def chat_reply(found: Any, model: str) -> Reply:
    """Return an answer of the chat API; see `responses_reply`."""
    if not getattr(found, "choices", None):
        raise no_analyst_there(model)
    choice = found.choices[0]
    refused = choice.message.refusal or choice.finish_reason == "content_filter"
    cut = choice.finish_reason == "length"
    return Reply(
        status="refused" if refused else "incomplete" if cut else "complete",
        text=choice.message.content or "",
        model=str(found.model or model),
        usage=_usage(found.usage, "prompt_tokens", "completion_tokens"),
        request_id=str(getattr(found, "_request_id", None) or ""),
    )


def no_analyst_there(model: str) -> AnalystRefusedError:
    """Return what is said when a page, a proxy or another program answers."""
    return AnalystRefusedError(
        "What answers at OPENAI_BASE_URL is no analyst: its URL should end in /v1, and "
        "ANALYST_API must be one that it speaks (responses or chat).",
        model=model,
    )


def _usage(usage: Any, read: str, written: str) -> Usage:
    if usage is None:
        return Usage()
    return Usage(
        input_tokens=max(int(getattr(usage, read, 0) or 0), 0),
        output_tokens=max(int(getattr(usage, written, 0) or 0), 0),
    )
