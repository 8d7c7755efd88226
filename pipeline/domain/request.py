"""What people ask for, and the trail of it: requests, runs, task records, audit events."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.domain.market import Timeframe
from pipeline.domain.trade import FillMode


class Mode(StrEnum):
    """Kinds of request; START accepts those whose flow exists."""

    BACKTEST = "backtest"
    LIVE = "live"
    TRAIN = "train"
    ANALYZE = "analyze"


class BacktestOptions(BaseModel):
    """Options of a backtest; None means the default that the setup or instrument gives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_trades: int | None = Field(default=None, ge=1, le=100_000)
    rr_target: float | None = Field(default=None, gt=0, le=50, description="first target in R")
    slippage: float | None = Field(default=None, ge=0, le=1000, description="points")
    spread: float | None = Field(default=None, ge=0, le=1000, description="points")
    commission: float | None = Field(
        default=None, ge=0, le=1000, description="money per lot and side"
    )
    swap: float | None = Field(
        default=None, ge=0, le=1000, description="points paid for a night, long or short"
    )
    parallel: bool = Field(default=True, description="false: one position at a time")
    fill: FillMode = FillMode.DRILLDOWN
    lots: float | None = Field(default=None, gt=0, le=1000)
    risk: float | None = Field(
        default=None, gt=0, le=10_000_000, description="money at risk per trade, instead of lots"
    )
    analyze_with_llm: bool = False
    dry_run: bool = False


class BacktestRequest(BaseModel):
    """A validated backtest: the period is [start, end] in whole UTC days, both included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal[Mode.BACKTEST] = Mode.BACKTEST
    symbol: str
    timeframe: Timeframe
    start: date
    end: date
    setup_id: str
    options: BacktestOptions = BacktestOptions()
    extra: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ordered(self) -> "BacktestRequest":
        if self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        return self


class LiveRequest(BaseModel):
    """One scan at a bar's close (contract section 3); `trigger_timestamp` is the market's time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trigger: Literal["scheduled_1min", "manual", "catch_up", "replay"] = "scheduled_1min"
    trigger_timestamp: datetime
    symbols: tuple[str, ...]
    timeframes: tuple[Timeframe, ...]
    active_setup_ids: tuple[str, ...]
    mode: Literal[Mode.LIVE] = Mode.LIVE


class Channel(StrEnum):
    """Where a request came from."""

    TELEGRAM = "telegram"
    CLI = "cli"
    HTTP = "http"
    SCHEDULE = "schedule"


class Actor(BaseModel):
    """Who asks, and where answers go (None: nobody waits for a message).

    `request_key` is the key under which the request is carried out once; empty: there is none.
    `role` is the most that a token lets its user be; empty: what the person is.
    """

    model_config = ConfigDict(frozen=True)

    channel: Channel
    user_id: int | None = None
    chat_id: int | None = None
    name: str = ""
    request_key: str = ""
    role: str = ""


class RunStatus(StrEnum):
    """A run's life: queued → running → one of the four ends."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUSED = "refused"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen unless someone asks for a rerun."""
        return self not in (RunStatus.QUEUED, RunStatus.RUNNING)


class TaskRecord(BaseModel):
    """One task of a run: its state, its time, and what went in and came out (sizes, keys)."""

    model_config = ConfigDict(frozen=True)

    task: str
    status: Literal["running", "success", "failed", "skipped"]
    duration_sec: float = 0.0
    attempt: int = 1
    error: str = ""
    inputs: dict[str, Any] = Field(default_factory=dict)
    outputs: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """The right to execute one attempt of a run: who has it, and for which attempt."""

    run_id: str
    owner: str
    attempt: int


class Run(BaseModel):
    """The record of one run; written before anything is launched, the truth about it after.

    `deployment` is the one it was started of; empty: its flow's own.
    """

    model_config = ConfigDict(frozen=True)

    run_id: str
    flow_type: str
    deployment: str = ""
    priority: int = 2
    status: RunStatus
    request: dict[str, Any]
    actor: Actor
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    attempt: int = 1
    asked: int = Field(
        default=1,
        description="the attempt that a person asked for last; what is owed is told once",
    )
    owner: str = Field(default="", description="the process that executes it: HOST:PROCESS")
    lease_until: datetime | None = None
    cancel_requested: bool = False
    error: str = ""
    tasks: tuple[TaskRecord, ...] = ()
    report: dict[str, Any] = Field(default_factory=dict)
    provenance: dict[str, Any] = Field(default_factory=dict)

    @property
    def claim(self) -> Claim | None:
        """The claim under which this attempt is executed; None while nobody executes it."""
        return Claim(self.run_id, self.owner, self.attempt) if self.owner else None


class AuditEvent(BaseModel):
    """One line of the trail: when, who, what, the verdict."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    actor: Actor
    action: str = Field(description="backtest, rerun, cancel, import, access, setup_version …")
    what: dict[str, Any] = Field(default_factory=dict)
    verdict: Literal["accepted", "refused"]
    reason: str = ""
    run_id: str | None = None
