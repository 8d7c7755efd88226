"""Two backtests side by side: figures with paired intervals, and trades that only one has."""

from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.report import Interval, Verdict
from pipeline.domain.trade import Trade


class Cause(StrEnum):
    """Why a trade of one run isn't among the other's."""

    OUTSIDE = "outside_period"  # the other run didn't look at that day
    UNFILLED = "unfilled"  # the other had the signal, but its order wasn't filled
    NO_SIGNAL = "no_signal"  # the other's rules saw nothing there


class RunFacts(BaseModel):
    """What one run tested and what its result rests on."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    setup_id: str
    rule_version: str
    symbol: str
    timeframe: str
    start: date
    end: date
    synthetic: bool = False
    options: dict[str, Any] = Field(default_factory=dict)
    provenance: dict[str, Any] = Field(default_factory=dict)


class FigurePair(BaseModel):
    """One figure of both runs over all their days; None where it isn't defined.

    `difference` is the second's less the first's over the days that both cover, with its 95 %
    interval by paired days; None where too few days are shared.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    one: float | None
    two: float | None
    difference: Interval | None = None


class LoneTrade(BaseModel):
    """A trade that only one of the runs has; `reason` is why its order wasn't filled there."""

    model_config = ConfigDict(frozen=True)

    trade: Trade
    cause: Cause
    reason: str = ""


class SettingPair(BaseModel):
    """Something the results rest on that differs: a rule's field, an option, the bars."""

    model_config = ConfigDict(frozen=True)

    field: str
    one: Any = None
    two: Any = None


class Comparison(BaseModel):
    """Two finished backtests, the second against the first.

    `matched` is false where the symbols differ: then no trade of one can be one of the other,
    and none is listed as lone. `unequal` counts shared trades whose result differs.
    """

    model_config = ConfigDict(frozen=True)

    one: RunFacts
    two: RunFacts
    settings: tuple[SettingPair, ...]
    figures: tuple[FigurePair, ...]
    shared_start: date | None = Field(description="first day that both cover; None: no such day")
    shared_end: date | None
    days: int = Field(description="days of both periods on which a trade of either ended")
    seed: int
    verdict: Verdict
    matched: bool
    shared: int
    unequal: int
    only_one: tuple[LoneTrade, ...] = ()
    only_two: tuple[LoneTrade, ...] = ()
