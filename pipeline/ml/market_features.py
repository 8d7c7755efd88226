"""Features of the market at a signal's close: how it moves, where it tends, where it stands.

Whatever has a direction is turned so that positive is the trade's way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

from pipeline.domain.bars import BarTable
from pipeline.domain.market import Timeframe
from pipeline.domain.signal import Signal
from pipeline.ml.feature_bars import Tail, tail_of, windows_for
from pipeline.ml.measures import (
    distance_to_mean,
    efficiency,
    fitted_move,
    mean,
    position,
    rank_of_last,
    ratio,
    true_ranges,
)

ATR = 14
Values = dict[str, float | None]


@dataclass(frozen=True)
class Market:
    """The bars that the features of one signal look back on.

    Each timeframe is None where there is too little history, or where it is shorter than the
    trigger.
    """

    signal: Signal
    frames: Mapping[Timeframe, BarTable]

    @property
    def side(self) -> int:
        """+1 for a long, −1 for a short."""
        return self.signal.side.sign

    def _tail(self, timeframe: Timeframe) -> Tail | None:
        length = windows_for(self.signal.tf).get(timeframe)
        if length is None:
            return None
        return tail_of(self.frames.get(timeframe), self.signal.known_at, length)

    @cached_property
    def trigger(self) -> Tail | None:
        """The trigger's own bars."""
        return self._tail(self.signal.tf)

    @cached_property
    def m15(self) -> Tail | None:
        """Two days of M15 bars."""
        return self._tail(Timeframe.M15)

    @cached_property
    def h1(self) -> Tail | None:
        """Two hundred H1 bars."""
        return self._tail(Timeframe.H1)

    @cached_property
    def h4(self) -> Tail | None:
        """Sixty H4 bars."""
        return self._tail(Timeframe.H4)

    @cached_property
    def recent(self) -> Tail | None:
        """M15 bars and the trigger's since the last of them; or the trigger's alone."""
        if self.signal.tf.minutes >= Timeframe.M15.minutes or self.trigger is None:
            return self.trigger
        return None if self.m15 is None else self.m15.followed_by(self.trigger)

    @cached_property
    def ranges(self) -> list[float] | None:
        """True ranges of the trigger's bars; None: too little history."""
        return None if self.trigger is None else true_ranges(self.trigger)

    @cached_property
    def h1_ranges(self) -> list[float] | None:
        """True ranges of the H1 bars; None: too little history."""
        return None if self.h1 is None else true_ranges(self.h1)

    @property
    def atr(self) -> float | None:
        """Mean true range of the last 14 bars of the trigger, price units."""
        return None if self.ranges is None else mean(self.ranges[-ATR:])

    @property
    def h1_atr(self) -> float | None:
        """Mean true range of the last 14 H1 bars, price units."""
        return None if self.h1_ranges is None else mean(self.h1_ranges[-ATR:])

    @property
    def close(self) -> float | None:
        """The close at which the signal was known, bid; None: too little history."""
        return None if self.trigger is None else float(self.trigger.close[-1])


def volatility(market: Market) -> Values:
    """Return how much the market moves, against itself a while ago."""
    ranges, h1 = market.ranges, market.h1_ranges
    m15 = None if market.m15 is None else true_ranges(market.m15)
    h4 = None if market.h4 is None else true_ranges(market.h4)
    return {
        "vol_5_50": _short_per_long(ranges, 5, 50),
        "vol_rank_240": None if ranges is None else rank_of_last(ranges, ATR),
        "vol_m15_14_192": _short_per_long(m15, ATR, 192),
        "vol_h1_14_200": _short_per_long(h1, ATR, 200),
        "vol_h1_rank_200": None if h1 is None else rank_of_last(h1, ATR),
        "vol_h4_6_60": _short_per_long(h4, 6, 60),
        "vol_trigger_h1": _per_hour(market),
        "bar_range": None if ranges is None else ratio(ranges[-1], market.atr),
        "bar_body": _last_body(market),
    }


def _short_per_long(ranges: list[float] | None, short: int, long: int) -> float | None:
    if ranges is None or len(ranges) < long:
        return None
    return ratio(mean(ranges[-short:]), mean(ranges[-long:]))


def _per_hour(market: Market) -> float | None:
    """Return the trigger's ATR over H1's, both as if of one length by the square root of time."""
    found = ratio(market.atr, market.h1_atr)
    return None if found is None else found * sqrt(60 / market.signal.tf.minutes)


def _last_body(market: Market) -> float | None:
    if market.trigger is None:
        return None
    body = float(market.trigger.close[-1] - market.trigger.open[-1])
    return ratio(market.side * body, market.atr)


def trend(market: Market) -> Values:
    """Return where the market tends, and where in its range it stands, on four timeframes."""
    trigger, m15, h1, h4 = market.trigger, market.m15, market.h1, market.h4
    return {
        "trigger_move_10": _move(trigger, 10, market),
        "trigger_move_60": _move(trigger, 60, market),
        "trigger_efficiency_20": None if trigger is None else efficiency(trigger.close[-21:]),
        "trigger_position_240": _position(trigger, 240, market),
        "m15_slope_32": _slope(m15, 32, market),
        "m15_mean_distance_96": _from_mean(m15, 96, market),
        "h1_move_6": _move(h1, 6, market),
        "h1_slope_24": _slope(h1, 24, market),
        "h1_slope_120": _slope(h1, 120, market),
        "h1_position_24": _position(h1, 24, market),
        "h1_position_120": _position(h1, 120, market),
        "h1_mean_distance_50": _from_mean(h1, 50, market),
        "h4_slope_30": _slope(h4, 30, market),
        "h4_position_60": _position(h4, 60, market),
    }


def _atr(bars: Tail) -> float:
    return mean(true_ranges(bars.last(ATR + 1)))


def _move(bars: Tail | None, length: int, market: Market) -> float | None:
    if bars is None:
        return None
    return ratio(market.side * float(bars.close[-1] - bars.close[-1 - length]), _atr(bars))


def _slope(bars: Tail | None, length: int, market: Market) -> float | None:
    if bars is None:
        return None
    return ratio(market.side * fitted_move(bars.close[-length:]), _atr(bars))


def _from_mean(bars: Tail | None, length: int, market: Market) -> float | None:
    if bars is None:
        return None
    return ratio(market.side * distance_to_mean(bars.close[-length:]), _atr(bars))


def _position(bars: Tail | None, length: int, market: Market) -> float | None:
    """Return where the close stands in a range: 1 is its end on the trade's side."""
    if bars is None or market.close is None:
        return None
    found = position(market.close, bars.last(length))
    return found if found is None or market.side > 0 else 1 - found
