"""Who may do what: roles, deny by default, one middleware for messages and presses."""

import hmac
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import structlog
from aiogram import BaseMiddleware
from aiogram.types import CallbackQuery, Message, TelegramObject

from bot.commands import RANK, ROLE_OF_COMMAND, is_setup_check, rest_of, word_of
from bot.keyboards import ROLE_OF_PRESS
from bot.texts import en
from flows.languages import note_language
from flows.owners import CODE_KEY
from flows.roles import role_of
from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.request import Actor, AuditEvent, Channel
from pipeline.live_settings_words import role_needed
from storage.ports import ChatStore

log = structlog.get_logger(__name__)

TRIES_OF_ONE: Final = 5
TRIES_OF_ALL: Final = 50

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


def needed_role(event: TelegramObject) -> str | None:
    """Return the role that a message or press needs; None: it is for nobody."""
    if isinstance(event, CallbackQuery):
        return ROLE_OF_PRESS.get((event.data or "").split(":", 1)[0])
    if not isinstance(event, Message):
        return None
    if event.document is not None or is_setup_check(event.text or ""):
        return "trader"
    return _role_of_text(event.text or "")


def _role_of_text(text: str) -> str:
    """Return the role a text needs; a look may need less than a change."""
    word = word_of(text)
    if word == "live":
        return role_needed(text)
    if word == "ab" and rest_of(text).lower() in ("on", "off"):
        return "owner"
    return ROLE_OF_COMMAND.get(word or "", "viewer")


def actor_of(event: Message | CallbackQuery) -> Actor:
    """Return who asks and where the answers go."""
    user = event.from_user
    chat = event.chat if isinstance(event, Message) else event.message and event.message.chat
    return Actor(
        channel=Channel.TELEGRAM,
        user_id=user.id if user else None,
        chat_id=chat.id if chat else None,
        name=user.full_name if user else "",
    )


class Access(BaseMiddleware):
    """Lets an event through if its sender's role is enough, checked anew each time.

    A stranger gets no answer at all, a log line each time, an audit line the first time; all
    they can do is `/start CODE` while there is no owner.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """Pass on, refuse in one line, or stay silent."""
        user = getattr(event, "from_user", None)
        if user is None or user.is_bot or not isinstance(event, Message | CallbackQuery):
            return None
        role = await role_of(user.id, self._services) or await self._claim(event, user.id)
        if role is None:
            return await self._stranger(event, user.id)
        needed = needed_role(event)
        if needed is None or RANK.get(role, 0) < RANK[needed]:
            return await self._refuse(event, role, needed)
        actor = actor_of(event)
        if actor.chat_id == user.id:  # a group has no language of its own
            with suppress(AppError):
                await note_language(user.id, user.language_code, self._services)
        return await handler(event, {**data, "role": role, "actor": actor})

    async def _claim(self, event: Message | CallbackQuery, user_id: int) -> str | None:
        text = (event.text or "") if isinstance(event, Message) else ""
        code = rest_of(text)
        if word_of(text) != "start" or not code:
            return None
        now = self._services.clock()
        if not await claim_ownership(code, user_id, self._services.chats, now):
            return None
        await _audit(self._services, event, "accepted", "owner code")
        return "owner"

    async def _stranger(self, event: Message | CallbackQuery, user_id: int) -> None:
        log.warning("stranger", user_id=user_id)
        if await self._services.chats.note_stranger(user_id, self._services.clock()):
            await _audit(self._services, event, "refused", "stranger")

    async def _refuse(self, event: Message | CallbackQuery, role: str, needed: str | None) -> None:
        text = en.not_allowed(role, needed) if needed else en.STALE_BUTTON
        await _audit(self._services, event, "refused", f"role {role}, needs {needed}")
        if isinstance(event, CallbackQuery):
            await event.answer(text[:200], show_alert=True)
        else:
            await event.answer(text, parse_mode=None)


async def _audit(
    services: Services, event: Message | CallbackQuery, verdict: Any, reason: str
) -> None:
    tried = word_of(event.text or "") if isinstance(event, Message) else event.data
    await services.audit.append(
        AuditEvent(
            at=services.clock(),
            actor=actor_of(event),
            action="access",
            what={"tried": (tried or "")[:64]},
            verdict=verdict,
            reason=reason,
        )
    )


async def claim_ownership(code: str, user_id: int, chats: ChatStore, now: datetime) -> bool:
    """Make the sender of the right code owner, once; every wrong try is counted.

    Notes
    -----
    The code is taken out while it is compared, so that of two concurrent senders one wins.
    """
    kept = await chats.take(CODE_KEY)
    if kept is None:
        return False
    tries = dict(kept.get("tries", {}))
    spent = int(tries.get(str(user_id), 0))
    open_ = spent < TRIES_OF_ONE and sum(tries.values()) < TRIES_OF_ALL
    right = hmac.compare_digest(code.encode(), str(kept["code"]).encode())
    if open_ and right:
        await chats.set_role(user_id, "owner", now)
        return True
    tries[str(user_id)] = spent + 1
    await chats.remember(CODE_KEY, {"code": kept["code"], "tries": tries}, now)
    return False
