"""The composition root: the one frozen bundle of everything a flow or front end needs."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from flows.case_book import CaseBook
from flows.cpu import CpuPool
from flows.exchange_apart import ApartHistory
from flows.hosts import host_of, owner_on
from flows.launcher import InProcessLauncher, Launcher, PrefectLauncher
from flows.prefect_env import prefect_database
from flows.settings import Settings
from flows.state import StateFolder
from storage.api_tokens import SqlTokenStore
from storage.audit import SqlAuditLog
from storage.backup.port import Backups
from storage.backup.vault import FileBackups
from storage.brokers.paper import PaperBroker
from storage.chats import SqlChatStore
from storage.cooldown import RedisCooldowns
from storage.database import Database, migrate, open_database
from storage.database_care import care_of
from storage.deployments import SqlDeploymentStore
from storage.entry_ports import RateLimits, RequestKeys, TokenStore, UpdateInbox
from storage.feeds.ccxt_exchange import CcxtHistory
from storage.feeds.mt5 import open_mt5
from storage.health import SqlHealthBoard
from storage.instruments import YamlInstruments
from storage.labels import SqlLabelStore
from storage.lease import RedisLease
from storage.lease_port import Lease
from storage.live_ports import HealthBoard, ScanLog, SignalStore, WatchStore
from storage.market_ports import Broker, Feed, History, InstrumentTable, NewsCalendar
from storage.memory import MemoryLease, MemoryRateLimits
from storage.model_ports import LabelStore, ModelRegistry
from storage.mt5_bridge.client import BridgeTerminal
from storage.mt5_native import NativeTerminal
from storage.mt5_terminal import Terminal
from storage.news import CsvNews
from storage.objects import Access, Objects
from storage.operation_ports import DeploymentStore, ScheduleStore
from storage.outbox import SqlOutbox
from storage.places import Places, places_at_home, shared_places
from storage.ports import (
    Archive,
    AuditLog,
    BarStore,
    ChatStore,
    Outbox,
    SetupStore,
    TrialLedger,
)
from storage.rate_limits import RedisRateLimits, SteadyRateLimits
from storage.request_keys import SqlRequestKeys
from storage.run_port import RunStore
from storage.runs import SqlRunStore
from storage.scans import SqlScanLog
from storage.schedules import SqlScheduleStore
from storage.signals import SqlSignalStore
from storage.telegram_updates import SqlUpdateInbox
from storage.trials import SqlTrialLedger
from storage.upkeep_ports import Upkeep
from storage.watches import SqlWatchStore

PRELOAD = ("flows.cpu_preload",)
"""Imported once by the server that computing processes are forked from."""

IDLE_SECONDS = 20.0


@dataclass(frozen=True)
class Services:
    """Ports and helpers, passed by argument.

    `clock` gives the time, UTC. `owner` is this process's name where it claims runs. `feed` brings
    bars as they close; None: no market is connected. `exchange` has past bars of its markets;
    None: none is set. `backups` copies all that is kept; None: it is kept in memory.
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
    cases: CaseBook = field(default_factory=CaseBook)


def utc_now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


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
    objects = make_objects(settings)
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
    try:
        await migrate(database)
        signals = SqlSignalStore(database.engine, cooldowns)
        services = Services(
            **_stores(database),
            **make_places(settings, database, objects, prefect),
            instruments=instruments,
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
        )
        await services.setups.sync(utc_now())
        yield services
    finally:
        redis = lease if isinstance(lease, RedisLease) else None
        paced = rates if isinstance(rates, SteadyRateLimits) else None
        for part in (launcher, cpu, feed, exchange, redis, paced, cooldowns, prefect, database):
            if part is not None:
                await part.close()


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
    }


def make_objects(settings: Settings) -> Objects | None:
    """Return the storage that hosts share, or None where there is one host."""
    if not settings.storage_url:
        return None
    key, secret = settings.s3_access_key, settings.s3_secret_key
    access = Access(
        settings.s3_endpoint_url,
        key.get_secret_value() if key else None,
        secret.get_secret_value() if secret else None,
        settings.s3_region,
    )
    return Objects(settings.storage_url, access)


def make_places(
    settings: Settings, database: Database, objects: Objects | None, prefect: Database | None
) -> Places:
    """Return the stores that keep files: in the home, or in shared storage where that is set."""
    home, engine, cache_mb = settings.home, database.engine, settings.bar_cache_mb
    if objects is None:
        places = places_at_home(home, engine, utc_now)
    else:
        places = shared_places(objects, home, engine, utc_now, cache_mb=cache_mb)
    if prefect is not None:
        places["upkeep"] = replace(places["upkeep"], prefect=care_of(prefect.engine))
    return places


def make_backups(settings: Settings, objects: Objects | None) -> Backups:
    """Return the backups of this home and its databases."""
    home, url = settings.home, settings.database
    folder = (settings.backup_dir or home / "backups").expanduser().absolute()
    prefect = prefect_database(settings)
    return FileBackups(home, url, folder, prefect_url=prefect, objects=objects)


def make_cpu(settings: Settings, *, computes: bool) -> CpuPool:
    """Return the computing processes for a worker, or for a process that hardly computes."""
    if computes:
        return CpuPool(settings.max_parallel_runs, preload=PRELOAD, timeout=settings.task_timeout)
    return CpuPool(1, timeout=settings.task_timeout, idle_seconds=IDLE_SECONDS)


def make_lease(settings: Settings) -> Lease:
    """Return Redis's leases where it is set, else this process's own."""
    if settings.redis_url is None:
        return MemoryLease()
    return RedisLease(settings.redis_url.get_secret_value())


def make_rates(settings: Settings) -> RateLimits:
    """Return Redis's counts where it is set, else (and while it is down) this process's own."""
    if settings.redis_url is None:
        return MemoryRateLimits()
    redis = RedisRateLimits(settings.redis_url.get_secret_value())
    return SteadyRateLimits(redis, MemoryRateLimits())


def make_cooldowns(settings: Settings) -> RedisCooldowns | None:
    """Return what Redis remembers of cooldowns, where it is set."""
    if settings.redis_url is None:
        return None
    return RedisCooldowns(settings.redis_url.get_secret_value())


def make_launcher(settings: Settings) -> Launcher:
    """Return Prefect's launcher where a server is set, else one that runs in this process."""
    if not settings.prefect_api_url:
        return InProcessLauncher(settings.max_parallel_runs)
    secret = settings.prefect_api_auth_string
    return PrefectLauncher(
        settings.prefect_api_url, auth=secret.get_secret_value() if secret else None
    )


def make_exchange(settings: Settings, cpu: CpuPool) -> History | None:
    """Return the exchange that is set, or None; it is asked in processes that end again."""
    name = settings.exchange.lower()
    if name == "none":
        return None
    return ApartHistory(name, partial(CcxtHistory, name, settings.exchange_url or ""), cpu)


def make_feed(settings: Settings, instruments: InstrumentTable) -> Feed | None:
    """Return the market that is set, or None; it is dialled when first asked for something."""
    if settings.feed == "none":
        return None
    if settings.feed == "mt5":
        terminal: Terminal = NativeTerminal(settings.mt5_terminal or "")
    else:
        host, _, port = settings.mt5_bridge_address.rpartition(":")
        secret = settings.mt5_bridge_token
        terminal = BridgeTerminal(host, int(port), secret.get_secret_value() if secret else "")
    home, zone = settings.home, settings.broker_zone
    return open_mt5(terminal, instruments, home, name=settings.feed, zone=zone)
