"""The shapes of the HTTP entry: what is asked and answered, with examples for its description."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from flows.stories import run_title
from pipeline.domain.market import Timeframe
from pipeline.domain.request import BacktestOptions, Run, RunStatus, TaskRecord

TEXT_MOST = 2000
RUN_ID = r"^(bt|live|train|run)_\d{4}_\d{2}_\d{2}_\d{3,9}$"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TextRequest(_Strict):
    """A command, as it is typed in the chat; any kind of run that /help lists."""

    text: str = Field(
        min_length=1, max_length=TEXT_MOST,
        examples=["/backtest Frank_raid_v1 EURUSD M5 2025-05-01..2025-10-31 rr=2"],
    )  # fmt: skip


class BacktestBody(_Strict):
    """START's request for a backtest; with `dry_run` the plan is told and nothing is started."""

    mode: Literal["backtest"]
    symbol: str = Field(min_length=1, max_length=200, examples=["GER40"])
    timeframe: Timeframe
    start: date = Field(examples=["2025-05-01"])
    end: date = Field(examples=["2025-10-31"])
    setup_id: str = Field(min_length=1, max_length=200, examples=["IB_raid_v1"])
    options: BacktestOptions = BacktestOptions()
    extra: dict[str, Any] = Field(default_factory=dict)


class ReplayOptions(_Strict):
    """How held days are played."""

    speed: int = Field(default=0, ge=0, le=3600, description="0: as fast as can be")
    min_confidence: float | None = Field(default=None, ge=0, le=1)


class LiveBody(_Strict):
    """START's request for live signals of held days: they are played as if live."""

    mode: Literal["live"]
    symbol: str = Field(min_length=1, max_length=200)
    timeframe: Timeframe | None = None
    start: date
    end: date
    setup_id: str | None = Field(default=None, min_length=1, max_length=200)
    options: ReplayOptions = ReplayOptions()


class LabelBody(_Strict):
    """START's request to label past signals."""

    mode: Literal["label"]
    symbol: str = Field(min_length=1, max_length=200)
    timeframe: Timeframe | None = None
    start: date
    end: date
    setup_id: str = Field(min_length=1, max_length=200, examples=["all"])


class TrainBody(BaseModel):
    """A training: START's fields or those of a training; see the page on training."""

    model_config = ConfigDict(extra="allow")

    mode: Literal["train"]


class Accepted(BaseModel):
    """A request that was accepted; the run has begun or waits its turn."""

    run_id: str = Field(examples=["bt_2025_10_31_001"])
    flow_type: str = Field(examples=["backtest_flow"])
    request: dict[str, Any]
    timestamp: datetime


class AlertTaken(BaseModel):
    """An alert that was accepted; without a run when its start takes longer than two seconds."""

    run_id: str | None
    flow_type: str | None
    request: dict[str, Any]
    timestamp: datetime


class PlanView(BaseModel):
    """What a backtest would do; nothing was started."""

    request: dict[str, Any]
    rule_version: str
    tasks: list[str]
    loaded_from: str
    bars_needed: int
    bars_held: int
    warm_up_bars: int
    missing: list[str]
    expected_seconds: float


class RunLine(BaseModel):
    """A run in short."""

    run_id: str
    flow_type: str
    title: str
    status: RunStatus
    user_id: int | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    attempt: int
    error: str


class RunView(RunLine):
    """A run with its request, its tasks and, once completed, its report."""

    request: dict[str, Any]
    cancel_requested: bool
    tasks: list[TaskRecord]
    report: dict[str, Any]
    provenance: dict[str, Any]


class RunPage(BaseModel):
    """Runs, newest first; `next_before` gives the page after this one, null at the end."""

    runs: list[RunLine]
    next_before: str | None


class HealthView(BaseModel):
    """Whether requests can be taken: the database answers; `scheduler`: runs can be launched."""

    status: Literal["ok", "degraded"]
    scheduler: bool
    time: datetime


def accepted(run: Run) -> Accepted:
    """Return what is answered for an accepted request."""
    return Accepted(
        run_id=run.run_id, flow_type=run.flow_type, request=run.request, timestamp=run.created_at
    )


def line_of(run: Run) -> RunLine:
    """Return a run in short."""
    return RunLine(**_facts(run))


def view_of(run: Run) -> RunView:
    """Return all of a run that is shown."""
    return RunView(
        **_facts(run), request=run.request, cancel_requested=run.cancel_requested,
        tasks=list(run.tasks), report=run.report, provenance=run.provenance,
    )  # fmt: skip


def _facts(run: Run) -> dict[str, Any]:
    shown = run.model_dump(include=set(RunLine.model_fields))
    return {**shown, "title": run_title(run), "user_id": run.actor.user_id}
