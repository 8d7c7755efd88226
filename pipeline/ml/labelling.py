"""From a backtest's trades to labels: each signal's row, and what the rows of a set say."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from pipeline.backtest.book import SimResult
from pipeline.backtest.ending import (
    WAITS,
    missed_known_at,
    target_reached,
    trade_end_known_at,
)
from pipeline.backtest.metrics import wilson
from pipeline.domain.label import BACKTEST, Label, signal_key
from pipeline.domain.signal import Signal
from pipeline.domain.trade import Missed, Trade
from pipeline.domain.train_report import LabelFigures


def labels_of(
    signals: Sequence[Signal], result: SimResult, bars: pd.DataFrame
) -> tuple[Label, ...]:
    """Return the rows of signals whose end is known, in the order of the signals.

    Parameters
    ----------
    signals
        Of one symbol and timeframe, each with its own plan in the simulation.
    result
        What `simulate` made of their plans, each followed by itself.
    bars
        The bars that it was made on.

    Notes
    -----
    A signal whose position or order the bars leave open has no row: what it teaches is not known
    yet. `resolved_at` is the close at which the end was known, as it is live. Features are left
    empty.
    """
    found: dict[str, Label] = {}
    by_id = {signal.signal_id: signal for signal in signals}
    for trade, course in zip(result.trades, result.courses, strict=True):
        known_at = trade_end_known_at(trade, course, bars)
        if known_at is not None:
            found[trade.signal_id] = _row(by_id[trade.signal_id], known_at, trade)
    for missed in result.missed:
        known_at = missed_known_at(missed, bars)
        if missed.reason != WAITS and known_at is not None:
            found[missed.signal_id] = _row(by_id[missed.signal_id], known_at, missed)
    return tuple(found[s.signal_id] for s in signals if s.signal_id in found)


def _row(signal: Signal, known_at: datetime, end: Trade | Missed) -> Label:
    trade = end if isinstance(end, Trade) else None
    s = signal
    return Label(
        source=BACKTEST,
        signal_id=signal_key(s),
        setup_id=s.setup_id,
        rule_version=s.rule_version,
        symbol=s.symbol,
        tf=s.tf,
        side=s.side.value,
        known_at=s.known_at,
        resolved_at=known_at,
        label=target_reached(trade),
        rr=None if trade is None else trade.rr,
        exit_reason=str(end.exit_reason if isinstance(end, Trade) else end.reason),
        confidence=s.confidence,
    )


def figures_of(rows: Sequence[Label]) -> LabelFigures:
    """Return what rows say: counts, the share of label 1 at 95 %, the share that would break even.

    Warnings
    --------
    The interval takes the rows for independent. Signals of one day are not quite: it is a little
    too narrow where a setup often fires twice a day.
    """
    filled = [row for row in rows if row.label is not None and row.rr is not None]
    reached = [float(row.rr) for row in filled if row.label == 1 and row.rr is not None]
    others = [float(row.rr) for row in filled if row.label == 0 and row.rr is not None]
    return LabelFigures(
        labelled=len(filled),
        positives=len(reached),
        unfilled=len(rows) - len(filled),
        share=wilson(len(reached), len(filled)),
        break_even=_break_even(reached, others),
        mean_rr=float(np.mean(reached + others)) if filled else None,
        exits=dict(sorted(Counter(row.exit_reason for row in rows).items())),
    )


def _break_even(reached: Sequence[float], others: Sequence[float]) -> float | None:
    """Return the share of label 1 at which the average R is 0; None: no share between 0 and 1."""
    if not reached or not others:
        return None
    high, low = float(np.mean(reached)), float(np.mean(others))
    return -low / (high - low) if low <= 0 < high else None
