"""The parity certificate: what a day's comparison of live with the backtest is told as."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.live import LIVE
from pipeline.domain.market import Side, Timeframe
from pipeline.domain.request import TaskRecord
from pipeline.domain.signal import Signal
from pipeline.domain.trade import Plan
from pipeline.live.feature_parity import VectorsCompared


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cause(StrEnum):
    """Why live said something else than the backtest."""

    RULES_CHANGED = "rules changed"
    FEED_GAP = "feed gap"
    REVISED_BAR = "revised bar"
    LATE_BAR = "late bar"
    PAUSED = "paused"
    SCAN_MISSED = "scan missed"
    NO_HISTORY = "history missing"
    UNEXPLAINED = "unexplained"


class Compared(_Frozen):
    """One signal that live or the backtest knows, and who agrees with live about it.

    Agreeing is being silent both, or saying the same to nine digits: bar, side, order, prices,
    confidence and every step of the trace.

    Parameters
    ----------
    signal_id
        Live's; empty: live said nothing.
    late
        Live found it too late to tell.
    on_seen, on_held
        Whether the backtest agrees, over the bars as they were seen live and over the bars as
        they are held now; None: none are held.
    field, live, backtest
        The first thing that differs, and what each says.
    healed
        What, put right in the bars as seen, alone makes the backtest say what it says on the
        held ones.
    late_bars
        Open times of bars without which live's answer comes out: it was asked before they came.
    cut_short
        Less is held before the day than the setup looks back on: the backtest may lack what live
        had.
    shown
        What there is to draw of one that is not identical: the backtest's, else live's.
    """

    setup_id: str
    symbol: str
    tf: Timeframe
    side: Side
    known_at: datetime
    signal_id: str = ""
    late: bool = False
    versions: tuple[str, str] = Field(default=("", ""), description="live's, and that replayed")
    on_seen: bool = True
    on_held: bool | None = None
    field: str = ""
    live: str = ""
    backtest: str = ""
    healed: tuple[Cause, ...] = ()
    late_bars: tuple[datetime, ...] = ()
    cut_short: bool = False
    shown: tuple[Signal, Plan] | None = None

    @property
    def identical(self) -> bool:
        """Whether live said in time what the backtest says on either bars."""
        return self.on_seen and self.on_held is not False and not self.late

    @property
    def said(self) -> bool:
        """Whether live said it."""
        return bool(self.signal_id)


class BarsCompared(_Frozen):
    """How the bars of one symbol as seen differ from those held now."""

    symbol: str
    seen: int
    held: int | None = Field(description="None: there is nothing to compare with")
    missing: tuple[datetime, ...] = Field(description="held, never seen: open times")
    gone: tuple[datetime, ...] = Field(description="seen, not held any more")
    revised: tuple[datetime, ...] = Field(description="held otherwise than seen")


class SymbolCompared(_Frozen):
    """The whole comparison of one symbol."""

    bars: BarsCompared
    signals: tuple[Compared, ...]
    notes: tuple[str, ...] = ()
    features: VectorsCompared = VectorsCompared()


class Facts(_Frozen):
    """What the trail says of the close of one signal.

    Parameters
    ----------
    watched
        Whether the setup was watched on that timeframe at that time; None: nobody can tell.
    asked
        Whether it was asked at that close.
    paused
        Whether it rested because the feed's clock was in doubt.
    scanned
        Whether a scan at that very minute went through the symbol.
    failed
        What that scan said of the symbol instead.
    changed
        Whether the setup's rules changed during the day.
    """

    watched: bool | None = True
    asked: bool = True
    paused: bool = False
    scanned: bool = True
    failed: str = ""
    changed: bool = False


class Line(_Frozen):
    """One difference as the card tells it."""

    setup_id: str
    symbol: str
    tf: Timeframe
    side: Side
    known_at: datetime
    signal_id: str = ""
    cause: Cause
    what: str
    because: str


class Scans(_Frozen):
    """Scans made of those that there should have been, from the first to the last of the day."""

    first: datetime | None = None
    last: datetime | None = None
    expected: int = 0
    made: int = 0
    missed: tuple[tuple[datetime, datetime], ...] = Field(
        default=(), description="first and last close of each stretch without a scan"
    )


def explained(compared: Compared, facts: Facts) -> Line | None:
    """Return the difference with its cause; None: there is none, or it wasn't watched."""
    if compared.identical or (not compared.said and facts.watched is False):
        return None
    cause, because = _cause(compared, facts)
    return Line(
        **compared.model_dump(include={"setup_id", "symbol", "tf", "side", "known_at"}),
        signal_id=compared.signal_id,
        cause=cause,
        what=_what(compared),
        because=because,
    )


