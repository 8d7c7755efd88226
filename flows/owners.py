"""The first owner: a one-time code shown where the product was started."""

import secrets
from collections.abc import Collection
from datetime import datetime

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
