"""MemoryWatchStore: what chats want of live watching, in memory."""

from datetime import datetime

from pipeline.domain.watch import LiveRules, Watch


class MemoryWatchStore:
    """Wishes by chat; see `storage.live_ports.WatchStore`."""

    def __init__(self) -> None:
        self._watches: dict[int, Watch] = {}
        self._rules = LiveRules()

    async def get(self, chat_id: int) -> Watch | None:
        """Return a chat's wishes, or None."""
        return self._watches.get(chat_id)

    async def everyone(self) -> list[Watch]:
        """Return all chats' wishes, by chat."""
        return [watch for _, watch in sorted(self._watches.items())]

    async def put(self, watch: Watch, now: datetime) -> None:
        """Keep a chat's wishes."""
        del now
        self._watches[watch.chat_id] = watch.model_copy(deep=True)

    async def rules(self) -> LiveRules:
        """Return the rules for all chats."""
        return self._rules

    async def put_rules(self, rules: LiveRules, now: datetime) -> None:
        """Keep the rules for all chats."""
        del now
        self._rules = rules.model_copy(deep=True)
