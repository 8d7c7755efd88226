"""Trend and volatility at the newest close, and all that is said of a symbol from its bars."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from pipeline.analysis.market_levels import market_levels, sessions_now
from pipeline.analysis.tool_answers import Tools, answers_on
from pipeline.detectors.trading_days import trading_days
from pipeline.domain.analyze import MarketState, SymbolFacts
from pipeline.domain.bars import BarColumns, bar_seconds, float_column
from pipeline.domain.errors import NoBarsError
from pipeline.domain.market import Instrument, Timeframe

MEDIAN_BARS = 500
"""Against so many bars' median the ATR is held."""
_RANGE_DAYS = 5
_WHOLE = 0.25  # of 24 hours: a market of cash hours alone has a third of them


def symbol_facts(
    bars: pd.DataFrame, instrument: Instrument, timeframe: Timeframe, at: datetime | None = None
) -> SymbolFacts:
    """Return what the bars say at the last close that is not after `at`.

    Parameters
    ----------
    bars
        A bar frame of the timeframe; of 20 trading days or more, for the weekly levels.
    at
        None: the frame's end. What closes later is not looked at.

    Raises
    ------
    NoBarsError
        No bar has closed by then.
    """
    known = bars if at is None else bars[bars["close_time"] <= pd.Timestamp(at)]
    if known.empty:
        raise NoBarsError("No bar has closed by then.")
    columns = BarColumns.of(known)
    tools = answers_on(columns, instrument, timeframe)
    state = market_state(columns, tools)
    sessions = sessions_now(columns, instrument)
    return SymbolFacts(
        close=float(float_column(columns, "close")[-1]),
        newest=_utc(int(bar_seconds(columns, "close_time")[-1])),
        state=state,
        levels=market_levels(columns, tools, sessions, state.atr),
        sessions=sessions,
    )


def market_state(bars: BarColumns, tools: Tools) -> MarketState:
    """Return trend and volatility at the last close.

    Notes
    -----
    The trend is the side of the last break of structure (swings of three bars, broken by a
    close). "Usual" range: the mean of up to five trading days before today with at least six
    hours of bars.
    """
    last = len(tools.structure) - 1
    close, point = float(float_column(bars, "close")[-1]), tools.instrument.point
    atr = float(tools.atr[-1]) if len(tools.atr) and np.isfinite(tools.atr[-1]) else None
    today, before = _ranges(bars)
    opening = tools.openings["day"]
    opened = float(opening["price_low"][-1]) if len(opening) else np.nan
    return MarketState(
        trend="none" if last < 0 else "up" if int(tools.structure.side[last]) > 0 else "down",
        trend_since=None if last < 0 else _utc(int(tools.structure.seconds("known_at")[last])),
        broken=None if last < 0 else float(tools.structure["price_low"][last]),
        from_day_open=_points(close - opened, point),
        atr=atr,
        atr_ratio=_against_median(tools.atr),
        day_range=None if today is None else _points(today, point),
        usual_range=_points(float(np.mean(before)), point) if before else None,
    )


def _points(move: float, point: float) -> float | None:
    return round(move / point, 4) if np.isfinite(move) else None


def _against_median(atr: np.ndarray) -> float | None:
    known = atr[-MEDIAN_BARS:]
    known = known[np.isfinite(known)]
    if len(known) < MEDIAN_BARS or np.median(known) <= 0:
        return None
    return round(float(known[-1] / np.median(known)), 4)


def _ranges(bars: BarColumns) -> tuple[float | None, list[float]]:
    """Return the height of the trading day that runs, and of those before that were whole."""
    days = trading_days(bars)
    high, low = float_column(bars, "high"), float_column(bars, "low")
    opened, closed = bar_seconds(bars, "open_time"), bar_seconds(bars, "close_time")
    rows = [(int(f), int(b)) for f, b in zip(days.first, days.behind, strict=True) if b > f]
    if not rows:
        return None, []
    *earlier, (first, behind) = rows
    today = float(high[first:behind].max() - low[first:behind].min())
    whole = [
        float(high[f:b].max() - low[f:b].min())
        for f, b in earlier
        if f > 0 and float((closed[f:b] - opened[f:b]).sum()) >= _WHOLE * 24 * 3600
    ]
    return today, whole[-_RANGE_DAYS:]


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
