"""One maker of stores for the contract suites: in memory, on SQLite, on PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.domain.label import Label
from storage.analyses import SqlAnalysisStore
from storage.api_tokens import SqlTokenStore
from storage.archive import FileArchive
from storage.archive_upkeep import FileArchiveUpkeep
from storage.audit import SqlAuditLog
from storage.bar_upkeep import ParquetBarUpkeep
from storage.bars import ParquetBarStore
from storage.chats import SqlChatStore
from storage.cooldown import RedisCooldowns
from storage.database import Database, open_database
from storage.database_care import care_of
from storage.deployments import SqlDeploymentStore
from storage.health import SqlHealthBoard
from storage.instrument_facts import SqlInstrumentFacts
from storage.journal_queue import SqlJournalQueue
from storage.labels import SqlLabelStore
from storage.loads import SqlLoadLog, SqlSourceChoices
from storage.memory import (
    MemoryAnalysisStore,
    MemoryArchive,
    MemoryArchiveUpkeep,
    MemoryAuditLog,
    MemoryBarUpkeep,
    MemoryChatStore,
    MemoryDatabaseCare,
    MemoryDeploymentStore,
    MemoryHealthBoard,
    MemoryInstrumentFacts,
    MemoryJournalQueue,
    MemoryLabelStore,
    MemoryLoadLog,
    MemoryModelRegistry,
    MemoryOutbox,
    MemoryQualityLog,
    MemoryQuarantine,
    MemoryRequestKeys,
    MemoryRetention,
    MemoryRunStore,
    MemoryScanLog,
    MemoryScheduleStore,
    MemorySignalStore,
    MemorySourceChoices,
    MemoryTokenStore,
    MemoryTrialLedger,
    MemoryUpdateInbox,
    MemoryWatchStore,
)
from storage.memory_bars import MemoryBarStore
from storage.model_files import ModelFiles
from storage.model_registry import FileModelRegistry
from storage.object_archive import ObjectArchive
from storage.object_archive_upkeep import ObjectArchiveUpkeep
from storage.object_models import ObjectModels
from storage.objects import Objects
from storage.outbox import SqlOutbox
from storage.quality_log import SqlQualityLog
from storage.quarantine import SqlQuarantine
from storage.request_keys import SqlRequestKeys
from storage.retention import SqlRetention
from storage.runs import SqlRunStore
from storage.scans import SqlScanLog
from storage.schedules import SqlScheduleStore
from storage.signals import SqlSignalStore
from storage.telegram_updates import SqlUpdateInbox
from storage.trials import SqlTrialLedger
from storage.upkeep_ports import Upkeep
from storage.watches import SqlWatchStore

BACKENDS = ("memory", "sqlite", "postgres")


class Stores:
    """Makes stores over one and the same content; each call is like another process's.

    With `objects` files lie in shared storage. `url` None means in memory, where there is no other process: one store for all calls. With
    `redis_url` live signals have their hint in Redis.
    """

    def __init__(
        self,
        url: str | None,
        folder: Path,
        redis_url: str | None = None,
        models: Path | None = None,
        objects: Objects | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.url = url
        self._clock = clock
        self._bars_folder = folder.parent / "bars"
        self.redis_url = redis_url
        self.objects = objects
        self._redis: list[RedisCooldowns] = []
        self._folder = folder
        self.models_folder = models or folder.parent / "models"
        self._taught: dict[tuple[str, str], Label] = {}
        self._databases: list[Database] = []
        self._memory: dict[Callable[[], Any], Any] = {}

    def runs(self):
        return self._make(MemoryRunStore, SqlRunStore)

    def audit(self):
        return self._make(MemoryAuditLog, SqlAuditLog)

    def outbox(self):
        return self._make(self._memory_outbox, SqlOutbox)

    def chats(self):
        return self._make(MemoryChatStore, SqlChatStore)

    def trials(self):
        return self._make(MemoryTrialLedger, SqlTrialLedger)

    def signals(self):
        return self._make(self._memory_signals, lambda engine: SqlSignalStore(engine, self.hint()))

    def scans(self):
        return self._make(MemoryScanLog, SqlScanLog)

    def watches(self):
        return self._make(MemoryWatchStore, SqlWatchStore)

    def schedules(self):
        return self._make(MemoryScheduleStore, SqlScheduleStore)

    def deployments(self):
        return self._make(MemoryDeploymentStore, SqlDeploymentStore)

    def health(self):
        return self._make(MemoryHealthBoard, SqlHealthBoard)

    def labels(self):
        return self._make(self._memory_labels, SqlLabelStore)

    def models(self):
        return self._make(
            MemoryModelRegistry,
            lambda engine: FileModelRegistry(self._model_place(), engine),
        )

    def analyses(self):
        return self._make(MemoryAnalysisStore, SqlAnalysisStore)

    def tokens(self):
        return self._make(MemoryTokenStore, SqlTokenStore)

    def request_keys(self):
        return self._make(MemoryRequestKeys, SqlRequestKeys)

    def journal_queue(self):
        return self._make(MemoryJournalQueue, SqlJournalQueue)

    def inbox(self):
        return self._make(MemoryUpdateInbox, SqlUpdateInbox)

    def loads(self):
        return self._make(MemoryLoadLog, SqlLoadLog)

    def source_choices(self):
        return self._make(MemorySourceChoices, SqlSourceChoices)

    def quality(self):
        return self._make(MemoryQualityLog, SqlQualityLog)

    def quarantine(self):
        return self._make(MemoryQuarantine, SqlQuarantine)

    def facts(self):
        return self._make(MemoryInstrumentFacts, SqlInstrumentFacts)

    def hint(self) -> RedisCooldowns | None:
        if self.redis_url is None:
            return None
        self._redis.append(RedisCooldowns(self.redis_url))
        return self._redis[-1]

    def archive(self):
        return self._make(self._memory_archive, self._placed_archive)

    def bars(self):
        return self._make(MemoryBarStore, lambda _: ParquetBarStore(self._bars_folder))

    def upkeep(self) -> Upkeep:
        if self.url is None:
            rows = MemoryRetention(
                self.runs(), self.outbox(), self.chats(), self.signals(), self.models(),
                self._taught,
            )  # fmt: skip
            bars = MemoryBarUpkeep(self.bars())
            files = MemoryArchiveUpkeep(self.archive())
            return Upkeep(rows, files, MemoryDatabaseCare(), bars)
        engine = self.database().engine
        if self.objects is not None:
            files: Any = ObjectArchiveUpkeep(self.objects, engine)
        else:
            files = FileArchiveUpkeep(self._folder, engine)
        bars = ParquetBarUpkeep(self._bars_folder, self._bars_folder.with_name("bars_archive"))
        return Upkeep(SqlRetention(engine), files, care_of(engine), bars)

    def database(self) -> Database:
        self._databases.append(open_database(self.url))
        return self._databases[-1]

    async def close(self) -> None:
        for redis in self._redis:
            await redis.close()
        for database in self._databases:
            await database.close()

    def _model_place(self):
        return ObjectModels(self.objects) if self.objects else ModelFiles(self.models_folder)

    def _placed_archive(self, engine):
        if self.objects is not None:
            return ObjectArchive(self.objects, engine, self._clock)
        return FileArchive(self._folder, engine, self._clock)

    def _memory_archive(self):
        return MemoryArchive(self._clock)

    def _memory_outbox(self):
        return MemoryOutbox(self.runs())

    def _memory_signals(self):
        return MemorySignalStore(self.outbox(), self._taught)

    def _memory_labels(self):
        return MemoryLabelStore(self._taught)

    def _make(self, memory: Callable[[], Any], sql: Callable[[Any], Any]) -> Any:
        if self.url is not None:
            return sql(self.database().engine)
        if memory not in self._memory:
            self._memory[memory] = memory()
        return self._memory[memory]
