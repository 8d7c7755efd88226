"""What a backtest computes, as functions that run in a computing process.

They take paths of kept frames instead of frames: a child reads what it needs, and one that
worked on the run before still has it in memory. Kernels and charts are imported where they are
used: the bot, the worker and `scout` name these functions but never run them, and are spared
their 60 MB and seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from flows.state import write_frame
from pipeline.data.clean import resample
from pipeline.data.quality import assess, holes
from pipeline.domain.bars import fingerprint, validate_bars
from pipeline.domain.events import Events
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.qa import EntryHours, QaCard
from pipeline.domain.report import Metrics, QualityReport, Robustness
from pipeline.domain.signal import FunnelStep, Signal
from pipeline.domain.trade import CostModel, FillMode, Missed, Plan, Trade
from pipeline.setups.rules import SetupSpec

if TYPE_CHECKING:
    from pipeline.render.canvas import Picture

Tools = dict[str, Events | np.ndarray]
_BEFORE, _AFTER = 160, 80
_DAY = timedelta(days=1)


class Frozen(BaseModel):
    """A task's output: frozen, and strict about what it reads back."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Found(Frozen):
    """Output of setup_manager: plans[i] belongs to signals[i]."""

    signals: tuple[Signal, ...]
    plans: tuple[Plan, ...]
    funnel: tuple[FunnelStep, ...]


class Tested(Frozen):
    """Output of backtester_core."""

    trades: tuple[Trade, ...]
    missed: tuple[Missed, ...]
    metrics: Metrics
    qa: QaCard | None = None
    robustness: Robustness | None = None


@dataclass(frozen=True)
class SetupJob:
    """What detecting and finding need."""

    spec: SetupSpec
    trigger: Timeframe
    instrument: Instrument
    rr_target: float | None = None
    spread_points: float | None = None


@dataclass(frozen=True)
class FillJob:
    """What simulating needs besides plans and bars."""

    instrument: Instrument
    costs: CostModel
    timeframe: Timeframe
    mode: FillMode
    lots: float
    risk: float | None
    parallel: bool
    max_trades: int | None


@dataclass(frozen=True)
class QaJob:
    """What judging a result needs besides its trades and bars."""

    hours: EntryHours
    fewest: int


def warm_up_bars(spec: SetupSpec, trigger: Timeframe) -> int:
    """Return how many bars before a period its setup must see."""
    from pipeline.setups.engine import warm_up  # noqa: PLC0415

    return warm_up(spec, trigger)


def rebuild(bars: pd.DataFrame, source: Timeframe, to: Timeframe) -> pd.DataFrame:
    """Return the bars in a longer timeframe."""
    return resample(bars, source, to)


def process(bars_path: Path, timeframe: Timeframe, instrument: Instrument) -> QualityReport:
    """Check the bars against the contract and say what they are worth."""
    bars = validate_bars(_frame(bars_path), timeframe)
    return assess(bars, timeframe, instrument)


def run_tools(folder: Path, job: SetupJob) -> dict[str, int]:
    """Detect, keep what was found beside the bars, and return the rows of each tool."""
    from pipeline.setups.engine import detect, frames_for  # noqa: PLC0415

    frames = frames_for(_frame(folder / "bars.parquet"), job.trigger, job.spec)
    tools = detect(frames, job.spec, job.trigger, job.instrument)
    for name, found in tools.items():
        write_frame(_tool_path(folder, name), _as_frame(found))
    _last_tools.clear()
    _last_tools[_tools_key(folder)] = tools
    return {name: len(found) for name, found in tools.items()}


def find(
    folder: Path, job: SetupJob, names: Sequence[str], quality: float, since: datetime
) -> Found:
    """Find signals with the tools that `run_tools` kept."""
    from pipeline.setups.engine import Overrides, find_signals, frames_for  # noqa: PLC0415

    frames = frames_for(_frame(folder / "bars.parquet"), job.trigger, job.spec)
    tools = _last_tools.get(_tools_key(folder)) or {
        name: _as_tool(pd.read_parquet(_tool_path(folder, name))) for name in names
    }
    found = find_signals(
        frames, tools, job.spec, job.trigger, job.instrument,
        overrides=Overrides(rr_target=job.rr_target, spread_points=job.spread_points),
        quality=quality, since=since, news=_kept_news(folder),
    )  # fmt: skip
    return Found(
        signals=tuple(found.signals), plans=tuple(found.plans), funnel=tuple(found.funnel)
    )


