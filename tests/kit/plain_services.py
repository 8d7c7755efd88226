"""Services made of memory ports, for stories without a database, Prefect or a network."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flows.cpu import CpuPool
from flows.launcher import InProcessLauncher
from flows.services import Services
from flows.settings import Settings
from flows.state import StateFolder
from pipeline.domain.bars import bar_frame
from pipeline.domain.errors import UnknownSetupError
from pipeline.domain.label import Label
from pipeline.domain.market import Timeframe
from pipeline.render.canvas import Picture
from pipeline.setups.rules import SetupSpec, SetupVersion, parse_setup
from storage.brokers.paper import PaperBroker
from storage.instruments import YamlInstruments
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
    MemoryLease,
    MemoryLoadLog,
    MemoryModelRegistry,
    MemoryNews,
    MemoryOutbox,
    MemoryQualityLog,
    MemoryQuarantine,
    MemoryRateLimits,
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
from storage.source_symbols import YamlSourceSymbols
from storage.upkeep_ports import Upkeep

LIBRARY = Path(__file__).parents[2] / "pipeline" / "setups" / "library"
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


DOT = Picture(png=b"\x89PNG dot", width=1, height=1, mapping=None)


class Clock:
    """A clock that ticks one millisecond at each look."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


class InlineCpu(CpuPool):
    """Computes where it stands: for stories whose subject isn't the processes.

    With `draw` false each picture is one grey dot, which spares a story half a second.
    """

    def __init__(self, *, draw: bool = False) -> None:
        self.calls: list[str] = []
        self._draw = draw

    async def run(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.calls.append(fn.__name__)
        if fn.__name__.startswith("draw_") and not self._draw:
            return [DOT] * len(args[1]) if fn.__name__ == "draw_samples" else DOT
        return fn(*args, **kwargs)

    async def run_apart(
        self, seconds: float, fn: Callable[..., Any], *args: Any, **kw: Any
    ) -> Any:
        return await self.run(fn, *args, **kw)

    async def run_aside(
        self, seconds: float, fn: Callable[..., Any], *args: Any, **kw: Any
    ) -> Any:
        return await self.run(fn, *args, **kw)

    async def warm(self) -> None:
        return

    def refresh(self) -> None:
        return

    async def close(self) -> None:
        return


class LibrarySetups:
    """The built-in setups, straight from their files."""

    def __init__(self, folder: Path = LIBRARY) -> None:
        self.specs = {
            spec.setup_id: spec
            for spec in (
                parse_setup(path.read_text(encoding="utf-8"), path.name)
                for path in sorted(folder.glob("*.yaml"))
            )
        }

    async def active(self) -> list[SetupSpec]:
        return list(self.specs.values())

    async def problems(self) -> list[str]:
        return []

    async def get(self, setup_id: str, version: str | None = None) -> SetupSpec:
        spec = self.specs.get(setup_id)
        if spec is None or version not in (None, spec.rule_version):
            raise UnknownSetupError(f"unknown setup '{setup_id}'")
        return spec

    async def versions(self, setup_id: str) -> list[SetupVersion]:
        return []

    async def sync(self, now: datetime) -> list[SetupVersion]:
        return []


def wavy_bars(days: int = 30, seed: int = 7, start: str = "2025-05-01") -> pd.DataFrame:
    """Seeded M5 bars of EURUSD on weekdays, lively enough for every setup to fire."""
    rng = np.random.default_rng(seed)
    times = pd.date_range(start, periods=days * 288, freq="5min", tz="UTC")
    times = times[times.day_of_week < 5]
    n = len(times)
    steps = rng.normal(0, 4e-4, n) + 3e-4 * np.sin(np.arange(n) / 9)
    close = 1.1 + np.cumsum(steps - steps.mean())
    opened = np.concatenate([[1.1], close[:-1]])
    high = np.maximum(opened, close) + rng.exponential(2e-4, n)
    low = np.minimum(opened, close) - rng.exponential(2e-4, n)
    prices = np.round(np.column_stack([opened, high, low, close]), 5)
    return bar_frame(times, Timeframe.M5, prices)


@asynccontextmanager
async def plain_services(
    home: Path, *, cpu: CpuPool | None = None, **settings: Any
) -> AsyncIterator[Services]:
    """Give services on memory ports, with M5 bars of EURUSD held and runs in this process."""
    chosen = Settings(_env_file=None, scout_home=home, **settings)
    bars = MemoryBarStore()
    await bars.merge("EURUSD", Timeframe.M5, wavy_bars(), source="test", now=NOW)
    launcher = InProcessLauncher(chosen.max_parallel_runs)
    taught: dict[tuple[str, str], Label] = {}
    runs = MemoryRunStore()
    outbox = MemoryOutbox(runs)
    signals = MemorySignalStore(outbox, taught)
    chats, models, clock = MemoryChatStore(), MemoryModelRegistry(), Clock()
    archive = MemoryArchive(clock)
    rows = MemoryRetention(runs, outbox, chats, signals, models, taught)
    services = Services(
        bars=bars,
        archive=archive,
        runs=runs,
        audit=MemoryAuditLog(),
        outbox=outbox,
        chats=chats,
        trials=MemoryTrialLedger(),
        setups=LibrarySetups(),
        instruments=YamlInstruments(),
        news=MemoryNews(),
        lease=MemoryLease(),
        signals=signals,
        scans=MemoryScanLog(),
        watches=MemoryWatchStore(),
        labels=MemoryLabelStore(taught),
        models=models,
        health=MemoryHealthBoard(),
        schedules=MemoryScheduleStore(),
        deployments=MemoryDeploymentStore(),
        broker=PaperBroker(signals),
        tokens=MemoryTokenStore(),
        request_keys=MemoryRequestKeys(),
        rates=MemoryRateLimits(),
        inbox=MemoryUpdateInbox(),
        analyses=MemoryAnalysisStore(),
        journal_queue=MemoryJournalQueue(),
        loads=MemoryLoadLog(),
        source_choices=MemorySourceChoices(),
        quarantine=MemoryQuarantine(),
        quality=MemoryQualityLog(),
        facts=MemoryInstrumentFacts(),
        source_symbols=YamlSourceSymbols(),
        upkeep=Upkeep(
            rows,
            MemoryArchiveUpkeep(archive),
            MemoryDatabaseCare(),
            MemoryBarUpkeep(bars),
        ),
        settings=chosen,
        state=StateFolder(home / "state"),
        launcher=launcher,
        cpu=cpu or InlineCpu(),
        clock=clock,
        owner=f"host:{home}",
    )
    try:
        yield services
    finally:
        await launcher.close()
        await services.cpu.close()
