"""What people do at an alert besides answering it: comment on it, ask for a held one."""

from datetime import datetime
from typing import Final

from flows.services import Services
from flows.trail import write_trail
from pipeline.domain.errors import BadRequestError
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor

LONGEST: Final = 500  # characters of a comment


async def comment_on(
    signal_id: str, text: str, message_id: int, actor: Actor, services: Services
) -> None:
    """Keep a person's words beside a signal that was answered; its alerts show them.

    Parameters
    ----------
    message_id
        Of the person's message: the same one again changes nothing.

    Raises
    ------
    BadRequestError
        The signal is unknown or unanswered, or the text too long; the trail has the refusal.
    """
    what = {"signal_id": signal_id, "comment": text[:LONGEST]}
    try:
        await _check(signal_id, text, services)
    except BadRequestError as error:
        await write_trail(services, actor, "comment", what, refusal=error)
        raise
    now = services.clock()
    note = _note(text, actor, now)
    await services.signals.note_extra(
        signal_id, {f"comment:{actor.chat_id}:{message_id}": note}, now
    )
    await write_trail(services, actor, "comment", what)


async def _check(signal_id: str, text: str, services: Services) -> None:
    record = await services.signals.get(signal_id)
    if record is None:
        raise BadRequestError(
            f"there is no signal {signal_id}", field="signal_id", value=signal_id
        )
    if record.answer is None:
        raise BadRequestError(
            "approve or reject the signal first; then a reply to it is kept as your comment",
            field="signal_id", value=signal_id,
        )  # fmt: skip
    if len(text) > LONGEST:
        raise BadRequestError(
            f"a comment has {LONGEST} characters at most; this one has {len(text)}",
            field="comment", value=f"{text[:20]}…",
        )  # fmt: skip


def _note(text: str, actor: Actor, now: datetime) -> dict[str, object]:
    return {"user_id": actor.user_id, "name": actor.name, "at": now.isoformat(), "text": text}


async def show_alert(signal_id: str, chat_id: int, services: Services) -> bool:
    """Owe a chat the alert of a signal that was held back; False if there is no such signal."""
    if await services.signals.get(signal_id) is None:
        return False
    await services.outbox.put(
        chat_id, DeliveryKind.ALERT, {"signal_id": signal_id, "silent": True},
        dedupe_key=f"alert:{signal_id}:{chat_id}", now=services.clock(),
    )  # fmt: skip
    return True
