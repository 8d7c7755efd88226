"""The words a setup file may use, as frozen models: tools, steps, entry, stop, targets, limits.

Direction words are read from the trade's side: `beyond` is further the way the trade wants to
go (above for a long), `behind` is the other way. A *reference* is `step.field`, e.g.
`reclaim.level`; the fields are those of `pipeline.setups.checks.ZONE_FIELDS` plus the columns
that the step's detector adds.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from pipeline.domain.market import Timeframe
from pipeline.setups.conditions import ConfluenceRule, NewsFree, Where
from pipeline.setups.vocabulary import Clock, Name, Scalar, Text, Words, Zone, clock_time

__all__ = [
    "Born", "ConfluenceRule", "EntryRule", "Expected", "FieldChange", "Limit", "Limits", "Match",
    "NewsFree", "SetupSpec", "SetupVersion", "Step", "StopRule", "TargetRule", "Tool", "Variant",
    "VoidRule", "Where", "Window", "Words", "clock_time",
]  # fmt: skip


class Tool(Words):
    """One detector with its settings; other keys of the YAML are inputs and parameters."""

    detector: str
    timeframe: Timeframe | None = Field(default=None, description="at least this; None: trigger")
    settings: dict[str, Scalar] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _known_words(cls, data: Any) -> Any:
        if not isinstance(data, dict) or isinstance(data.get("settings"), dict):
            return data
        own = {k: v for k, v in data.items() if k in ("detector", "timeframe")}
        return {**own, "settings": {k: v for k, v in data.items() if k not in own}}


class Window(Words):
    """Local wall clock; a bar is inside if it opens at or after `start` and closes by `end`."""

    start: Clock
    end: Clock
    zone: Zone | None = Field(default=None, description="None: the setup's zone")

    @model_validator(mode="after")
    def _ordered(self) -> "Window":
        if self.start >= self.end:
            raise PydanticCustomError("window", "window must start before it ends")
        return self


class Born(Words):
    """The event's zone was formed no earlier than `bars` bars after (negative: before) a step."""

    after: str
    bars: int = Field(default=0, ge=-1000, le=1000)


class Match(Words):
    """Which event fits: its tool, name, side, and how it belongs to earlier steps."""

    tool: str | None = Field(default=None, description="a tool's name, or `price`")
    event: tuple[str, ...] = Field(default=(), description="one or several of the tool's events")
    side: Literal["any", "same", "opposite"] = "same"
    of: str | None = Field(
        default=None, description="step it belongs to: same zone of one tool, else same day"
    )
    born: Born | None = None
    where: tuple[Where, ...] = ()
    latest: bool = Field(default=False, description="the newest such event must fit, as a state")

    @model_validator(mode="before")
    @classmethod
    def _one_event(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("event"), str):
            return {**data, "event": (data["event"],)}
        return data


class Limit(Words):
    """A number within bounds, optionally in units of a series (`per: atr`)."""

    value: str
    per: str | None = None
    min: float | None = None
    max: float | None = None
    too_small: Text = "too small"
    too_large: Text = "too large"


Draw = Literal["range", "level", "sweep", "gap", "structure", "pattern"]


class Step(Match):
    """One thing that must happen, after the step before (or `after`), in its window."""

    name: Name
    title: Text
    draw: Draw = "level"
    any: tuple[Match, ...] = Field(default=(), description="alternatives; the earliest counts")
    after: str | None = Field(default=None, description="not before this step; None: the last")
    window: Window | None = None
    min_bars: int = Field(default=0, ge=0, le=5000)
    max_bars: int | None = Field(default=None, ge=0, le=5000)
    take: Literal["first", "each", "only"] = Field(
        default="first", description="the first of each side, each, or only the first of both"
    )
    unless: dict[str, Text] = Field(
        default_factory=dict, description="event of the same tool -> why the case ends there"
    )
    limits: tuple[Limit, ...] = ()
    missing: Text = ""

    @property
    def matches(self) -> tuple[Match, ...]:
        """The alternatives; a plain step is its own only one."""
        return self.any or (self,)


class EntryRule(Words):
    """Market at the next open, or a limit at a reference that expires."""

    type: Literal["market", "limit"] = "market"
    at: str | None = None
    expiry_bars: int | None = Field(default=None, ge=1, le=5000)
    expiry_at: Clock | None = Field(default=None, description="in the setup's zone")


