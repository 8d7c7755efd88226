"""What labelling computes, as functions that run in a computing process (see backtest_compute)."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from flows.backtest_compute import FillJob, Frozen
from pipeline.domain.label import Label, signal_key
from pipeline.domain.market import Instrument
from pipeline.domain.signal import Signal
from pipeline.domain.trade import Plan
from pipeline.domain.train_report import LabelFigures


class Outcomes(Frozen):
    """What became of one setup's signals; `open` have no row."""

    rows: tuple[Label, ...]
    open: int


def outcomes(
    signals: Sequence[Signal],
    plans: Sequence[Plan],
    bars_path: Path,
    m1_path: Path | None,
    job: FillJob,
) -> Outcomes:
    """Carry out the plans as a backtest does, and say how each ended."""
    from pipeline.backtest.engine import simulate  # noqa: PLC0415
    from pipeline.ml.labelling import labels_of  # noqa: PLC0415

    bars = pd.read_parquet(bars_path)
    result = simulate(
        plans, bars, job.instrument, job.costs, timeframe=job.timeframe, mode=job.mode,
        m1=None if m1_path is None else pd.read_parquet(m1_path), lots=job.lots,
    )  # fmt: skip
    rows = labels_of(signals, result, bars)
    return Outcomes(rows=rows, open=len(signals) - len(rows))


def with_features(
    rows: Sequence[Label],
    found: tuple[Sequence[Signal], Sequence[Plan]],
    bars_path: Path,
    instrument: Instrument,
) -> tuple[Label, ...]:
    """Return the rows with the features of their signals, as live watching works them out."""
    from pipeline.ml.feature_bars import FeatureBars  # noqa: PLC0415
    from pipeline.ml.features import FEATURE_VERSION, features_of  # noqa: PLC0415

    if not rows:
        return ()
    at_hand = FeatureBars.of(pd.read_parquet(bars_path), rows[0].tf)
    by_key = {signal_key(signal): (signal, plan) for signal, plan in zip(*found, strict=True)}
    done = []
    for row in rows:
        signal, plan = by_key[row.signal_id]
        vector = features_of(signal, plan, at_hand.at(row.known_at), instrument)
        kept = {"features": vector, "feature_version": FEATURE_VERSION}
        done.append(row.model_copy(update=kept))
    return tuple(done)


def figures(rows: Sequence[Label]) -> LabelFigures:
    """Return what the rows say."""
    from pipeline.ml.labelling import figures_of  # noqa: PLC0415

    return figures_of(rows)