def test(
    plans: Sequence[Plan], bars_path: Path, m1_path: Path | None, job: FillJob, qa: QaJob
) -> Tested:
    """Simulate the plans, sum up, and look for what makes the result suspect."""
    from pipeline.backtest.engine import simulate  # noqa: PLC0415
    from pipeline.backtest.metrics import metrics  # noqa: PLC0415

    result = simulate(
        plans, _frame(bars_path), job.instrument, job.costs,
        timeframe=job.timeframe, mode=job.mode,
        m1=None if m1_path is None else _frame(m1_path),
        lots=job.lots, risk=job.risk, parallel=job.parallel, max_trades=job.max_trades,
    )  # fmt: skip
    card = _qa_card(result.trades, _frame(bars_path), job, qa) if result.trades else None
    _read_frame.cache_clear()  # nothing after this reads whole frames
    _last_tools.clear()
    return Tested(
        trades=tuple(result.trades),
        missed=tuple(result.missed),
        metrics=metrics(result.trades),
        qa=card,
    )


def _qa_card(trades: Sequence[Trade], bars: pd.DataFrame, job: FillJob, qa: QaJob) -> QaCard:
    from pipeline.backtest.qa import qa_card  # noqa: PLC0415

    missing = holes(bars, job.timeframe, job.instrument)
    return qa_card(trades, fewest=qa.fewest, hours=qa.hours, holes=missing)


@dataclass(frozen=True)
class Look:
    """How the pictures of a run look."""

    theme: str
    run_id: str
    zone: str
    synthetic: bool
    now_text: str = ""


@dataclass(frozen=True)
class Sample:
    """One signal to draw, with its plan and, if it was filled, its trade."""

    signal: Signal
    plan: Plan
    trade: Trade | None


def draw_samples(
    bars_path: Path, samples: Sequence[Sample], instrument: Instrument, look: Look
) -> "list[Picture]":
    """Draw signals from the kept bars; only the rows around each are read."""
    return [
        draw_signal(_rows_around(bars_path, sample), sample, instrument, look)
        for sample in samples
    ]


def draw_signal(
    bars: pd.DataFrame, sample: Sample, instrument: Instrument, look: Look
) -> "Picture":
    """Draw one signal on its bars."""
    from pipeline.render.chart import signal_chart  # noqa: PLC0415

    return signal_chart(
        bars, sample.signal, sample.plan, sample.trade, instrument=instrument,
        theme=look.theme, zone=look.zone, run_id=look.run_id, now_text=look.now_text,
        synthetic=look.synthetic,
    )  # fmt: skip


def draw_equity(
    trades: Sequence[Trade],
    figures: Metrics,
    title: str,
    currency: str,
    look: Look,
    subtitle: str = "",
    robustness: Robustness | None = None,
) -> "Picture":
    """Draw the equity of a run."""
    from pipeline.render.report_charts import equity_chart  # noqa: PLC0415

    return equity_chart(
        list(trades), figures, title=title, subtitle=subtitle, currency=currency,
        theme=look.theme, run_id=look.run_id, synthetic=look.synthetic, robustness=robustness,
    )  # fmt: skip


def span_around(sample: Sample) -> tuple[datetime, datetime]:
    """Return the times between which a picture of the sample needs bars.

    Weekends and nights hold no bars, so the span is generous; the chart takes what it shows.
    """
    bar = sample.signal.tf.delta
    starts = [step.start for step in sample.signal.trace]
    first = min([*starts, sample.signal.known_at])
    last = sample.trade.exit_time if sample.trade else sample.signal.known_at
    return first - _BEFORE * bar - 3 * _DAY, last + _AFTER * bar + _DAY


def frame_fingerprint(bars: pd.DataFrame) -> str:
    """Return the bars' SHA-256."""
    return fingerprint(bars)


def _rows_around(path: Path, sample: Sample) -> pd.DataFrame:
    first, last = (pd.Timestamp(moment) for moment in span_around(sample))
    rows = pd.read_parquet(path, filters=[("open_time", ">=", first), ("open_time", "<=", last)])
    return rows.reset_index(drop=True)


def _kept_news(folder: Path) -> pd.DataFrame | None:
    path = folder / "news.parquet"
    return pd.read_parquet(path) if path.exists() else None


def _frame(path: Path) -> pd.DataFrame:
    return _read_frame(str(path), path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read_frame(path: str, _changed: int) -> pd.DataFrame:
    """Read a kept frame; the newest two stay in memory (bars and M1 of one run)."""
    return pd.read_parquet(path)


_last_tools: dict[tuple[str, int], Tools] = {}


def _tools_key(folder: Path) -> tuple[str, int]:
    return str(folder), (folder / "bars.parquet").stat().st_mtime_ns


def _tool_path(folder: Path, name: str) -> Path:
    return folder / "tools" / f"{name}.parquet"


def _as_frame(found: Events | np.ndarray) -> pd.DataFrame:
    return found.to_frame() if isinstance(found, Events) else pd.DataFrame({"series": found})


def _as_tool(kept: pd.DataFrame) -> Events | np.ndarray:
    if list(kept.columns) == ["series"]:
        return np.asarray(kept["series"].to_numpy())
    return Events.from_frame(kept)
