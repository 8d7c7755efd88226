"""The ports in memory: for tests and for trying things; gone with the process."""

from storage.memory.analyses import MemoryAnalysisStore
from storage.memory.archive import MemoryArchive
from storage.memory.bar_upkeep import MemoryBarUpkeep
from storage.memory.chats import MemoryChatStore
from storage.memory.deployments import MemoryDeploymentStore
from storage.memory.entry import (
    MemoryRateLimits,
    MemoryRequestKeys,
    MemoryTokenStore,
    MemoryUpdateInbox,
)
from storage.memory.health import MemoryHealthBoard
from storage.memory.instrument_facts import MemoryInstrumentFacts
from storage.memory.journal import MemoryJournalQueue
from storage.memory.journal_pages import MemoryJournal
from storage.memory.labels import MemoryLabelStore
from storage.memory.lease import MemoryLease
from storage.memory.loads import MemoryLoadLog, MemorySourceChoices
from storage.memory.models import MemoryModelRegistry
from storage.memory.news import MemoryNews
from storage.memory.outbox import MemoryOutbox
from storage.memory.quality_log import MemoryQualityLog
from storage.memory.quarantine import MemoryQuarantine
from storage.memory.runs import MemoryAuditLog, MemoryRunStore
from storage.memory.scans import MemoryScanLog
from storage.memory.schedules import MemoryScheduleStore
from storage.memory.signals import MemorySignalStore
from storage.memory.sources import MemorySource
from storage.memory.trials import MemoryTrialLedger
from storage.memory.upkeep import MemoryArchiveUpkeep, MemoryDatabaseCare, MemoryRetention
from storage.memory.watches import MemoryWatchStore

__all__ = [
    "MemoryAnalysisStore",
    "MemoryArchive",
    "MemoryArchiveUpkeep",
    "MemoryAuditLog",
    "MemoryBarUpkeep",
    "MemoryChatStore",
    "MemoryDatabaseCare",
    "MemoryDeploymentStore",
    "MemoryHealthBoard",
    "MemoryInstrumentFacts",
    "MemoryJournal",
    "MemoryJournalQueue",
    "MemoryLabelStore",
    "MemoryLease",
    "MemoryLoadLog",
    "MemoryModelRegistry",
    "MemoryNews",
    "MemoryOutbox",
    "MemoryQualityLog",
    "MemoryQuarantine",
    "MemoryRateLimits",
    "MemoryRequestKeys",
    "MemoryRetention",
    "MemoryRunStore",
    "MemoryScanLog",
    "MemoryScheduleStore",
    "MemorySignalStore",
    "MemorySource",
    "MemorySourceChoices",
    "MemoryTokenStore",
    "MemoryTrialLedger",
    "MemoryUpdateInbox",
    "MemoryWatchStore",
]
