"""The ports in memory: for tests and for trying things; gone with the process."""

from storage.memory.archive import MemoryArchive
from storage.memory.chats import MemoryChatStore
from storage.memory.lease import MemoryLease
from storage.memory.news import MemoryNews
from storage.memory.outbox import MemoryOutbox
from storage.memory.runs import MemoryAuditLog, MemoryRunStore
from storage.memory.trials import MemoryTrialLedger

__all__ = [
    "MemoryArchive",
    "MemoryAuditLog",
    "MemoryChatStore",
    "MemoryLease",
    "MemoryNews",
    "MemoryOutbox",
    "MemoryRunStore",
    "MemoryTrialLedger",
]
