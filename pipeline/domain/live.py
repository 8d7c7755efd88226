"""What live scanning says: signals as they were admitted, how each was decided, what became of it.

Times of bars are the market's; times of steps (`Receipt`, `at`) are this machine's clock. In a
replay the two are years apart.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.label import HUMAN, signal_key
from pipeline.domain.market import Timeframe
from pipeline.domain.signal import Signal
from pipeline.domain.trade import Missed, Plan, Trade

TICK = "journal"
"""Where `LiveSignal.extra` keeps what a person ticked in the journal: {"taken", "note"}."""
LIVE = "live"
"""The origin of what comes from the market; a replay's origin is its run id."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class DecisionKind(StrEnum):
    """What is done with a signal (contract section 6)."""

    APPROVED = "approved"
    REVIEW_REQUIRED = "review_required"
    REJECTED = "rejected"
    SUPPRESSED = "suppressed"
    LATE = "late"

    @property
    def alerts(self) -> bool:
        """Whether chats hear of it."""
        return self in (DecisionKind.APPROVED, DecisionKind.REVIEW_REQUIRED)


class ConfidenceBreakdown(_Frozen):
    """What each source thinks, 0–1; None: it has no say."""

    rules: float
    ml: float | None = None
    llm: float | None = None


class Decision(_Frozen):
    """The decision on one signal and what it rests on."""

    decision: DecisionKind
    reasons: tuple[str, ...] = ()
    confidence_breakdown: ConfidenceBreakdown
    dominant_source: Literal["rules", "ml", "llm", "cooldown", "clock"] = "rules"


class Gate(_Frozen):
    """What a signal must pass to be approved; between `review_from` and it a person decides."""

    min_confidence: float = Field(default=0.7, ge=0, le=1)
    min_ml_score: float = Field(default=0.6, ge=0, le=1)
    review_from: float = Field(default=0.5, ge=0, le=1)


class Receipt(_Frozen):
    """When each step of a signal's way was done, by this machine's clock (UTC).

    `closed_at` is when the bar closed; for a replay, when it did so on the replay's clock. The
    last step, acceptance by Telegram, differs by chat: see `AlertSent`.
    """

    closed_at: datetime
    data_at: datetime
    detected_at: datetime
    decided_at: datetime
    drawn_at: datetime | None = None


class LifeState(StrEnum):
    """How far a signal's order has come, filled or not, whether or not anybody took it."""

    WAITING = "waiting"
    OPEN = "open"
    CLOSED = "closed"
    EXPIRED = "expired"
    VOID = "void"
    REFUSED = "refused"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self not in (LifeState.WAITING, LifeState.OPEN)


class Life(_Frozen):
    """What later bars made of a plan, by the backtest's own fills.

    `as_of` is the close of the last bar looked at. An open position shows its entry, and whether
    its first target was hit; a closed one is a `Trade`; one that never was, a `Missed`.
    """

    state: LifeState = LifeState.WAITING
    as_of: datetime | None = None
    entry_time: datetime | None = None
    entry_price: float | None = None
    first_target_at: datetime | None = None
    trade: Trade | None = None
    missed: Missed | None = None


class Answer(_Frozen):
    """What a person decided on a ticket; the first answer counts."""

    choice: Literal["approved", "rejected"]
    user_id: int
    name: str
    at: datetime
    comment: str = ""


class Paper(_Frozen):
    """The trade on paper that an approval makes: filled from the approval on, then followed."""

    plan: Plan
    life: Life = Life()


class Similar(_Frozen):
    """How past cases like a signal ended, all of them resolved before it was known.

    `rate` is the share that reached the target, `se` its standard error; None without cases.
    """

    cases: int
    reached: int = 0
    rate: float | None = None
    se: float | None = None
    mean_r: float | None = None
    alike: str = Field(default="", description="in words: what they have in common")


