"""The owners: the first one by a one-time code, and where all of them are told something."""

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any

from flows.services import Services
from pipeline.domain.report import DeliveryKind
from storage.ports import ChatStore

CODE_KEY = "owner_code"


async def issue_owner_code(
    owner_ids: Collection[int], chats: ChatStore, now: datetime
) -> str | None:
    """Return the one-time code that makes its sender owner; None if there is an owner.

    The code lives until it is used; a restart shows the same one, with the tries set back.
    """
    if owner_ids or "owner" in (await chats.users()).values():
        return None
    kept = await chats.recall(CODE_KEY)
    code = str(kept["code"]) if kept else secrets.token_hex(6)
    await chats.remember(CODE_KEY, {"code": code, "tries": {}}, now)
    return code


async def owner_chats(owner_ids: Collection[int], chats: ChatStore) -> tuple[int, ...]:
    """Return the private chats of all owners; a person's private chat has the person's id."""
    given = {user for user, role in (await chats.users()).items() if role == "owner"}
    return tuple(sorted({*owner_ids, *given}))


async def notify_owners(payload: dict[str, Any], key: str, services: Services) -> int:
    """Owe each owner a notice, once for each key; return how many were owed."""
    told = 0
    for chat_id in await owner_chats(services.settings.owner_ids, services.chats):
        told += await services.outbox.put(
            chat_id, DeliveryKind.NOTICE, payload, dedupe_key=f"{key}:{chat_id}",
            now=services.clock(),
        )  # fmt: skip
    return told
