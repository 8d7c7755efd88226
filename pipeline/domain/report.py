"""What comes back: the backtest's report, the import's quality, deliveries to a chat."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.analysis import Analysis
from pipeline.domain.qa import QaCard
from pipeline.domain.request import TaskRecord
from pipeline.domain.signal import FunnelStep
from pipeline.domain.trial import Standing


class Interval(BaseModel):
    """A figure with the bounds that hold it at 95 %."""

    model_config = ConfigDict(frozen=True)

    value: float
    low: float
    high: float


class MonthResult(BaseModel):
    """One calendar month (UTC, by exit) of a backtest."""

    model_config = ConfigDict(frozen=True)

    month: str
    trades: int
    rr: float
    pnl: float


class Metrics(BaseModel):
    """Figures of a list of trades, net of costs. None where they are not defined.

    Drawdown is of the closed-trade equity in R and in money, ≥ 0. Win: rr > 0.
    """

    model_config = ConfigDict(frozen=True)

    trades: int
    wins: int
    win_rate: Interval | None
    expectancy_r: float | None
    expectancy_se: float | None
    profit_factor: float | None
    total_r: float
    total_points: float
    total_pnl: float
    costs: float
    swap: float = Field(default=0.0, description="part of the costs; money received for nights")
    max_drawdown_r: float
    max_drawdown_pnl: float
    break_even_rate: float | None
    average_win_r: float | None
    average_loss_r: float | None
    longest_losing_run: int
    ambiguous: int
    total_r_worst: float
    total_r_best: float
    months: tuple[MonthResult, ...] = ()


class DrawdownLuck(BaseModel):
    """How deep the drawdown of the same trades is in other orders, R ≥ 0."""

    model_config = ConfigDict(frozen=True)

    median: float
    high: float = Field(description="only one order in twenty falls deeper")


class Verdict(StrEnum):
    """Whether a mean result can be told from zero by its interval."""

    ABOVE = "above_zero"
    BELOW = "below_zero"
    OPEN = "not_told_from_zero"
    TOO_FEW = "too_few_trades"


class Robustness(BaseModel):
    """How far chance alone can move a list of trades. None where it can't be said.

    By days: the interval of the mean comes from drawing blocks of days anew; otherwise there are
    too few days for that and it comes from the standard error.
    """

    model_config = ConfigDict(frozen=True)

    verdict: Verdict
    days: int = Field(description="UTC days on which a trade ended")
    by_days: bool
    block_days: float = Field(description="mean length of a block, in such days")
    draws: int = Field(description="bootstrap resamples")
    expectancy_r: Interval | None
    profit_factor: Interval | None
    drawdown_r: DrawdownLuck | None
    sharpe: float | None = Field(description="of R by weekday, a year (√252)")
    sortino: float | None = Field(description="of R by weekday, a year (√252)")


class Gap(BaseModel):
    """A hole in the bars where the calendar says there should be some."""

    model_config = ConfigDict(frozen=True)

    start: datetime
    end: datetime
    missing: int


class QualityReport(BaseModel):
    """What a set of bars is worth. Score 0–1: share of expected bars held, less its faults."""

    model_config = ConfigDict(frozen=True)

    symbol: str
    timeframe: str
    bars: int
    first: datetime | None
    last: datetime | None
    expected: int
    missing: int
    gaps: tuple[Gap, ...] = Field(default=(), description="the largest, at most 20")
    gap_count: int = 0
    duplicates: int = 0
    impossible: int = 0
    frozen: int = 0
    spikes: int = 0
    has_spread: bool = False
    has_volume: bool = False
    score: float = Field(ge=0, le=1)
    coverage: tuple[tuple[str, float], ...] = Field(
        default=(), description="(ISO date, share of expected bars held) for each trading day"
    )
    notes: tuple[str, ...] = ()


class Artifact(BaseModel):
    """One kept file of a run. `path` is relative to the archive, with / between parts."""

    model_config = ConfigDict(frozen=True)

    path: str
    sha256: str
    size: int
    media_type: str
    run_id: str
    role: str = Field(description="equity, sample, trades_csv, report_json, trades, signals …")
    meta: dict[str, Any] = Field(default_factory=dict)


class BacktestReport(BaseModel):
    """The whole result of a backtest as users script against it (contract section 2)."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    flow_type: str = "backtest_flow"
    flow_status: str
    start_time: datetime
    end_time: datetime
    execution_time_minutes: float
    tasks_completed: tuple[TaskRecord, ...]
    results_summary: dict[str, Any]
    artifacts: dict[str, Any]
    request: dict[str, Any]
    setup_id: str
    rule_version: str
    symbol: str
    timeframe: str
    period_start: date
    period_end: date
    source: str = Field(description="where the bars came from; SYNTHETIC for the sample")
    synthetic: bool = False
    data_quality: float | None = None
    currency: str = ""
    point: float = 0.0
    lots: float = 0.0
    risk: float | None = Field(default=None, description="money at risk per trade, if sized so")
    costs: dict[str, Any] = Field(default_factory=dict)
    metrics: Metrics | None = None
    qa: QaCard | None = Field(default=None, description="None where nothing was traded")
    robustness: Robustness | None = None
    standing: Standing | None = Field(default=None, description="among all tries of its idea")
    analysis: Analysis | None = Field(
        default=None, description="the analyst's, where it was asked for and answered"
    )
    missed: dict[str, int] = Field(default_factory=dict, description="reason -> unfilled plans")
    funnel: tuple[FunnelStep, ...] = ()
    warnings: tuple[str, ...] = ()
    provenance: dict[str, Any] = Field(default_factory=dict)


class DeliveryKind(StrEnum):
    """What a delivery asks the front end to do; the front end writes the words."""

    PROGRESS = "progress"  # one message per key, edited in place; only the newest matters
    REPORT = "report"  # headline with buttons
    PHOTO = "photo"
    ALBUM = "album"
    DOCUMENT = "document"
    NOTICE = "notice"  # one kind line, e.g. an error with its reference
    ALERT = "alert"  # a signal: one photo with buttons, edited as the signal lives on
    OUTCOME = "outcome"  # what became of a signal, in reply to its alert, silent
    DIGEST = "digest"  # alerts that were held back, all listed


class Delivery(BaseModel):
    """Something owed to a chat. Sent exactly once if possible, within a chat in order of `id`.

    Only an ALERT overtakes, and its edits stand back (`storage.ports.Outbox`). `dedupe_key` is
    unique for ever: putting the same key twice owes it once. A PROGRESS or ALERT put replaces
    the payload of its key and is owed again. Files are named by archive path.
    """

    model_config = ConfigDict(frozen=True)

    id: int = 0
    chat_id: int
    kind: DeliveryKind
    payload: dict[str, Any]
    dedupe_key: str
    created_at: datetime
    attempts: int = 0
    message_ids: tuple[int, ...] = Field(
        default=(), description="sent messages (edited by the next)"
    )


class Holding(BaseModel):
    """What is held of one symbol and timeframe."""

    model_config = ConfigDict(frozen=True)

    symbol: str
    timeframe: str
    bars: int
    first: datetime
    last: datetime
    sources: tuple[str, ...]
    synthetic: bool = False
    score: float | None = None
