"""A replay: held bars played as if they came from the market now, and what it leaves to tell."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.domain.live import DecisionKind
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Mode, TaskRecord

SLOWEST, FASTEST = 1, 3600
AS_FAST_AS_CAN_BE = 0


class ReplayRequest(BaseModel):
    """Which days of which symbols are played, how fast, and what is watched for.

    `start` and `end` are whole days of `zone`, both included. `speed` says how many minutes of the
    market pass in one minute; 0: as fast as the scans are. Empty `setups` or `timeframes`: all
    there are. When the request is checked, these are filled in: `zone`, `sources` (timeframe of
    the held bars that are played, by symbol), and the rules' versions in `extra`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal[Mode.LIVE] = Mode.LIVE
    symbols: tuple[str, ...] = Field(min_length=1)
    start: date
    end: date
    zone: str = ""
    speed: int = Field(default=60, ge=AS_FAST_AS_CAN_BE, le=FASTEST)
    setups: tuple[str, ...] = ()
    timeframes: tuple[Timeframe, ...] = ()
    min_confidence: float | None = Field(
        default=None, ge=0, le=1, description="in place of the gate's, for this replay alone"
    )
    sources: Mapping[str, Timeframe] = Field(default_factory=dict)
    extra: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ordered(self) -> "ReplayRequest":
        if self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        return self

    def span(self) -> tuple[datetime, datetime]:
        """Return the first moment (UTC) that is played and the first that is not."""
        zone = ZoneInfo(self.zone or "UTC")
        first = datetime(self.start.year, self.start.month, self.start.day, tzinfo=zone)
        behind = self.end + timedelta(days=1)
        last = datetime(behind.year, behind.month, behind.day, tzinfo=zone)
        utc = ZoneInfo("UTC")
        return first.astimezone(utc), last.astimezone(utc)


class ReplaySignal(BaseModel):
    """One signal of a replay in short: how it was decided and what became of it."""

    model_config = ConfigDict(frozen=True)

    signal_id: str
    symbol: str
    setup_id: str
    tf: Timeframe
    side: str
    known_at: datetime
    confidence: float
    ml_score: float | None = None
    decision: DecisionKind
    reason: str = ""
    outcome: str = Field(description="TP, SL …, the state of an order that never was, or open")
    rr: float | None = None
    answer: str = ""


class ReplayReport(BaseModel):
    """The whole result of a replay."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    flow_type: str = "replay_flow"
    flow_status: str
    start_time: datetime
    end_time: datetime
    execution_time_minutes: float
    tasks_completed: tuple[TaskRecord, ...] = ()
    results_summary: dict[str, Any] = Field(default_factory=dict)
    artifacts: dict[str, Any] = Field(default_factory=dict)
    request: dict[str, Any]
    symbols: tuple[str, ...]
    zone: str
    period_start: date
    period_end: date
    speed: int
    sources: dict[str, str] = Field(description="timeframe of the held bars played, by symbol")
    bars: int = Field(description="minutes played that had a bar, of all symbols")
    scans: int
    scan_ms: float | None = Field(default=None, description="median time of a scan")
    signals: tuple[ReplaySignal, ...] = ()
    decisions: dict[str, int] = Field(default_factory=dict)
    outcomes: dict[str, int] = Field(default_factory=dict)
    total_r: float | None = Field(
        default=None, description="of trades that ended, whoever took it"
    )
    failed: dict[str, str] = Field(default_factory=dict, description="symbol -> kind line")
    synthetic: bool = False
    warnings: tuple[str, ...] = ()
