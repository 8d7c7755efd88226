"""The market's fixed words: symbols' instruments, timeframes, sides, sessions."""

from dataclasses import dataclass
from datetime import time, timedelta
from enum import StrEnum
from typing import Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field

ZONES = frozenset(available_timezones())
"""Every IANA zone's name; asked once, as the answer takes milliseconds."""


class Timeframe(StrEnum):
    """Bar lengths the product knows, shortest first."""

    M1 = "M1"
    M5 = "M5"
    M15 = "M15"
    H1 = "H1"
    H4 = "H4"
    D1 = "D1"

    @property
    def minutes(self) -> int:
        """Length in minutes."""
        return _MINUTES[self]

    @property
    def delta(self) -> timedelta:
        """Length as a timedelta."""
        return timedelta(minutes=self.minutes)


_MINUTES = {
    Timeframe.M1: 1,
    Timeframe.M5: 5,
    Timeframe.M15: 15,
    Timeframe.H1: 60,
    Timeframe.H4: 240,
    Timeframe.D1: 1440,
}


class Side(StrEnum):
    """Direction of a signal, order or trade."""

    LONG = "long"
    SHORT = "short"

    @property
    def sign(self) -> int:
        """+1 for long, −1 for short."""
        return 1 if self is Side.LONG else -1


@dataclass(frozen=True, slots=True)
class Session:
    """A window of local wall clock, [start, end), converted to UTC day by day.

    A window over midnight (end <= start) belongs to its start date.
    """

    name: str
    zone: str
    start: time
    end: time


SESSIONS: dict[str, Session] = {
    s.name: s
    for s in (
        Session("asia", "Asia/Tokyo", time(9), time(15)),
        Session("asia_new_york", "America/New_York", time(19), time(0)),
        Session("frankfurt", "Europe/Berlin", time(8), time(9)),
        Session("xetra", "Europe/Berlin", time(9), time(17, 30)),
        Session("london", "Europe/London", time(8), time(16, 30)),
        Session("new_york_fx", "America/New_York", time(8), time(17)),
        Session("new_york_cash", "America/New_York", time(9, 30), time(16)),
    )
}


class SwapUnit(StrEnum):
    """What a swap is counted in.

    points: of the instrument, per lot and night. percent: per cent a year of the entry price, by
    a year of 360 days, as MetaTrader's SYMBOL_SWAP_MODE_INTEREST_OPEN counts.
    """

    POINTS = "points"
    PERCENT = "percent"


BANK_YEAR = 360
_WORKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")


class Swap(BaseModel):
    """What a position receives for each night; negative: what it pays, as brokers print it.

    A night is charged to what is open at the day roll, 17:00 New York. `triple_day` pays three,
    for the weekend: Wednesday for currencies and metals (spot settles two days later), Friday for
    most index CFDs. None: the market never pauses and each of the seven rolls pays one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    long: float = Field(ge=-10_000, le=10_000)
    short: float = Field(ge=-10_000, le=10_000)
    unit: SwapUnit = SwapUnit.POINTS
    triple_day: Literal["monday", "tuesday", "wednesday", "thursday", "friday"] | None = (
        "wednesday"
    )

    @property
    def nights_by_weekday(self) -> tuple[int, ...]:
        """Nights that each weekday's roll charges, Monday first; seven in all."""
        if self.triple_day is None:
            return (1,) * 7
        return (*(3 if day == self.triple_day else 1 for day in _WORKDAYS), 0, 0)

    def points_per_night(self, side: Side, entry_price: float, point: float) -> float:
        """Return what one night adds to a position's result, in points of the instrument."""
        rate = self.long if side is Side.LONG else self.short
        if self.unit is SwapUnit.POINTS:
            return rate
        return rate / 100 / BANK_YEAR * entry_price / point


class Instrument(BaseModel):
    """What one needs to know of a symbol to turn prices into points, money and costs.

    `point` is the unit traders quote costs in: one index point for GER40 (1.0), one pip for
    EURUSD (0.0001). Every "points" figure in requests and reports is in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: str
    title: str
    point: float = Field(gt=0, description="price of one point")
    tick_size: float = Field(gt=0, description="smallest price step")
    digits: int = Field(ge=0, le=8)
    point_value: float = Field(gt=0, description="money per point per lot, in `currency`")
    currency: str
    volume_step: float = Field(gt=0, default=0.01)
    volume_min: float = Field(gt=0, default=0.01)
    spread_points: tuple[float, ...] = Field(
        min_length=24, max_length=24, description="typical spread in points by hour of day, UTC"
    )
    slippage_points: float = Field(ge=0, description="points on market and stop fills")
    commission: float = Field(ge=0, default=0.0, description="money per lot and side")
    swap: Swap | None = Field(default=None, description="None: not known, none is charged")
    cash_session: str = Field(description="name in SESSIONS of its main session")
    calendar: str = Field(description="fx | index_xetra | index_us | metal | crypto")
    week_open: str = Field(default="America/New_York Sun 17:00")
    aliases: tuple[str, ...] = ()
    source: str = Field(description="where the figures come from")
