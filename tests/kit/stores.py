"""One maker of stores for the contract suites: in memory, on SQLite, on PostgreSQL."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from storage.archive import FileArchive
from storage.audit import SqlAuditLog
from storage.chats import SqlChatStore
from storage.database import Database, open_database
from storage.memory import (
    MemoryArchive,
    MemoryAuditLog,
    MemoryChatStore,
    MemoryOutbox,
    MemoryRunStore,
    MemoryTrialLedger,
)
from storage.outbox import SqlOutbox
from storage.runs import SqlRunStore
from storage.trials import SqlTrialLedger

BACKENDS = ("memory", "sqlite", "postgres")


class Stores:
    """Makes stores over one and the same content; each call is like another process's.

    `url` None means in memory, where there is no other process: one store for all calls.
    """

    def __init__(self, url: str | None, folder: Path) -> None:
        self.url = url
        self._folder = folder
        self._databases: list[Database] = []
        self._memory: dict[Callable[[], Any], Any] = {}

    def runs(self):
        return self._make(MemoryRunStore, SqlRunStore)

    def audit(self):
        return self._make(MemoryAuditLog, SqlAuditLog)

    def outbox(self):
        return self._make(MemoryOutbox, SqlOutbox)

    def chats(self):
        return self._make(MemoryChatStore, SqlChatStore)

    def trials(self):
        return self._make(MemoryTrialLedger, SqlTrialLedger)

    def archive(self):
        return self._make(MemoryArchive, lambda engine: FileArchive(self._folder, engine))

    def database(self) -> Database:
        self._databases.append(open_database(self.url))
        return self._databases[-1]

    async def close(self) -> None:
        for database in self._databases:
            await database.close()

    def _make(self, memory: Callable[[], Any], sql: Callable[[Any], Any]) -> Any:
        if self.url is not None:
            return sql(self.database().engine)
        if memory not in self._memory:
            self._memory[memory] = memory()
        return self._memory[memory]
