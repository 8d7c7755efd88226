"""What a reader is told when a handler fails: one kind line and a reference into the log."""

import structlog
from aiogram import Router
from aiogram.types import CallbackQuery, ErrorEvent, Message

from bot import views_runs
from bot.references import note_fault, note_refusal
from bot.replies import heard, say
from bot.texts import en
from pipeline.domain.errors import AppError

log = structlog.get_logger(__name__)
router = Router(name="errors")


@router.errors()
async def failed(failure: ErrorEvent) -> bool:
    """Log the facts under a reference and give the reader the reference."""
    error, update = failure.exception, failure.update
    event = update.message or update.callback_query
    who = event.from_user.id if event and event.from_user else None
    if isinstance(error, AppError):
        text, reference = en.sentence(error.user_text), note_refusal(error, who)
    else:
        text, reference = en.UNEXPECTED, note_fault(error, who)
    await _tell(event, text, reference)
    return True


async def _tell(event: Message | CallbackQuery | None, text: str, reference: str) -> None:
    if event is None:
        return
    try:
        if isinstance(event, CallbackQuery):
            await heard(event)
        await say(event, views_runs.notice(text, reference))
    except Exception as error:  # noqa: BLE001  (telling is all that is left to do)
        log.warning("error_not_told", reference=reference, error=type(error).__name__)
