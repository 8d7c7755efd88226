"""The ticket: the terms of a signal as a person sees them, what binds answers to them, its end."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from pipeline.data.clean import resample
from pipeline.domain.costs import spread_prices
from pipeline.domain.live import LifeState, LiveSignal
from pipeline.domain.market import Instrument, Side, Timeframe
from pipeline.domain.signal import Signal
from pipeline.domain.trade import EntryType, Plan


def ticket_hash(signal: Signal, plan: Plan) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of a signal's terms.

    Two tickets with the same digits say the same: setup and version, symbol, timeframe, side,
    order, entry, stop, targets and every limit in time and price under which the order dies.
    """
    terms = {
        "setup": [signal.setup_id, signal.rule_version],
        "market": [signal.symbol, signal.tf.value, signal.known_at.isoformat()],
        "plan": plan.model_dump(mode="json", exclude={"signal_id"}),
    }
    words = json.dumps(terms, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def ticket_state(
    record: LiveSignal,
    bars_since: pd.DataFrame,
    instrument: Instrument,
    now_market: datetime,
    *,
    minutes: float,
    max_r: float,
) -> str:
    """Return why a ticket can't be taken any more, in one kind sentence; empty: it can.

    Parameters
    ----------
    bars_since
        Closed M1 bars with open_time >= the signal's close; none: nothing is known of prices.
    now_market
        The time at the market: this machine's for live signals, a replay's own for its signals.
    minutes
        How long an order at the market may be taken after the signal's close.
    max_r
        How far price may have gone from the entry, in R of the ticket.

    Notes
    -----
    A ticket ends by time: an order at the market after `minutes`, a resting one at its own expiry,
    both at the hour to be flat. By price: the stop or the first target was touched, or price
    stands more than `max_r` from the entry. A limit rests until price comes to it, so as long as
    it wasn't reached the way from it doesn't count. By structure: the plan's void rules. Of
    several causes the first in time is told. Prices are those at which the order would enter
    (ask for a long) or leave.
    """
    plan = record.plan
    causes = [*_by_time(plan, minutes, now_market)]
    if len(bars_since):
        causes += _by_price(plan, bars_since, instrument)
        causes += _by_structure(plan, bars_since, record.signal.tf, instrument)
    if causes:
        return min(causes, key=lambda cause: cause.at).words
    if record.life.state.ended:
        return _OVER[record.life.state]
    return _moved(plan, bars_since, instrument, max_r) if len(bars_since) else ""


@dataclass(frozen=True)
class _Cause:
    at: datetime
    words: str


_OVER = {
    LifeState.CLOSED: "The trade of this ticket is over.",
    LifeState.EXPIRED: "The order of this ticket has expired.",
    LifeState.VOID: "The setup of this ticket broke before the fill.",
    LifeState.REFUSED: "The order of this ticket was refused: its stop or target made no trade.",
}


def _by_time(plan: Plan, minutes: float, now: datetime) -> Iterator[_Cause]:
    age = (now - plan.known_at).total_seconds() / 60
    if plan.entry_type is EntryType.MARKET:
        end = plan.known_at + timedelta(minutes=minutes)
        words = f"It was an order at the market, good for {minutes:g} minutes; {age:.0f} are over."
        if now > end:
            yield _Cause(end, words)
    if plan.expires_at is not None and now >= plan.expires_at:
        words = f"The order was to rest until {_clock(plan.expires_at)}; it is later now."
        yield _Cause(plan.expires_at, words)
    if plan.flat_at is not None and now >= plan.flat_at:
        yield _Cause(plan.flat_at, f"The setup is to be flat by {_clock(plan.flat_at)}.")


def _by_price(plan: Plan, bars: pd.DataFrame, instrument: Instrument) -> Iterator[_Cause]:
    """Stop and first target, on the side at which the position would leave."""
    long = plan.side is Side.LONG
    shift = 0.0 if long else spread_prices(bars, instrument)
    high, low = bars["high"].to_numpy() + shift, bars["low"].to_numpy() + shift
    stop, target = plan.sl_price, plan.targets[0].price
    many = len(plan.targets) > 1
    for name, price, hit in (
        ("stop", stop, low <= stop if long else high >= stop),
        ("first target" if many else "target", target, high >= target if long else low <= target),
    ):
        at = _first(bars, hit)
        if at is not None:
            words = f"The {name} at {_price(price, instrument)} was touched at {_clock(at)}."
            yield _Cause(at, words)


def _by_structure(
    plan: Plan, bars: pd.DataFrame, timeframe: Timeframe, instrument: Instrument
) -> Iterator[_Cause]:
    """The plan's voids: touches by the minute, closes by the trigger's bars."""
    closed = resample(bars, Timeframe.M1, timeframe)
    low, high = bars["low"].to_numpy(), bars["high"].to_numpy()
    close = closed["close"].to_numpy()
    rules = (
        ("price fell below", plan.void_touch_below, bars, low, -1),
        ("price rose above", plan.void_touch_above, bars, high, 1),
        (f"an {timeframe} bar closed below", plan.void_close_below, closed, close, -1),
        (f"an {timeframe} bar closed above", plan.void_close_above, closed, close, 1),
    )
    for words, level, frame, prices, way in rules:
        if level is None:
            continue
        at = _first(frame, way * prices > way * level)
        if at is not None:
            where = f"{_price(level, instrument)} at {_clock(at)}"
            yield _Cause(at, f"The setup broke: {words} {where}.")


def _moved(plan: Plan, bars: pd.DataFrame, instrument: Instrument, max_r: float) -> str:
    """Say how far price stands from the entry, where that is too far; else nothing."""
    long = plan.side is Side.LONG
    shift = spread_prices(bars, instrument) if long else np.zeros(len(bars))
    price = float(bars["close"].iloc[-1] + shift[-1])
    gone = plan.side.sign * (price - plan.entry_price) / abs(plan.entry_price - plan.sl_price)
    if plan.entry_type is EntryType.LIMIT and gone > 0:
        best = (bars["low"] + shift).min() if long else bars["high"].max()
        if plan.side.sign * (best - plan.entry_price) > 0:
            return ""  # price hasn't been there yet: the order rests
    if abs(gone) <= max_r:
        return ""
    where = f"from {_price(plan.entry_price, instrument)} to {_price(price, instrument)}"
    return f"Price went {where}: {abs(gone):.2f} R, and {max_r:g} R is the limit."


def _first(bars: pd.DataFrame, hit: np.ndarray) -> datetime | None:
    """Return the close of the first bar that is hit."""
    if not hit.any():
        return None
    moment: datetime = bars["close_time"].iloc[int(np.argmax(hit))].to_pydatetime()
    return moment


def _price(price: float, instrument: Instrument) -> str:
    return f"{price:.{instrument.digits}f}"


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M} UTC"
