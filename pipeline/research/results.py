"""What is kept of each variant: its figures and its trades as arrays, and the scores of many."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from pipeline.domain.report import Metrics
from pipeline.domain.research import Criterion
from pipeline.domain.trade import Plan, Trade

MIN_TRADES = 20
"""Fewer trades than this are no evidence, whatever their mean."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_COLUMNS = ("variant", "known", "ended", "rr")


class VariantResult(BaseModel):
    """One variant's figures; `error` instead of them where it could not be tested."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int
    metrics: Metrics | None = None
    missed: int = 0
    error: str = ""


@dataclass(frozen=True)
class TradeTable:
    """Trades of many variants as columns: variant, times in µs UTC, results in R.

    `known` is when the order became known, `ended` when the trade left.
    """

    variant: np.ndarray
    known: np.ndarray
    ended: np.ndarray
    rr: np.ndarray

    @staticmethod
    def of(index: int, plans: Sequence[Plan], trades: Sequence[Trade]) -> "TradeTable":
        """Return the columns of one variant's trades."""
        known = {plan.signal_id: plan.known_at for plan in plans}
        return TradeTable(
            np.full(len(trades), index, dtype="int64"),
            _micros(known[t.signal_id] for t in trades),
            _micros(t.exit_time for t in trades),
            np.array([t.rr for t in trades], dtype="float64"),
        )

    @staticmethod
    def joined(tables: Sequence["TradeTable"]) -> "TradeTable":
        """Return all rows, ordered by variant and, within it, as they were."""
        none = np.empty(0, dtype="int64")
        parts = (TradeTable(none, none, none, np.empty(0)), *tables)
        columns = [np.concatenate([getattr(p, n) for p in parts]) for n in _COLUMNS]
        order = np.argsort(columns[0], kind="stable")
        return TradeTable(*(column[order] for column in columns))

    def frame(self) -> pd.DataFrame:
        """Return the columns as a frame, to be kept."""
        return pd.DataFrame({name: getattr(self, name) for name in _COLUMNS})

    @staticmethod
    def from_frame(frame: pd.DataFrame) -> "TradeTable":
        """Return what `frame` made."""
        return TradeTable(*(frame[name].to_numpy() for name in _COLUMNS))

    def where(self, rows: np.ndarray) -> "TradeTable":
        """Return the rows of a mask."""
        return TradeTable(*(getattr(self, name)[rows] for name in _COLUMNS))

    @property
    def end_days(self) -> np.ndarray:
        """UTC day of each trade's exit, datetime64[D]."""
        return self.ended.astype("datetime64[us]").astype("datetime64[D]")


def _micros(times: Iterable[datetime]) -> np.ndarray:
    return np.array([(t - _EPOCH) // _MICRO for t in times], dtype="int64")


def scores(
    trades: TradeTable, variants: int, criterion: Criterion, min_trades: int = MIN_TRADES
) -> np.ndarray:
    """Return each variant's score, NaN for those with fewer than `min_trades` trades.

    Notes
    -----
    t with the sample's standard deviation (n − 1); where results don't vary, it is NaN.
    """
    n = np.bincount(trades.variant, minlength=variants).astype("float64")
    total = np.bincount(trades.variant, weights=trades.rr, minlength=variants)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / n
        around = (trades.rr - mean[trades.variant]) ** 2
        spread = np.bincount(trades.variant, weights=around, minlength=variants)
        error = np.sqrt(spread / (n - 1) / n)
        score = {
            Criterion.T: np.where(error > 0, mean / error, np.nan),
            Criterion.EXPECTANCY: mean,
            Criterion.TOTAL: total,
        }[criterion]
    return np.where(n >= max(min_trades, 1), score, np.nan)
