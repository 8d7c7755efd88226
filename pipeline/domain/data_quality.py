"""What a check of held bars found: what each part costs, how another source agrees."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.market import Timeframe
from pipeline.domain.report import Gap
from pipeline.domain.request import TaskRecord


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class QualityRequest(_Frozen):
    """A validated request to judge what is held. No symbol: all; no timeframe: each held."""

    mode: Literal["quality"] = "quality"
    symbol: str = ""
    timeframe: Timeframe | None = None
    extra: dict[str, Any] = Field(default_factory=dict)


class QualityPart(_Frozen):
    """One part of a score: `cost` is taken off 1; `said` is in words for people."""

    name: str
    cost: float = Field(ge=0, le=1)
    said: str


class Agreement(_Frozen):
    """How closes agree with another source's, on sampled days.

    Differences are in points, after shifts were undone. `lags` are minutes by which the held bars
    of a day are late (negative: early); a day that isn't named is in time.
    """

    days: int
    bars: int
    median: float
    worst: float
    within: float = Field(ge=0, le=1, description="share not further apart than the spread")
    beyond: float = Field(ge=0, le=1, description="share further apart than 5 spreads")
    lags: tuple[tuple[date, int], ...] = ()


class HoldingQuality(_Frozen):
    """What one holding is worth. `holes` are those of the 7 days before `at`."""

    symbol: str
    timeframe: str
    at: datetime
    run_id: str
    score: float = Field(ge=0, le=1)
    before: float | None = Field(default=None, description="the score of the check before")
    bars: int
    parts: tuple[QualityPart, ...]
    compared_with: str = ""
    agreement: Agreement | None = None
    waiting: int = 0
    holes: tuple[Gap, ...] = ()
    news: tuple[str, ...] = Field(default=(), description="what got worse since the check before")


class DataQualityReport(_Frozen):
    """What a check of held bars found, holding by holding. `skipped`: what was not judged, why."""

    run_id: str
    flow_type: str = "data_quality_flow"
    flow_status: str = "completed"
    start_time: datetime
    end_time: datetime
    execution_time_minutes: float
    tasks_completed: tuple[TaskRecord, ...] = ()
    request: dict[str, Any]
    results_summary: dict[str, Any] = Field(default_factory=dict)
    artifacts: dict[str, Any] = Field(default_factory=dict)
    rows: tuple[HoldingQuality, ...] = ()
    skipped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
