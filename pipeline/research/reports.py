"""What comes back from many variants: the reports as users script against them."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.report import Metrics, Robustness
from pipeline.domain.request import TaskRecord
from pipeline.domain.trial import Pbo, Standing
from pipeline.research.grid import Grid
from pipeline.research.plateau import Plateau
from pipeline.research.values import Value
from pipeline.research.walkforward import Drift, WindowResult


class VariantLine(BaseModel):
    """One variant as people look at it; scores are in the units of the criterion."""

    model_config = ConfigDict(frozen=True)

    index: int
    label: str = Field(description="its values, ready to be typed")
    values: dict[str, Value]
    metrics: Metrics | None
    score: float | None = Field(description="None: too few trades, or not tested")
    region_score: float | None = None
    error: str = ""


class ResearchReport(BaseModel):
    """What all these reports say of their run."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    flow_type: str
    flow_status: str = "completed"
    start_time: datetime
    end_time: datetime
    execution_time_minutes: float
    tasks_completed: tuple[TaskRecord, ...]
    results_summary: dict[str, Any]
    artifacts: dict[str, Any]
    request: dict[str, Any]
    warnings: tuple[str, ...] = ()
    synthetic: bool = False


class GridReport(ResearchReport):
    """What sweep and walk-forward have in common: one setup's grid on one symbol and period."""

    setup_id: str
    rule_version: str
    symbol: str
    timeframe: str
    period_start: date
    period_end: date
    source: str
    data_quality: float | None = None
    currency: str = ""
    costs: dict[str, Any] = Field(default_factory=dict)
    provenance: dict[str, Any] = Field(default_factory=dict)
    grid: Grid
    by: str
    min_trades: int
    variants: int
    failed: int
    failures: tuple[VariantLine, ...] = Field(default=(), description="the first few")
    pbo: Pbo | None = Field(
        default=None, description="None: fewer than two variants traded, or too few days"
    )


class SweepReport(GridReport):
    """The result of a sweep. `chosen` is the plateau's centre, `best` the single best cell."""

    flow_type: str = "sweep_flow"
    plateau: Plateau | None
    chosen: VariantLine | None
    best: VariantLine | None
    own: VariantLine | None = Field(default=None, description="the file's own values, if in grid")
    standing: Standing | None = Field(default=None, description="the chosen one's, of all tries")
    idle: tuple[str, ...] = Field(default=(), description="parameters that change no result")


class WalkForwardReport(GridReport):
    """The result of a walk-forward. All figures but `inside` are of days after the choice."""

    flow_type: str = "walkforward_flow"
    inside_days: int
    outside_days: int
    windows: tuple[WindowResult, ...]
    drifts: tuple[Drift, ...]
    metrics: Metrics = Field(description="of the trades outside, taken together")
    robustness: Robustness | None = None
    inside_expectancy_r: float | None = Field(
        default=None, description="mean R of all choices on the days they were made on"
    )


class BatchTest(BaseModel):
    """One test of a batch; `error` instead of figures where it could not be made."""

    model_config = ConfigDict(frozen=True)

    setup_id: str
    rule_version: str = ""
    symbol: str
    timeframe: str
    start: date
    end: date
    metrics: Metrics | None = None
    synthetic: bool = False
    error: str = ""


class BatchReport(ResearchReport):
    """The result of a batch."""

    flow_type: str = "batch_flow"
    tests: tuple[BatchTest, ...]
    failed: int
