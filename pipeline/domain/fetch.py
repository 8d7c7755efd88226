"""What is asked of sources of past bars, and what came of it."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.market import Timeframe
from pipeline.domain.report import Gap
from pipeline.domain.request import TaskRecord


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FetchRequest(_Frozen):
    """A validated request for past bars of [start, end] in whole UTC days, both included.

    Without a start: what is missing since the newest bar held. `everything`: as far back as the
    source goes. `again`: also what is held already, to find what was revised since. `mix`: add to
    bars that came from elsewhere. `then`: the command that is launched once the bars are there.
    """

    mode: Literal["fetch"] = "fetch"
    symbol: str
    timeframe: Timeframe = Timeframe.M1
    start: date | None = None
    end: date | None = None
    everything: bool = False
    source: str = ""
    again: bool = False
    mix: bool = False
    then: str = ""
    extra: dict[str, Any] = Field(default_factory=dict)


class SourceAnswer(_Frozen):
    """What one source made of the request. `held`: bars that were not asked for, as they are."""

    source: str
    title: str
    name: str = Field(description="its name of the symbol")
    timeframe: Timeframe
    start: datetime
    end: datetime
    stretches: int = Field(description="stretches asked for; 0: all of it was held already")
    pages: int = 0
    bars: int = 0
    added: int = 0
    withheld: int = 0
    covered_until: datetime | None = None
    seconds: float = 0.0
    error: str = ""
    notes: tuple[str, ...] = ()

    @property
    def bars_a_second(self) -> float:
        """Return how fast bars came; 0 where none did."""
        return self.bars / self.seconds if self.seconds > 0 else 0.0


class FetchReport(_Frozen):
    """What a fetch brought. Holes are told, never filled."""

    run_id: str
    flow_type: str = "fetch_flow"
    flow_status: str = "completed"
    start_time: datetime
    end_time: datetime
    execution_time_minutes: float
    tasks_completed: tuple[TaskRecord, ...] = ()
    request: dict[str, Any]
    results_summary: dict[str, Any] = Field(default_factory=dict)
    artifacts: dict[str, Any] = Field(default_factory=dict)
    symbol: str
    timeframe: Timeframe
    source: str = Field(description="the one whose bars were taken; empty: none was needed")
    answers: tuple[SourceAnswer, ...] = ()
    held: int = Field(description="bars held now of what was asked")
    first: datetime | None = None
    last: datetime | None = None
    missing: int = 0
    gaps: tuple[Gap, ...] = ()
    score: float | None = None
    next_run: str = Field(default="", description="the run that `then` became")
    warnings: tuple[str, ...] = ()