def _cause(c: Compared, facts: Facts) -> tuple[Cause, str]:
    live_version, version = c.versions
    if facts.changed or (c.said and live_version != version):
        told = f"live had v{live_version}, " if c.said and live_version != version else ""
        return Cause.RULES_CHANGED, f"{told}compared with v{version}"
    if not c.on_seen:
        return _program(c, facts)
    if c.on_held is False:
        return _bars(c)
    return _lateness(facts)


def _program(c: Compared, facts: Facts) -> tuple[Cause, str]:
    """Return why live differs from a backtest over the very bars it saw."""
    if c.late_bars:
        opened = ", ".join(f"{at:%H:%M}" for at in c.late_bars)
        return Cause.LATE_BAR, f"asked before the bar of {opened} UTC had come"
    if not c.said and facts.paused:
        return Cause.PAUSED, "the feed's clock was in doubt"
    if not c.said and not facts.asked and (facts.failed or not facts.scanned):
        return Cause.SCAN_MISSED, facts.failed or "no scan at that close"
    if c.cut_short:
        return Cause.NO_HISTORY, "less is held before that day than the setup looks back on"
    asked = "asked in time" if facts.asked or c.said else "scanned, but it was not asked"
    return Cause.UNEXPLAINED, f"same bars, same rules, {asked}: please report this"


def _bars(c: Compared) -> tuple[Cause, str]:
    """Return which difference of the bars explains it."""
    words = {
        Cause.FEED_GAP: "bars are held now that live never got",
        Cause.REVISED_BAR: "bars are held otherwise than live got them",
    }
    if len(c.healed) == 1:
        return c.healed[0], words[c.healed[0]]
    if c.healed:
        return Cause.FEED_GAP, "either the missing or the revised bars alone explain it"
    return Cause.REVISED_BAR, "missing and revised bars explain it together"


def _lateness(facts: Facts) -> tuple[Cause, str]:
    if facts.scanned:
        return Cause.LATE_BAR, "its bars came too late to tell it"
    return Cause.SCAN_MISSED, facts.failed or "no scan at that close; found when scanning went on"


def _what(c: Compared) -> str:
    if not c.said:
        return "live said nothing"
    if c.on_seen and c.on_held is not False:
        return "found too late to be told"
    if not c.backtest:
        return "the backtest has no such signal"
    return f"{c.field}: live {c.live}, backtest {c.backtest}"


class ParityRequest(_Frozen):
    """Compare what live (or a replay) said with the backtest, over whole UTC days.

    Start and end None: of a replay, its own days. Symbol or setup None: all that were watched.
    """

    mode: Literal["parity"] = "parity"
    origin: str = LIVE
    start: date | None = None
    end: date | None = None
    symbol: str | None = None
    setup_id: str | None = None
    extra: dict[str, Any] = Field(default_factory=dict)


Verdict = Literal["identical", "explained", "alarm", "nothing"]


class ParityReport(BaseModel):
    """The certificate. `signals` were compared, `identical` of them are."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    flow_type: str = "parity_flow"
    flow_status: str = "completed"
    start_time: datetime
    end_time: datetime
    execution_time_minutes: float
    tasks_completed: tuple[TaskRecord, ...] = ()
    results_summary: dict[str, Any] = Field(default_factory=dict)
    artifacts: dict[str, Any] = Field(default_factory=dict)
    request: dict[str, Any]
    origin: str
    period_start: datetime
    period_end: datetime
    symbols: tuple[str, ...] = ()
    setups: tuple[str, ...] = ()
    timeframes: tuple[str, ...] = ()
    verdict: Verdict
    signals: int = 0
    identical: int = 0
    differences: tuple[Line, ...] = ()
    bars: tuple[BarsCompared, ...] = ()
    scans: Scans = Scans()
    failed: dict[str, str] = Field(default_factory=dict, description="symbol -> why not compared")
    warnings: tuple[str, ...] = ()
    features: VectorsCompared = VectorsCompared()


def verdict_of(lines: Sequence[Line], *, recorded: bool, failed: bool) -> Verdict:
    """Return the verdict: an alarm where a difference has no cause or a symbol wasn't compared."""
    if not recorded:
        return "nothing"
    if failed or any(line.cause is Cause.UNEXPLAINED for line in lines):
        return "alarm"
    return "explained" if lines else "identical"
