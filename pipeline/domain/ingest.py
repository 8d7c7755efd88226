"""What is asked of an ingest by schedule, and what came of it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.request import TaskRecord

IngestKind = Literal["end_of_day", "hourly", "check"]
KINDS: tuple[IngestKind, ...] = ("end_of_day", "hourly", "check")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class IngestRequest(_Frozen):
    """A validated request to go on with all that is held from sources.

    `end_of_day` and `hourly` fetch what is new since the newest bar held; `check` asks for the
    last days again, to find what was revised. Empty `symbols` or `source` mean all there are.
    """

    mode: Literal["ingest"] = "ingest"
    kind: IngestKind = "end_of_day"
    symbols: tuple[str, ...] = ()
    source: str = ""
    extra: dict[str, Any] = Field(default_factory=dict)


class Ingested(_Frozen):
    """What became of one symbol and timeframe. `error` is in words for people."""

    symbol: str
    timeframe: str
    source: str
    bars: int = 0
    added: int = 0
    withheld: int = 0
    last: datetime | None = None
    score: float | None = None
    score_before: float | None = None
    error: str = ""


class IngestReport(_Frozen):
    """What an ingest brought, symbol by symbol; one that failed doesn't keep the others."""

    run_id: str
    flow_type: str = "ingest_flow"
    flow_status: str = "completed"
    start_time: datetime
    end_time: datetime
    execution_time_minutes: float
    tasks_completed: tuple[TaskRecord, ...] = ()
    request: dict[str, Any]
    results_summary: dict[str, Any] = Field(default_factory=dict)
    artifacts: dict[str, Any] = Field(default_factory=dict)
    kind: IngestKind
    rows: tuple[Ingested, ...] = ()
    warnings: tuple[str, ...] = ()
