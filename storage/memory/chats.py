"""MemoryChatStore: roles, strangers and pending questions in memory."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from storage.tables import json_text


class MemoryChatStore:
    """Who may do what, and small pending things; see `storage.ports.ChatStore`."""

    def __init__(self) -> None:
        self._roles: dict[int, str] = {}
        self._strangers: dict[int, datetime] = {}
        self._memories: dict[str, str] = {}
        self._remembered: dict[str, datetime] = {}

    async def role(self, user_id: int) -> str | None:
        """Return the user's role, None for a stranger."""
        return self._roles.get(user_id)

    async def set_role(self, user_id: int, role: str | None, now: datetime) -> None:
        """Give or (None) take a role."""
        del now
        if role is None:
            self._roles.pop(user_id, None)
        else:
            self._roles[user_id] = role

    async def users(self) -> dict[int, str]:
        """Return all roles by user id."""
        return dict(sorted(self._roles.items()))

    async def note_stranger(self, user_id: int, now: datetime) -> bool:
        """Remember a stranger; True the first time."""
        known = user_id in self._strangers
        self._strangers.setdefault(user_id, now)
        return not known

    async def remember(self, key: str, value: dict[str, Any], now: datetime) -> None:
        """Keep a small JSON under a key; replaces."""
        self._memories[key] = json_text(value)
        self._remembered[key] = now

    async def recall(self, key: str) -> dict[str, Any] | None:
        """Return it, or None."""
        return _value(self._memories.get(key))

    async def take(self, key: str) -> dict[str, Any] | None:
        """Return and forget it: of concurrent takers one gets it."""
        self._remembered.pop(key, None)
        return _value(self._memories.pop(key, None))

    def before(self, before: datetime) -> list[str]:
        """Return the keys of what was remembered before that."""
        return [key for key, at in self._remembered.items() if at < before]

    def forget(self, keys: Iterable[str]) -> None:
        """Forget what is kept under the keys."""
        for key in keys:
            del self._memories[key], self._remembered[key]


def _value(held: str | None) -> dict[str, Any] | None:
    value: dict[str, Any] | None = None if held is None else json.loads(held)
    return value
