"""Adapters as the settings name them; with `flows.services` the only place that knows them."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from flows.cpu import CpuPool
from flows.exchange_apart import ApartHistory
from flows.launcher import InProcessLauncher, Launcher, PrefectLauncher
from flows.prefect_env import prefect_database
from flows.settings import Settings
from pipeline.analysis.prices import thinks
from storage.analyst import OpenAIAnalyst
from storage.analyst_ports import Analyst
from storage.backup.port import Backups
from storage.backup.vault import FileBackups
from storage.cooldown import RedisCooldowns
from storage.database import Database
from storage.database_care import care_of
from storage.entry_ports import RateLimits
from storage.feeds.ccxt_exchange import CcxtHistory
from storage.feeds.mt5 import open_mt5
from storage.journal_ports import Journal
from storage.lease import RedisLease
from storage.lease_port import Lease
from storage.market_ports import Feed, History, InstrumentTable
from storage.memory import MemoryLease, MemoryRateLimits
from storage.mt5_bridge.client import BridgeTerminal
from storage.mt5_native import NativeTerminal
from storage.mt5_terminal import Terminal
from storage.notion import NotionJournal
from storage.notion_calls import NotionCalls
from storage.objects import Access, Objects
from storage.places import Places, places_at_home, shared_places
from storage.rate_limits import RedisRateLimits, SteadyRateLimits

PRELOAD = ("flows.cpu_preload",)
"""Imported once by the server that computing processes are forked from."""

IDLE_SECONDS = 20.0


def utc_now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


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


def make_analyst(settings: Settings) -> Analyst | None:
    """Return the analyst, or None where there is neither a key nor a server of one's own."""
    key = settings.openai_api_key.get_secret_value().strip() if settings.openai_api_key else ""
    url, model = settings.openai_base_url, settings.analyst_model
    if not key and not url:
        return None
    return OpenAIAnalyst(
        model, key=key, url=url, api=settings.analyst_api, seconds=settings.analyst_seconds,
        thinks=thinks(model),
    )  # fmt: skip


def make_journal(settings: Settings) -> Journal | None:
    """Return the journal whose token is set, or None; nothing is asked before it is used."""
    if settings.notion_token is None:
        return None
    token = settings.notion_token.get_secret_value()
    calls = NotionCalls(token, settings.notion_url or "", timeout=15.0)
    return NotionJournal(calls, settings.notion_database or "")


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
