"""What training gives: the report of a training, and of labelling."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.model import ModelCard
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


class LabelReport(_Frozen):
    """What labelling a setup's past signals brought."""

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
    synthetic: bool = False
    results_summary: dict[str, Any] = Field(default_factory=dict)
    artifacts: dict[str, Any] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    provenance: dict[str, Any] = Field(default_factory=dict)
