"""Plain services with sources in memory: two of them that have GBPUSD."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from flows.services import Services
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Actor, Channel
from storage.memory import MemorySource
from storage.memory.sources import CARD
from storage.source_symbols import YamlSourceSymbols
from tests.kit.plain_services import Clock, plain_services
from tests.kit.source_worlds import walk_bars

NOW = datetime(2025, 3, 12, 14, 37, 20, tzinfo=UTC)
FIRST = datetime(2025, 3, 3, tzinfo=UTC)
ME = Actor(channel=Channel.CLI, name="me")


def bars() -> pd.DataFrame:
    """Return M1 bars of GBPUSD from FIRST on, week ends left out."""
    return walk_bars(FIRST, NOW)


def source(name: str, held: pd.DataFrame | None = None) -> MemorySource:
    """Return a source of that name."""
    card = CARD.model_copy(update={"name": name, "title": name.title()})
    frames = {("cable", Timeframe.M1): bars() if held is None else held}
    return MemorySource(frames, card=card, page_bars=700)


def mapping(home: Path, names: Iterable[str]) -> Path:
    """Write how they call symbols."""
    home.mkdir(parents=True, exist_ok=True)
    file = home / "source_symbols.yaml"
    file.write_text("".join(f"{name}: {{GBPUSD: cable, GER40: dax}}\n" for name in names))
    return file


@asynccontextmanager
async def sourced_services(
    home: Path, *sources: MemorySource, **settings: Any
) -> AsyncIterator[Services]:
    """Give services with these sources, by default `first` and `second`, at NOW."""
    named = {one.card.name: one for one in sources or (source("first"), source("second"))}
    file = mapping(home, named)
    async with plain_services(home, **settings) as plain:
        yield replace(
            plain, sources=named, clock=Clock(NOW), source_symbols=YamlSourceSymbols(file)
        )
