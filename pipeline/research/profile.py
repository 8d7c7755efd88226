"""What a rule profile asks for and what comes back."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.report import Interval
from pipeline.domain.trial import Standing
from pipeline.research.reports import ResearchReport

MIN_SUGGESTED = 50
"""A suggestion needs more trades than this, before and after."""


class ProfileRequest(BaseModel):
    """Profile all kept runs of a setup; or try suggestion `suggestion` of profile `of_run`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["profile"] = "profile"
    setup_id: str
    symbol: str | None = None
    of_run: str = ""
    suggestion: int = Field(default=0, ge=0, le=99, description="from 1; 0: none is tried")
    extra: dict[str, Any] = Field(default_factory=dict)


class Effect(BaseModel):
    """What another value of one parameter does to mean R or to the win rate (as a share).

    `alone` holds for this comparison by itself, `corrected` for all comparisons together.
    """

    model_config = ConfigDict(frozen=True)

    parameter: str
    old: str
    new: str
    measure: Literal["expectancy", "win_rate"]
    own: bool = Field(description="from the setup as it is now; else between neighbours")
    value: float
    alone: Interval
    corrected: Interval | None = Field(description="None: on too few days the two differ")
    judged: bool
    pairs: int = Field(description="settings of the other parameters it is averaged over")
    trades: int = Field(description="of a variant with the new value")
    trades_before: int
    trades_needed: int | None = Field(
        default=None, description="about: to tell a difference of this size from chance"
    )


class Point(BaseModel):
    """One value of a parameter; `expectancy` is None below 20 days with trades."""

    model_config = ConfigDict(frozen=True)

    value: str
    expectancy: Interval | None
    mean_r: float
    win_rate: float
    trades: int
    variants: int


class Panel(BaseModel):
    """A parameter's values in their order."""

    model_config = ConfigDict(frozen=True)

    parameter: str
    own: str | None = Field(description="the value that the setup has now")
    points: tuple[Point, ...]


class Best(BaseModel):
    """One of the best variants, with what so many tries make of it."""

    model_config = ConfigDict(frozen=True)

    values: dict[str, str]
    trades: int
    mean_r: float
    win_rate: float
    standing: Standing


class Suggestion(BaseModel):
    """A change worth trying."""

    model_config = ConfigDict(frozen=True)

    parameter: str
    path: str
    old: str
    new: str
    improvement: Interval = Field(description="of mean R, corrected for all comparisons")
    trades: int
    reason: str


class GroundProfile(BaseModel):
    """All variants of one symbol, timeframe, period, version and costs."""

    model_config = ConfigDict(frozen=True)

    symbol: str
    timeframe: str
    start: date
    end: date
    rule_version: str
    options: dict[str, Any]
    synthetic: bool
    runs: tuple[str, ...]
    variants: int
    summaries: int = Field(description="variants of which no trades are kept")
    paths: dict[str, str] = Field(default_factory=dict, description="parameter -> where it is")
    panels: tuple[Panel, ...] = ()
    effects: tuple[Effect, ...] = ()
    best: tuple[Best, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()


class Tried(BaseModel):
    """What became of a suggestion: the draft, and both versions on the same days."""

    model_config = ConfigDict(frozen=True)

    setup_id: str
    rule_version: str
    status: str
    reason: str
    difference: tuple[dict[str, Any], ...]
    copied: bool = Field(description="a user's copy of a built-in")
    made: bool = Field(description="False: an earlier tap made the draft")
    held_out: bool
    start: date
    end: date
    trades_before: int
    trades: int
    mean_r_before: float | None
    mean_r: float | None
    change: Interval | None = Field(description="of mean R, paired by day; None: too few trades")
    verdict: str


class ProfileReport(ResearchReport):
    """The result: a profile, or (`tried`) what became of one of its suggestions."""

    flow_type: str = "profile_flow"
    setup_id: str
    rule_version: str
    symbol: str
    grounds: tuple[GroundProfile, ...] = ()
    comparisons: int = 0
    suggestions: tuple[Suggestion, ...] = ()
    nearest: Effect | None = Field(default=None, description="the likeliest change, still chance")
    command: str = Field(default="", description="what would make variants")
    tried: Tried | None = None
