"""Own the updates that wait for the bot, and the long poll that fetches them."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from bot.sandbox.errors import ApiError, bad_request
from bot.sandbox.params import Json, Params
from bot.sandbox.store import Store

_FIRST_UPDATE = 100_000_001
_LIMIT = 100
_TIMEOUT_MAX = 50
_NOT_BY_DEFAULT = frozenset({"message_reaction", "message_reaction_count", "chat_member"})
_ONLINE_SECONDS = 4.0


class Updates:
    """Updates in order, on disk until the bot confirms them by asking for later ones."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._news = asyncio.Event()
        self._poller: asyncio.Event | None = None  # set to send the poller away
        self._seen = 0.0
        self._hooked = False

    @property
    def online(self) -> bool:
        """Tell whether a bot is listening."""
        if self.webhook:
            return self._hooked
        return self._poller is not None or self._clock() - self._seen < _ONLINE_SECONDS

    @property
    def webhook(self) -> Json:
        """Where updates are sent; empty: they are fetched."""
        kept: Json = self._store.fact("webhook", {})
        return kept

    def hook(self, *, works: bool) -> None:
        """Note whether the webhook takes updates; who fetches meanwhile is sent away."""
        self._hooked = works
        if self.webhook and self._poller is not None:
            self._poller.set()
        self._tell()

    async def news(self, seconds: float) -> None:
        """Wait until something is new, or for so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)

    def all_waiting(self) -> list[Json]:
        """Give what waits, oldest first, as far as it is looked at."""
        return self._store.from_key("updates", 0, _LIMIT * 10)

    def forget(self, number: int) -> None:
        """Forget an update that was taken."""
        self._store.delete("updates", number)
        self._tell()

    @property
    def waiting(self) -> int:
        """Count the updates no bot has confirmed yet."""
        return self._store.count("updates")

    def put(self, kind: str, body: Json) -> None:
        """Add an update, unless the bot asked not to get this kind."""
        allowed: list[str] = self._store.fact("allowed_updates", [])
        wanted = kind in allowed if allowed else kind not in _NOT_BY_DEFAULT
        if not wanted:
            return
        number = self._store.next_number("update", _FIRST_UPDATE)
        self._store.put("updates", number, {"update_id": number, kind: body})
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def drop_all(self) -> None:
        """Forget all waiting updates."""
        self._store.forget_before("updates", self._store.fact("update", _FIRST_UPDATE) + 1)

    async def poll(self, params: Params) -> list[Json]:
        """Serve getUpdates: confirm, then wait for news until the timeout.

        Raises
        ------
        ApiError
            409 in the poll that was waiting when another one began, and while there is a webhook.
        """
        if self.webhook:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        self.allow(params.structure("allowed_updates"))
        begin = self._confirm(params.number("offset"))
        limit = params.number("limit", _LIMIT)
        limit = limit if 1 <= limit <= _LIMIT else _LIMIT
        until = self._clock() + min(max(params.number("timeout"), 0), _TIMEOUT_MAX)
        if self._poller is not None:
            self._poller.set()
        mine = self._poller = asyncio.Event()
        try:
            return await self._wait(begin, limit, until, mine)
        finally:
            self._seen = self._clock()
            if self._poller is mine:
                self._poller = None

    async def _wait(
        self, begin: int, limit: int, until: float, sent_away: asyncio.Event
    ) -> list[Json]:
        while True:
            news = self._news
            found = self._store.from_key("updates", begin, limit)
            left = until - self._clock()
            if found or left <= 0:
                return found
            waits = [asyncio.ensure_future(event.wait()) for event in (news, sent_away)]
            try:
                await asyncio.wait(waits, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            if sent_away.is_set() and self.webhook:
                raise ApiError(409, "Conflict: terminated by setWebhook request")
            if sent_away.is_set():
                raise ApiError(
                    409,
                    "Conflict: terminated by other getUpdates request; "
                    "make sure that only one bot instance is running",
                )

    def _confirm(self, offset: int) -> int:
        if offset < 0:
            last = self._store.fact("update", _FIRST_UPDATE - 1)
            offset = max(last + 1 + offset, 0)
        if offset > 0:
            self._store.forget_before("updates", offset)
        return offset

    def allow(self, value: Any) -> None:
        """Keep which kinds the bot asked for; None: as before."""
        if value is None:
            return
        if not isinstance(value, list):
            raise bad_request("can't parse allowed updates: expected an Array of Strings")
        self._store.set_fact("allowed_updates", [str(kind) for kind in value])