class StopRule(Words):
    """A reference, moved back by a part of the ATR and by spreads."""

    behind: str
    atr: str | None = Field(default=None, description="series tool that `*_atr` is measured in")
    buffer_atr: float = Field(default=0.0, ge=0, le=10)
    buffer_spreads: float = Field(default=0.0, ge=0, le=10)
    min_atr: float = Field(default=0.0, ge=0, le=20, description="least distance from the entry")


class TargetRule(Words):
    """Where profit is taken: `tp` in R, or `at` a reference; for a share of the position."""

    tp: float | None = Field(default=None, gt=0, le=50)
    at: str | None = None
    share: float = Field(default=1.0, gt=0, le=1)
    min_r: float = Field(default=0.0, ge=0, le=50, description="refuse if the target is nearer")


class VoidRule(Words):
    """What spoils the setup after a step and before the fill."""

    name: Text
    since: str | None = None
    price: Literal["touch", "close"] = "touch"
    is_: Literal["beyond", "behind"] | None = Field(default=None, alias="is")
    of: str | None = None
    spread_over_median: float | None = Field(default=None, gt=1, le=100)
    bars: int = Field(default=240, ge=10, le=5000, description="bars the median is taken of")


class Limits(Words):
    """What holds for every signal of the setup."""

    per_side_and_day: int = Field(default=1, ge=1, le=100)
    min_r_spreads: float = Field(default=0.0, ge=0, le=100)
    flat_at: Clock | None = Field(default=None, description="in the setup's zone")
    max_hold_minutes: int | None = Field(default=None, ge=1, le=10_000)


class Expected(Words):
    """How often the setup is thought to speak, on the markets it is made for."""

    signals_per_100_days: tuple[float, float] = Field(
        description="least and most signals in 100 trading days"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "Expected":
        low, high = self.signals_per_100_days
        if not 0 <= low < high:
            raise PydanticCustomError("range", "must be [least, most], least below most")
        return self


class Variant(Words):
    """Another reading: `set` maps a path like `tools.range.session` to its other value."""

    title: Text
    set: dict[str, Any] = Field(min_length=1, max_length=50)


class SetupSpec(Words):
    """One setup, as its file says it, checked."""

    setup_id: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{2,63}$")
    rule_version: str = Field(pattern=r"^\d{1,4}\.\d{1,4}$")
    title: Annotated[str, Field(min_length=1, max_length=80)]
    description: Annotated[str, Field(max_length=2000)] = ""
    author: Annotated[str, Field(min_length=1, max_length=80)]
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    status: Literal["active", "draft", "archived"] = "draft"
    symbols: tuple[str, ...] = Field(min_length=1, description="designed for; others are warned")
    timeframe: Timeframe = Field(description="the default trigger timeframe")
    timeframes: tuple[Timeframe, ...] = Field(
        min_length=1, description="triggers that may be used"
    )
    zone: Zone = Field(description="of all clock times here, and of the trading day")
    tools: dict[Name, Tool] = Field(min_length=1, max_length=30)
    steps: tuple[Step, ...] = Field(min_length=1, max_length=12)
    confluences: tuple[ConfluenceRule, ...] = Field(default=(), max_length=20)
    entry: EntryRule = EntryRule()
    stop: StopRule
    sl: float = Field(default=1.0, gt=0, le=10, description="multiplies the stop's distance")
    targets: tuple[TargetRule, ...] = Field(min_length=1, max_length=2)
    break_even_after_first: bool = False
    voids: tuple[VoidRule, ...] = Field(default=(), max_length=20)
    limits: Limits = Limits()
    context: dict[Name, str] = Field(default_factory=dict, description="name -> tool to note")
    expected: Expected | None = Field(default=None, description="for /verify: a check of counts")
    variants: dict[Name, Variant] = Field(default_factory=dict, max_length=20)
    use: tuple[Name, ...] = Field(default=(), description="variants that are switched on")


class FieldChange(BaseModel):
    """One field that differs between two versions; None where it is absent."""

    model_config = ConfigDict(frozen=True)

    field: str
    old: Any = None
    new: Any = None


class SetupVersion(BaseModel):
    """One version of a setup, kept for ever: who, when, why, and what changed."""

    model_config = ConfigDict(frozen=True)

    setup_id: str
    rule_version: str
    author: str
    reason: str
    at: datetime
    difference: tuple[FieldChange, ...] = ()
    sha256: str
    status: Literal["active", "draft", "archived"]
    text: str = Field(repr=False)
