"""What a sweep computes, as functions that run in a computing process or on a Dask worker.

A process keeps the bars of its last run and all that variants share, so each further chunk only
pays for what is new. The research engine is imported where it is used, as in
`flows.backtest_compute`.
"""

import io
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.domain.errors import SetupError
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.request import BacktestOptions
from pipeline.domain.trade import CostModel, Trade
from pipeline.domain.trial import Pbo, Trial
from pipeline.research.grid import Grid
from pipeline.research.template import Template
from pipeline.setups.rules import SetupSpec

if TYPE_CHECKING:
    from pipeline.research.evaluate import Evaluator, Ground
    from pipeline.research.results import TradeTable
    from pipeline.research.variants import Chunk
    from pipeline.research.walkforward import WindowResult

FRAMES = ("bars", "m1", "news")
PBO_BLOCKS = 16
Frames = Path | Mapping[str, bytes]
"""Where a process finds the frames: a folder, or the parquet files' bytes by name."""


@dataclass(frozen=True)
class VariantsJob:
    """What testing variants needs besides the frames.

    Parameters
    ----------
    key
        Names the frames and everything here: a process that has it works on.
    first, last
        Days tested on, as the trial ledger knows them; `since`: where the period begins.
    """

    key: str
    template: Template
    grid: Grid
    symbol: str
    trigger: Timeframe
    instrument: Instrument
    costs: CostModel
    options: BacktestOptions
    lots: float
    since: datetime
    first: date
    last: date
    synthetic: bool
    run_id: str
    at: datetime


def hungriest(template: Template, grid: Grid, trigger: Timeframe) -> SetupSpec:
    """Return a variant that must see as many bars before the period as any.

    Only tools and the bars of voids decide that, so one variant is asked for each of their values.
    """
    from pipeline.setups.engine import warm_up  # noqa: PLC0415

    early = [d.depth == 0 or d.path.startswith("voids") for d in grid.dimensions]
    best: tuple[int, SetupSpec] | None = None
    for index in range(grid.size):
        if any(position and not e for position, e in zip(grid.cell(index), early, strict=True)):
            continue
        try:
            spec = grid.spec(template, index)
        except SetupError:  # told later, when the variant is tested
            continue
        wanted = warm_up(spec, trigger)
        best = (wanted, spec) if best is None or wanted > best[0] else best
    return template.plain if best is None else best[1]


def test_chunk(frames: Frames, job: VariantsJob, indices: Sequence[int]) -> "Chunk":
    """Test some variants."""
    from pipeline.research.variants import run_variants  # noqa: PLC0415

    def tell(spec: SetupSpec, rr: np.ndarray) -> Trial:
        return _trial(job, spec, rr)

    with _one_at_a_time:
        return run_variants(evaluator_of(frames, job), job.template, job.grid, indices, tell)


def trial_of_variant(job: VariantsJob, index: int, table: "TradeTable") -> Trial:
    """Return the line of one tested variant in the trial ledger."""
    return _trial(job, job.grid.spec(job.template, index), table.rr[table.variant == index])


def _trial(job: VariantsJob, spec: SetupSpec, rr: np.ndarray) -> Trial:
    from pipeline.backtest.trials import Tried, trial_of  # noqa: PLC0415

    tried = Tried(spec, job.symbol, job.trigger, job.options, job.first, job.last, job.synthetic)
    return trial_of(tried, rr, run_id=job.run_id, at=job.at)


def outside_trades(
    frames: Frames, job: VariantsJob, table: "TradeTable", windows: "Sequence[WindowResult]"
) -> list[Trade]:
    """Return the whole trades that a walk-forward makes, in the order of their exits."""
    from pipeline.research.walkforward import outside_rows  # noqa: PLC0415

    rows = outside_rows(table, windows)
    found: list[Trade] = []
    with _one_at_a_time:
        evaluator = evaluator_of(frames, job)
        for index in sorted({w.chosen for w in windows if w.chosen is not None}):
            trades = evaluator.run(job.grid.spec(job.template, index)).trades
            mine = rows[table.variant == index]
            found += [trade for trade, taken in zip(trades, mine, strict=True) if taken]
    ordered = sorted(found, key=lambda t: (t.exit_time, t.entry_time))
    return [t.model_copy(update={"trade_id": f"t{n:04d}"}) for n, t in enumerate(ordered, 1)]


def overfitting(table: "TradeTable", first: date, last: date) -> Pbo | None:
    """Return the probability that picking the best variant is overfitting; None: too few days.

    Variants without a single trade are left out: nobody would pick one.
    """
    from pipeline.backtest.daily import daily_r, weekdays  # noqa: PLC0415
    from pipeline.backtest.overfitting import pbo  # noqa: PLC0415

    days = weekdays(first, last)
    traded = np.unique(table.variant)
    if len(traded) < 2 or len(days) < 2 * PBO_BLOCKS:  # noqa: PLR2004
        return None
    rows = [table.where(table.variant == v) for v in traded]
    return pbo(np.array([daily_r(t.end_days, t.rr, days) for t in rows]), PBO_BLOCKS)


_one_at_a_time = threading.Lock()  # a Dask worker has several threads, and they share what is kept
_held: dict[str, "Evaluator"] = {}


def evaluator_of(frames: Frames, job: VariantsJob) -> "Evaluator":
    """Return the evaluator of a job; a process keeps that of its last one."""
    from pipeline.research.evaluate import Evaluator  # noqa: PLC0415

    if job.key not in _held:
        _held.clear()
        _held[job.key] = Evaluator(_ground(frames, job))
    return _held[job.key]


def _ground(frames: Frames, job: VariantsJob) -> "Ground":
    from pipeline.research.evaluate import Ground  # noqa: PLC0415

    bars = _read(frames, "bars")
    assert bars is not None  # noqa: S101  (kept before any chunk is tested)
    options = job.options
    return Ground(
        bars=bars, m1=_read(frames, "m1"), news=_read(frames, "news"), trigger=job.trigger,
        instrument=job.instrument, costs=job.costs, since=job.since, mode=options.fill,
        rr_target=options.rr_target, lots=job.lots, risk=options.risk, parallel=options.parallel,
    )  # fmt: skip


def _read(frames: Frames, name: str) -> pd.DataFrame | None:
    if isinstance(frames, Path):
        path = frames / f"{name}.parquet"
        return pd.read_parquet(path) if path.exists() else None
    return pd.read_parquet(io.BytesIO(frames[name])) if name in frames else None


def packed(folder: Path) -> dict[str, bytes]:
    """Return a folder's frames as bytes, for workers that can't see it."""
    paths = {name: folder / f"{name}.parquet" for name in FRAMES}
    return {name: path.read_bytes() for name, path in paths.items() if path.exists()}
