"""A person's own labels, sent as a file."""

from typing import Any

from aiogram import Bot, Router
from aiogram.types import Document, Message

from bot import views_runs
from bot.commands import is_label_import
from bot.replies import say
from bot.texts import en_labels
from flows.label_import import MAX_BYTES, import_labels
from flows.services import Services
from pipeline.domain.request import Actor

router = Router(name="labels")


async def sent(message: Message) -> bool | dict[str, Any]:
    """Let /import labels through, alone, above a file, or in answer to one."""
    if not is_label_import(message.text or message.caption or ""):
        return False
    answered = message.reply_to_message.document if message.reply_to_message else None
    return {"file": message.document or answered}


@router.message(sent)
async def import_sent(
    message: Message, file: Document | None, bot: Bot, actor: Actor, services: Services
) -> None:
    """Keep the labels of a file, or tell how to send one."""
    if file is None:
        await say(message, views_runs.notice(en_labels.HOW))
        return
    if (file.file_size or 0) > MAX_BYTES:
        await say(message, views_runs.notice(en_labels.TOO_LARGE))
        return
    await say(message, views_runs.notice(en_labels.READING))
    kept = await bot.download(file.file_id)
    data = kept.read() if kept is not None else b""
    receipt = await import_labels(file.file_name or "labels.csv", data, actor, services)
    await say(message, views_runs.notice(en_labels.imported(receipt)))
