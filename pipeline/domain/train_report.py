"""What training gives: the report of a training, and of labelling."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.model import ModelCard
from pipeline.domain.report import Interval
from pipeline.domain.request import TaskRecord


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


DeploymentStatus = Literal["deployed", "kept_previous", "skipped_insufficient_data"]


class TrainReport(_Frozen):
    """The whole result of a training as users script against it (contract section 4)."""

    run_id: str
    flow_type: str = "train_model_flow"
    flow_status: str
    start_time: datetime
    end_time: datetime
    execution_time_minutes: float
    tasks_completed: tuple[TaskRecord, ...] = ()
    request: dict[str, Any]
    model_id: str
    new_version: str = Field(description="empty where training was skipped")
    training_date: date
    training_data_size: int
    metrics: dict[str, float | None]
    comparison_with_previous: dict[str, Any] | None
    deployment_status: DeploymentStatus
    model_path: str
    notification_sent: bool
    missing_samples: int = 0
    card: ModelCard | None = None
    results_summary: dict[str, Any] = Field(default_factory=dict)
    artifacts: dict[str, Any] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    provenance: dict[str, Any] = Field(default_factory=dict)


class LabelFigures(_Frozen):
    """What a set of labels says; None: too few rows to say it.

    `share` is that of the rows with label 1 among those that were filled. `break_even` is the
    share at which these rows' own average R of label 1 and of label 0 would cancel.
    """

    labelled: int = Field(description="filled and resolved: rows with a label")
    positives: int
    unfilled: int
    share: Interval | None
    break_even: float | None
    mean_rr: float | None
    exits: dict[str, int] = Field(description="how many rows ended in which way")


class LabelledSet(_Frozen):
    """One setup's labels. `open`: signals whose end the held bars don't know; no rows."""

    setup_id: str
    rule_version: str
    timeframe: str
    signals: int
    open: int
    figures: LabelFigures
    added: int
    updated: int
    removed: int


class LabelReport(_Frozen):
    """What labelling a setup's past signals brought; with several setups, all of them together."""

    run_id: str
    flow_type: str = "label_flow"
    flow_status: str
    start_time: datetime
    end_time: datetime
    execution_time_minutes: float
    tasks_completed: tuple[TaskRecord, ...] = ()
    request: dict[str, Any]
    setup_id: str
    rule_version: str
    symbol: str
    timeframe: str
    period_start: date
    period_end: date
    signals: int
    labelled: int = Field(description="filled and resolved: rows with a label")
    positives: int
    unfilled: int
    added: int
    updated: int
    removed: int
    total_labelled: int = Field(description="labelled rows in the table now, of all sets")
    min_samples: int = Field(default=500, description="labelled rows that a training needs")
    sets: tuple[LabelledSet, ...] = ()
    left_out: dict[str, str] = Field(
        default_factory=dict, description="setups that could not be labelled, and why"
    )
    synthetic: bool = False
    results_summary: dict[str, Any] = Field(default_factory=dict)
    artifacts: dict[str, Any] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    provenance: dict[str, Any] = Field(default_factory=dict)