class LiveSignal(_Frozen):
    """One signal with all that is known of it: a row of `signals`.

    `signal_id` is `sig_live_NNN`, given at admission ("" before). `signal.signal_id` is the id
    that a backtest gives the same signal. Of one origin, setup, symbol, timeframe, close and side
    there is one row, whoever finds it and how often.
    """

    signal_id: str = ""
    origin: str = LIVE
    run_id: str = Field(description="of the scan, or of the replay")
    signal: Signal
    plan: Plan
    ticket: str = Field(description="hash of the terms as shown; buttons carry its beginning")
    decision: Decision
    ml_score: float | None = Field(default=None, description="the champion's, as decided with")
    scores: dict[str, float] = Field(
        default_factory=dict, description="model version -> score: champion and challenger"
    )
    contributions: dict[str, float] = Field(
        default_factory=dict, description="feature -> log-odds it added to the champion's score"
    )
    model: str = Field(default="", description="the version asked for it; empty: none was")
    model_note: str = Field(
        default="", description="why there is no score, where a model is deployed; in words"
    )
    features: dict[str, float | None] | None = Field(
        default=None, description="the vector at its close; None: it could not be worked out"
    )
    feature_version: str | None = None
    similar: Similar | None = None
    receipt: Receipt
    chart: str = Field(default="", description="archive path; empty: none was drawn")
    life: Life = Life()
    answer: Answer | None = None
    paper: Paper | None = None
    extra: dict[str, Any] = Field(default_factory=dict, description="link of the journal, text …")

    @property
    def key(self) -> str:
        """The natural key, also the owner of its cooldown."""
        return f"{self.origin}|{signal_key(self.signal)}"

    @property
    def human(self) -> Literal["taken", "skipped", ""]:
        """What people did about it: the journal's tick, else the chat's answer; "": neither.

        A page is made with the answer ticked, so a tick that differs is the later word.
        """
        ticked = self.extra.get(TICK)
        said = ticked.get("taken") if isinstance(ticked, dict) else None
        return HUMAN.get(str(said or (self.answer.choice if self.answer else "")), "")


class AlertFor(_Frozen):
    """One chat that is owed an alert: at once, or later in a digest that lists it.

    `held`: why it waits: quiet hours, too many signals this hour, too many messages this minute.
    """

    chat_id: int
    silent: bool = False
    held: Literal["", "quiet", "hour", "minute"] = ""
    due_at: datetime | None = Field(default=None, description="when the digest is due")


class AlertSent(_Frozen):
    """An alert as it stands in a chat."""

    signal_id: str
    chat_id: int
    message_id: int
    accepted_at: datetime


class Held(_Frozen):
    """An alert that waits for its chat's digest."""

    id: int
    chat_id: int
    signal_id: str
    held: str
    due_at: datetime


class Evaluation(_Frozen):
    """What one setup said of one symbol and timeframe at a bar's close, in short.

    `step` is the last step that a case of the day has passed ("" before the first), `reason` why
    none went further ("" where the next step is simply awaited), `signals` how many were known at
    this close.
    """

    symbol: str
    setup_id: str
    tf: Timeframe
    close: datetime
    step: str
    reason: str = ""
    signals: int = 0


class ScanResult(_Frozen):
    """One signal of a scan, as users script against it (contract section 3)."""

    signal_id: str
    symbol: str
    setup: str
    tf: Timeframe
    decision: DecisionKind
    confidence: float
    ml_score: float | None = None
    reason: str = ""
    telegram_sent: bool = False
    telegram_delivery_time_sec: float | None = None


Trigger = Literal["scheduled_1min", "manual", "catch_up", "replay"]


class LiveRequest(_Frozen):
    """What one scan is asked for (contract section 3). Empty tuples mean all that is watched."""

    mode: Literal["live"] = "live"
    trigger: Trigger = "scheduled_1min"
    trigger_timestamp: datetime = Field(description="the close that is scanned, market time")
    symbols: tuple[str, ...] = ()
    timeframes: tuple[Timeframe, ...] = ()
    active_setup_ids: tuple[str, ...] = ()


class LiveScanReport(_Frozen):
    """The whole of one scan (contract section 3)."""

    run_id: str
    flow_type: str = "live_scan_flow"
    origin: str = LIVE
    trigger: Trigger = "scheduled_1min"
    trigger_time: datetime
    execution_time_sec: float
    symbols_scanned: tuple[str, ...] = ()
    signals_found: int = 0
    signals_approved: int = 0
    notifications_sent: int = 0
    results: tuple[ScanResult, ...] = ()
    failed: dict[str, str] = Field(default_factory=dict, description="symbol -> kind line")
    paused: str = Field(default="", description="why session setups rest; empty: they don't")
    steps: dict[str, float] = Field(default_factory=dict, description="step -> seconds")


class Pulse(_Frozen):
    """What a process last said of itself."""

    name: str = Field(description="bot, scanner, worker …, with the host and process behind @")
    at: datetime
    facts: dict[str, Any] = Field(default_factory=dict)
