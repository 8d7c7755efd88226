"""A sent setup file between its check and the tap that adds it; outlives a restart."""

import hashlib
import secrets

from aiogram import Bot
from aiogram.types import Document
from pydantic import BaseModel

from bot.texts import en_setup_check
from flows.services import Services
from flows.setup_check import MAX_BYTES, Checked, add_setup, check_setup, text_of_file
from pipeline.domain.errors import BadRequestError, SetupError
from pipeline.domain.request import Actor
from pipeline.setups.rules import SetupVersion

ENDINGS = (".yaml", ".yml")


class Offer(BaseModel):
    """A checked file: where Telegram keeps it, what it held, and the reason to keep with it."""

    file_id: str
    name: str
    sha256: str
    reason: str
    chat_id: int | None


def is_setup_file(document: Document | None) -> bool:
    """Tell whether a sent document is a setup file, by its name."""
    return document is not None and (document.file_name or "").lower().endswith(ENDINGS)


async def checked_file(
    document: Document, reason: str, bot: Bot, actor: Actor, services: Services
) -> tuple[Checked, str | None]:
    """Check a sent file; the token of the offer to add it, or None where nothing is offered."""
    name = document.file_name or "setup.yaml"
    if (document.file_size or 0) > MAX_BYTES:
        raise SetupError(f"{name}: a setup file has at most 64 KB", file=name)
    data = await _download(document.file_id, bot)
    checked = await check_setup(text_of_file(data, name), name, actor, services)
    if not checked.may_be_added:
        return checked, None
    token = secrets.token_urlsafe(9)
    offer = Offer(
        file_id=document.file_id, name=name, sha256=_digest(data),
        reason=reason, chat_id=actor.chat_id,
    )  # fmt: skip
    await services.chats.remember(_key(token), offer.model_dump(mode="json"), services.clock())
    return checked, token


async def accept(token: str, bot: Bot, actor: Actor, services: Services) -> SetupVersion:
    """Add the file of an offer; of two taps the first counts.

    Raises
    ------
    BadRequestError
        The offer is another chat's, taken already, or the file is not the one that was checked.
    """
    kept = await services.chats.take(_key(token))
    if kept is None or kept["chat_id"] != actor.chat_id:
        raise BadRequestError(en_setup_check.FORGOTTEN, field="setup_id")
    offer = Offer.model_validate(kept)
    try:
        text = text_of_file(await _same_file(offer, bot), offer.name)
        return await add_setup(text, offer.name, actor, services, offer.reason)
    except Exception:
        await services.chats.remember(_key(token), kept, services.clock())
        raise


async def _same_file(offer: Offer, bot: Bot) -> bytes:
    data = await _download(offer.file_id, bot)
    if _digest(data) != offer.sha256:
        raise BadRequestError(en_setup_check.CHANGED, field="setup_id")
    return data


async def _download(file_id: str, bot: Bot) -> bytes:
    kept = await bot.download(file_id)
    return kept.read() if kept is not None else b""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _key(token: str) -> str:
    return f"setup_offer:{token}"
