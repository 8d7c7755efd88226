"""Bringing in a file from the chat: the file's id and the answers so far outlive a restart."""

import secrets
from dataclasses import dataclass

import structlog
from aiogram import Bot
from pydantic import BaseModel

from bot import drawing, views_data
from bot.layout import View
from bot.texts import en
from flows.import_words import file_limits
from flows.ingest import ImportAnswers, ImportQuestion, ImportReceipt, import_file
from flows.services import Services
from pipeline.domain.errors import BadRequestError, RequestError
from pipeline.domain.request import Actor

log = structlog.get_logger(__name__)

TELEGRAM_LIMIT = 20 * 1024 * 1024  # bots can't download more from Telegram's servers


class Pending(BaseModel):
    """A file on its way in: where Telegram keeps it, what is known, what was asked last."""

    file_id: str
    name: str
    answers: ImportAnswers = ImportAnswers()
    field: str = ""
    choices: tuple[str, ...] = ()
    chat_id: int | None = None


@dataclass(frozen=True)
class Answer:
    """What to show: a text, or a picture with the text as its caption."""

    view: View
    png: bytes | None = None


async def bring_in(pending: Pending, bot: Bot, services: Services, actor: Actor) -> Answer:
    """Import the file, or return the next question with its buttons."""
    kept = await bot.download(pending.file_id)
    data = kept.read() if kept is not None else b""
    result = await import_file(
        pending.name,
        data,
        pending.answers,
        services,
        actor,
        services.clock(),
        file_limits(services.settings),
    )
    if isinstance(result, ImportQuestion):
        return Answer(await _ask(pending, result, services, actor))
    return await _received(result, services)


async def answer(
    token: str, given: int | str, bot: Bot, services: Services, actor: Actor
) -> Answer | None:
    """Go on with an answer, a button's number or typed words; None if nothing was asked.

    Of two answers to one question the first counts. A refused one may be given again.
    """
    kept = await services.chats.take(_key(token))
    if kept is None or kept["chat_id"] != actor.chat_id:
        return None
    pending = Pending.model_validate(kept)
    if given == -1:
        return Answer(View(en.FILE_FORGOTTEN))
    try:
        answers = answered(pending, given)
        return await bring_in(
            pending.model_copy(update={"answers": answers}), bot, services, actor
        )
    except (RequestError, OSError):
        await services.chats.remember(_key(token), kept, services.clock())
        raise


def answered(pending: Pending, given: int | str) -> ImportAnswers:
    """Return the answers with the last question's filled in."""
    if isinstance(given, int) and not 0 <= given < len(pending.choices):
        raise BadRequestError(en.STALE_BUTTON, field=pending.field)
    words = pending.choices[given] if isinstance(given, int) else given.strip()
    return pending.answers.answered(pending.field, words)


async def open_question(actor: Actor, services: Services) -> str | None:
    """Return the token of the question that this person was asked last in this chat."""
    kept = await services.chats.recall(_last_key(actor))
    if kept is None or await services.chats.recall(_key(kept["token"])) is None:
        return None
    return str(kept["token"])


async def _ask(
    pending: Pending, question: ImportQuestion, services: Services, actor: Actor
) -> View:
    token, now = secrets.token_urlsafe(9), services.clock()
    asked = pending.model_copy(
        update={"field": question.field, "choices": question.choices, "chat_id": actor.chat_id}
    )
    await services.chats.remember(_key(token), asked.model_dump(mode="json"), now)
    await services.chats.remember(_last_key(actor), {"token": token}, now)
    scores = question.scores or (None,) * len(question.choices)
    options = [
        choice if score is None else f"{choice} ({score:.2f})"
        for choice, score in zip(question.choices, scores, strict=False)
    ]
    return views_data.question(question.text, options, token)


async def _received(receipt: ImportReceipt, services: Services) -> Answer:
    title = en.imported(receipt.added, receipt.replaced, receipt.zone)
    view = views_data.quality(title, receipt.quality, receipt.notes)
    try:
        png = await services.cpu.run(
            drawing.coverage,
            receipt.quality,
            theme=services.settings.chart_theme,
            synthetic=False,
        )
    except Exception as error:  # noqa: BLE001  (the bars are in; the picture is extra)
        log.warning("coverage_not_drawn", symbol=receipt.symbol, error=repr(error))
        return Answer(view)
    return Answer(view, png)


def _key(token: str) -> str:
    return f"import:{token}"


def _last_key(actor: Actor) -> str:
    return f"asked:{actor.chat_id}:{actor.user_id}"
