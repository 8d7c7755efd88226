"""The composition root: the one frozen bundle of everything a flow or front end needs."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flows.adapters import (
    make_analyst,
    make_backups,
    make_cooldowns,
    make_cpu,
    make_exchange,
    make_feed,
    make_journal,
    make_launcher,
    make_lease,
    make_objects,
    make_places,
    make_rates,
    utc_now,
)
from flows.analyst_state import AnalystState
from flows.case_book import CaseBook
from flows.cpu import CpuPool
from flows.hosts import host_of, owner_on
from flows.launcher import Launcher
from flows.prefect_env import prefect_database
from flows.settings import Settings
from flows.source_adapters import make_sources
from flows.state import StateFolder
from storage.analyses import SqlAnalysisStore
from storage.analyst_ports import AnalysisStore, Analyst
from storage.api_tokens import SqlTokenStore
from storage.audit import SqlAuditLog
from storage.backup.port import Backups
from storage.brokers.paper import PaperBroker
from storage.chats import SqlChatStore
from storage.database import Database, migrate, open_database
from storage.deployments import SqlDeploymentStore
from storage.entry_ports import RateLimits, RequestKeys, TokenStore, UpdateInbox
from storage.health import SqlHealthBoard
from storage.instrument_facts import SqlInstrumentFacts
from storage.instruments import YamlInstruments
from storage.journal_ports import Journal, JournalQueue
from storage.journal_queue import SqlJournalQueue
from storage.labels import SqlLabelStore
from storage.lease_port import Lease
from storage.live_ports import HealthBoard, ScanLog, SignalStore, WatchStore
from storage.loads import SqlLoadLog, SqlSourceChoices
from storage.market_ports import Broker, Feed, History, InstrumentTable, NewsCalendar
from storage.model_ports import LabelStore, ModelRegistry
from storage.news import CsvNews
from storage.operation_ports import DeploymentStore, ScheduleStore
from storage.outbox import SqlOutbox
from storage.ports import (
    Archive,
    AuditLog,
    BarStore,
    ChatStore,
    Outbox,
    SetupStore,
    TrialLedger,
)
from storage.quality_log import SqlQualityLog
from storage.quarantine import SqlQuarantine
from storage.request_keys import SqlRequestKeys
from storage.run_port import RunStore
from storage.runs import SqlRunStore
from storage.scans import SqlScanLog
from storage.schedules import SqlScheduleStore
from storage.signals import SqlSignalStore
from storage.source_ports import (
    BarSource,
    InstrumentFactsStore,
    LoadLog,
    QualityLog,
    Quarantine,
    SourceChoices,
    SourceSymbols,
)
from storage.source_symbols import YamlSourceSymbols
from storage.telegram_updates import SqlUpdateInbox
from storage.trials import SqlTrialLedger
from storage.upkeep_ports import Upkeep
from storage.watches import SqlWatchStore


@dataclass(frozen=True)
class Services:
    """Ports and helpers, passed by argument.

    `clock` gives the time, UTC. `owner` is this process's name where it claims runs. `feed` brings
    bars as they close; None: no market is connected. `exchange` has past bars of its markets;
    None: none is set. `backups` copies all that is kept; None: it is kept in memory. `sources` has
    past bars, by name. `analyst` and `journal` are None where they are not set up.
    """

    bars: BarStore
    archive: Archive
    runs: RunStore
    audit: AuditLog
    outbox: Outbox
    chats: ChatStore
    trials: TrialLedger
    setups: SetupStore
    instruments: InstrumentTable
    news: NewsCalendar
    lease: Lease
    signals: SignalStore
    scans: ScanLog
    watches: WatchStore
    labels: LabelStore
    models: ModelRegistry
    health: HealthBoard
    schedules: ScheduleStore
    deployments: DeploymentStore
    broker: Broker
    tokens: TokenStore
    request_keys: RequestKeys
    rates: RateLimits
    inbox: UpdateInbox
    analyses: AnalysisStore
    journal_queue: JournalQueue
    loads: LoadLog
    source_choices: SourceChoices
    source_symbols: SourceSymbols
    quarantine: Quarantine
    quality: QualityLog
    facts: InstrumentFactsStore
    upkeep: Upkeep
    settings: Settings
    state: StateFolder
    launcher: Launcher
    cpu: CpuPool
    clock: Callable[[], datetime]
    owner: str = ""
    feed: Feed | None = None
    exchange: History | None = None
    backups: Backups | None = None
    sources: Mapping[str, BarSource] = field(default_factory=dict)
    analyst: Analyst | None = None
    journal: Journal | None = None
    cases: CaseBook = field(default_factory=CaseBook)
    analyst_state: AnalystState = field(default_factory=AnalystState)


@asynccontextmanager
async def open_services(settings: Settings, *, computes: bool = True) -> AsyncIterator[Services]:
    """Build the adapters that the settings name, bring the database up to date, close at the end.

    Parameters
    ----------
    computes
        True for a process that runs flows: its computing processes stay warm once they were
        called. False for one that draws a picture now and then: one process, gone when idle.
    """
    home = settings.home
    home.mkdir(parents=True, exist_ok=True)
    database = open_database(settings.database)
    objects, analyst = make_objects(settings), make_analyst(settings)
    url = prefect_database(settings)
    prefect = None if url is None else open_database(url)
    lease = make_lease(settings)
    cooldowns = make_cooldowns(settings)
    rates = make_rates(settings)
    launcher = make_launcher(settings)
    cpu = make_cpu(settings, computes=computes)
    instruments = YamlInstruments(home / "instruments.yaml")
    feed = make_feed(settings, instruments)
    exchange = make_exchange(settings, cpu)
    sources = make_sources(settings, feed)
    journal = make_journal(settings)
    try:
        await migrate(database)
        signals = SqlSignalStore(database.engine, cooldowns)
        services = Services(
            **_stores(database),
            **make_places(settings, database, objects, prefect),
            instruments=instruments,
            source_symbols=YamlSourceSymbols(home / "source_symbols.yaml"),
            news=CsvNews(home / "news.csv"),
            lease=lease,
            signals=signals,
            broker=PaperBroker(signals),
            rates=rates,
            settings=settings,
            state=StateFolder(home / "state", objects),
            launcher=launcher,
            cpu=cpu,
            clock=utc_now,
            owner=owner_on(host_of(home)),
            feed=feed,
            exchange=exchange,
            backups=make_backups(settings, objects),
            sources=sources,
            analyst=analyst,
            journal=journal,
        )
        await services.setups.sync(utc_now())
        yield services
    finally:
        shared = (lease, rates, cooldowns, prefect, database)
        outside = (feed, exchange, *sources.values(), analyst, journal)
        await _close(launcher, cpu, *outside, *shared)


async def _close(*parts: Any) -> None:
    """Close, in order, what there is and what can be closed."""
    for part in parts:
        close = getattr(part, "close", None)
        if close is not None:
            await close()


def _stores(database: Database) -> dict[str, Any]:
    """Return the stores that need the database and nothing else."""
    engine = database.engine
    return {
        "runs": SqlRunStore(engine),
        "audit": SqlAuditLog(engine),
        "outbox": SqlOutbox(engine),
        "chats": SqlChatStore(engine),
        "trials": SqlTrialLedger(engine),
        "scans": SqlScanLog(engine),
        "watches": SqlWatchStore(engine),
        "labels": SqlLabelStore(engine),
        "health": SqlHealthBoard(engine),
        "schedules": SqlScheduleStore(engine),
        "deployments": SqlDeploymentStore(engine),
        "tokens": SqlTokenStore(engine),
        "request_keys": SqlRequestKeys(engine),
        "inbox": SqlUpdateInbox(engine),
        "analyses": SqlAnalysisStore(engine),
        "journal_queue": SqlJournalQueue(engine),
        "loads": SqlLoadLog(engine),
        "source_choices": SqlSourceChoices(engine),
        "quarantine": SqlQuarantine(engine),
        "quality": SqlQualityLog(engine),
        "facts": SqlInstrumentFacts(engine),
    }
