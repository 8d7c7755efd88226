"""How a plan ended, and at which close that was known: the same for a backtest and live."""

from datetime import datetime

import pandas as pd

from pipeline.backtest.book import Course
from pipeline.domain.trade import ExitReason, Missed, Trade

WAITS = "NO_BARS"
"""Reason of a `Missed` whose order the bars neither filled nor ended."""


def target_reached(trade: Trade | None) -> int | None:
    """Return 1 where the last target ended a trade, 0 where anything else did; None: no trade.

    Notes
    -----
    A position that left half at the first target and the rest at break-even is 0, whatever it
    earned. Stop and target in one bar are the stop unless M1 bars inside it say otherwise: that
    is the fills' rule, and `exit_reason` is what they said.
    """
    return None if trade is None else int(trade.exit_reason == ExitReason.TP)


def trade_end_known_at(trade: Trade, course: Course, bars: pd.DataFrame) -> datetime | None:
    """Return the close of the bar in which a trade ended; None: the bars end before it does."""
    return None if course.left > 0 else close_after(trade.exit_time, bars)


def missed_known_at(missed: Missed, bars: pd.DataFrame) -> datetime | None:
    """Return the close at which it was known that a plan would not be filled.

    None: its order still waits after the last bar, or the miss has no moment.
    """
    if missed.reason == WAITS or missed.at is None:
        return None
    # A void is said of a close; the others of the bar that opens then.
    return missed.at if missed.reason == ExitReason.VOID else close_after(missed.at, bars)


def close_after(moment: datetime, bars: pd.DataFrame) -> datetime:
    """Return the close of the bar in which a moment lies."""
    row = int(bars["open_time"].searchsorted(pd.Timestamp(moment), side="right")) - 1
    close: datetime = bars["close_time"].iloc[row].to_pydatetime()
    return close
