"""What an analysis computes, as functions that run in a computing process."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.data.clean import resample
from pipeline.domain.analyze import SetupNow, SymbolFacts
from pipeline.domain.market import Instrument, Timeframe
from pipeline.setups.rules import SetupSpec

if TYPE_CHECKING:
    from pipeline.render.canvas import Picture

_SPARE = 3  # times the warm-up: what forms within a day lies behind it


@dataclass(frozen=True)
class KeptBars:
    """Where the bars of an analysis lie, and in which timeframe."""

    path: Path
    timeframe: Timeframe
    instrument: Instrument


@dataclass(frozen=True)
class SymbolLook:
    """How a symbol's picture looks, apart from what it shows."""

    theme: str
    zone: str
    run_id: str
    age: str
    stale: bool
    synthetic: bool


def facts_of(kept: KeptBars, timeframe: Timeframe) -> SymbolFacts:
    """Return what the kept bars say at their last close."""
    from pipeline.analysis.market_state import symbol_facts  # noqa: PLC0415

    return symbol_facts(_bars(kept, timeframe), kept.instrument, timeframe)


def setup_of(
    kept: KeptBars, spec: SetupSpec, trigger: Timeframe, spread: float | None,
    news: pd.DataFrame | None,
) -> SetupNow:  # fmt: skip
    """Return how far a setup is at the last close of the kept bars."""
    from pipeline.analysis.setups_now import setup_now  # noqa: PLC0415
    from pipeline.setups.engine import detect, frames_for, warm_up  # noqa: PLC0415
    from pipeline.setups.why.relaxing import Ground  # noqa: PLC0415

    bars = _bars(kept, trigger)
    day = 24 * 60 // trigger.minutes
    bars = bars.iloc[-(_SPARE * warm_up(spec, trigger) + 2 * day) :].reset_index(drop=True)
    frames = frames_for(bars, trigger, spec)
    tools = detect(frames, spec, trigger, kept.instrument)
    ground = Ground(frames, tools, spec, trigger, kept.instrument, spread, news)
    close, at = float(bars["close"].iloc[-1]), bars["close_time"].iloc[-1].to_pydatetime()
    return setup_now(ground, close, at)


def draw_symbol(
    kept: KeptBars, timeframe: Timeframe, facts: SymbolFacts, look: SymbolLook
) -> "Picture":
    """Draw a symbol from the kept bars."""
    from pipeline.render.symbol_chart import symbol_chart  # noqa: PLC0415

    return symbol_chart(
        _bars(kept, timeframe), facts, instrument=kept.instrument, timeframe=timeframe,
        theme=look.theme, zone=look.zone, run_id=look.run_id, age=look.age, stale=look.stale,
        synthetic=look.synthetic,
    )  # fmt: skip


def _bars(kept: KeptBars, timeframe: Timeframe) -> pd.DataFrame:
    return resample(pd.read_parquet(kept.path), kept.timeframe, timeframe)
