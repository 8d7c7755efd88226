"""A picture of a symbol as it stands: what is asked, and what is told."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.analysis import Analysis
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Mode, TaskRecord


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AnalyzeOptions(_Frozen):
    """Options of an analysis."""

    analyze_with_llm: bool = Field(
        default=True, description="ask the analyst, where one is set up, after the facts"
    )


class AnalyzeRequest(_Frozen):
    """A validated analysis; START pins the timeframe where none was said."""

    mode: Literal[Mode.ANALYZE] = Mode.ANALYZE
    symbol: str
    timeframe: Timeframe | None = None
    options: AnalyzeOptions = AnalyzeOptions()
    extra: dict[str, Any] = Field(default_factory=dict)


class MarketLevel(_Frozen):
    """A price that matters now, or a zone of prices, and how far the close is from it.

    `side` of zones: +1 for buyers, −1 for sellers; of levels 0. Distances are to the nearer
    edge, negative below the close, 0 inside a zone. `distance_atr` is None before there is an
    ATR. `known_at` is the close at which it was known; `start` is where its drawing begins.
    """

    name: str
    kind: Literal["level", "session", "gap", "block"]
    side: int = 0
    price_low: float
    price_high: float
    start: datetime
    known_at: datetime
    distance_points: float = 0.0
    distance_atr: float | None = None

    @property
    def is_zone(self) -> bool:
        """Whether it is an interval of prices."""
        return self.price_high > self.price_low


class SessionSpan(_Frozen):
    """A session of today: its hours (UTC), and the range of its bars so far."""

    name: str
    start: datetime
    end: datetime
    price_low: float
    price_high: float
    over: bool


class MarketState(_Frozen):
    """Trend and volatility at the newest close. What can't be said yet is None or empty."""

    trend: Literal["up", "down", "none"] = "none"
    trend_since: datetime | None = None
    broken: float | None = Field(default=None, description="the swing whose break made it")
    from_day_open: float | None = Field(default=None, description="points")
    atr: float | None = Field(default=None, description="price, 14 bars")
    atr_ratio: float | None = Field(default=None, description="ATR over its median of 500 bars")
    day_range: float | None = Field(default=None, description="points, today so far")
    usual_range: float | None = Field(
        default=None, description="points, mean of up to five whole trading days before"
    )


class SymbolFacts(_Frozen):
    """All that is said of a symbol from its bars alone."""

    close: float
    newest: datetime = Field(description="close time of the newest bar")
    state: MarketState
    levels: tuple[MarketLevel, ...] = Field(description="highest first")
    sessions: tuple[SessionSpan, ...] = ()


class SetupNow(_Frozen):
    """How far an active setup is today.

    done: a signal is there; armed: at least one step has held and none has failed; waiting:
    none has yet; over: it can't be complete today, or is broken; unknown: can't be said.
    """

    setup_id: str
    rule_version: str
    timeframe: str = ""
    state: Literal["done", "armed", "waiting", "over", "unknown"]
    held: int = 0
    steps: int = 0
    why: str = Field(default="", description="why not yet, in words")
    trigger: str = Field(default="", description="the nearest price that would move it on")
    distance_points: float | None = Field(default=None, description="to that price, unsigned")


class SignalNow(_Frozen):
    """A live signal whose life has not ended."""

    signal_id: str
    setup_id: str
    side: str
    entry: float
    stop: float
    target: float
    known_at: datetime
    state: str


class SymbolReport(_Frozen):
    """One symbol now. `age_minutes` is how old the newest bar was when this was made."""

    run_id: str
    flow_type: str = "analyze_flow"
    flow_status: str = "completed"
    start_time: datetime
    end_time: datetime
    execution_time_minutes: float
    tasks_completed: tuple[TaskRecord, ...] = ()
    request: dict[str, Any]
    symbol: str
    timeframe: str
    zone: str
    digits: int
    point: float
    source: str
    synthetic: bool = False
    facts: SymbolFacts
    age_minutes: float
    stale: bool
    market_open: bool
    setups: tuple[SetupNow, ...] = ()
    signals: tuple[SignalNow, ...] = ()
    analysis: Analysis | None = None
    no_analysis: str = Field(default="", description="why there is no opinion; empty: there is")
    results_summary: dict[str, Any] = Field(default_factory=dict)
    artifacts: dict[str, Any] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()
