"""Which language a chat's reader has set in Telegram, as far as it is known."""

import re
from typing import Final

from flows.services import Services

_CODE: Final = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{2,8})?", re.IGNORECASE)


def language_key(chat_id: int) -> str:
    """Return what a chat's language is remembered under."""
    return f"language:{chat_id}"


async def note_language(chat_id: int, code: str | None, services: Services) -> None:
    """Remember a chat's language; what is no code, or known already, changes nothing."""
    found = _CODE.fullmatch(code or "")
    known = services.analyst_state.languages
    if found is None or known.get(chat_id) == (tongue := found.group(1).lower()):
        return
    await services.chats.remember(language_key(chat_id), {"code": tongue}, services.clock())
    known[chat_id] = tongue


async def language_of(chat_id: int | None, services: Services) -> str:
    """Return the code of a chat's language, else ANALYST_LANGUAGE."""
    known = await services.chats.recall(language_key(chat_id)) if chat_id is not None else None
    return str(known["code"]) if known else services.settings.analyst_language
