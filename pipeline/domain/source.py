"""What is known of sources of past bars, and of each load from one."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.market import Timeframe


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PriceSide(StrEnum):
    """Which price a source's bars are made of."""

    BID = "bid"
    ASK = "ask"
    MID = "mid"
    TRADES = "trades"


class VolumeKind(StrEnum):
    """What a source's volume counts."""

    TICKS = "ticks"  # changes of the price
    LOTS = "lots"  # liquidity offered, in the source's own lots
    UNITS = "units"  # shares, contracts or coins traded
    NONE = "none"


class SourceCard(_Frozen):
    """What a source gives, in words for people where no type says it."""

    name: str = Field(description="the word in settings and commands, like dukascopy")
    title: str
    timeframes: tuple[Timeframe, ...] = Field(description="what it gives as such, shortest first")
    side: PriceSide
    volume: VolumeKind
    clock: str = Field(description="zone of the source's own days: IANA, or UTC")
    needs_key: bool = False
    lacks: str = Field(default="", description="settings without which it can't be asked")
    reach: str = Field(default="", description="how far back it goes, like `M1: 7 days`")
    bars_a_second: float = Field(gt=0, description="measured, for saying how long a load takes")
    note: str = Field(default="", description="what else a trader must know of these bars")


class SourceSymbol(_Frozen):
    """How a source calls one of our symbols.

    `scale`: its prices times this are ours. `first`: it has nothing before. `note`: how its market
    differs from ours, like "the cash index, 09:00–17:30".
    """

    symbol: str = Field(description="ours, like GER40")
    name: str = Field(description="the source's, like DEUIDXEUR")
    scale: float = Field(default=1.0, gt=0)
    first: date | None = None
    note: str = ""


@dataclass(frozen=True)
class Page:
    """One answer of a source.

    `bars` is a bar frame in our prices, closed bars only. Everything that the source has with
    open_time < `covered_until` (and from the asked start on) is in it: empty bars with a later
    `covered_until` mean that there is nothing, like at a weekend. One that is the asked start says
    that nothing from there on is final yet.
    """

    bars: pd.DataFrame
    covered_until: datetime
    notes: tuple[str, ...] = ()


class InstrumentFacts(_Frozen):
    """What a source says of a symbol: a company, an index, a pair. Absent words are empty."""

    source: str
    symbol: str
    name: str
    title: str = ""
    kind: str = ""
    currency: str = ""
    market: str = ""
    zone: str = ""
    sector: str = ""
    country: str = ""
    figures: dict[str, float] = Field(default_factory=dict, description="like shares, market_cap")
    splits: tuple[tuple[date, float], ...] = ()
    active: bool = True
    renamed_to: str = ""


@dataclass(frozen=True)
class KeptFacts:
    """What a source said of a symbol, and when (UTC)."""

    facts: InstrumentFacts
    at: datetime


class LoadStatus(StrEnum):
    """How a load ended."""

    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"


class LoadRun(_Frozen):
    """A row of `load_runs`: what was asked of a source, what came, when.

    [asked_start, covered_until) was answered in full. `closed` says that all of it was over when
    asked, so it is never asked again.
    """

    load_id: int = 0
    run_id: str = ""
    source: str
    symbol: str
    source_symbol: str
    timeframe: Timeframe
    asked_start: datetime
    asked_end: datetime
    covered_until: datetime | None = None
    first: datetime | None = None
    last: datetime | None = None
    bars: int = 0
    added: int = 0
    withheld: int = 0
    pages: int = 0
    status: LoadStatus
    error: str = ""
    at: datetime
    seconds: float = 0.0


class WithheldKind(StrEnum):
    """Why a bar waits in quarantine instead of being kept."""

    REVISED = "revised"  # a bar that is held came again with other prices
    SPIKE = "spike"
    IMPOSSIBLE = "impossible"
    OUT_OF_HOURS = "out_of_hours"


class WithheldBar(_Frozen):
    """A bar in quarantine. `held` are the prices that stay in the store, if the bar is there.

    Prices are (open, high, low, close). `state`: open until an owner accepts or discards it.
    """

    symbol: str
    timeframe: Timeframe
    open_time: datetime
    source: str
    kind: WithheldKind
    prices: tuple[float, float, float, float]
    volume: float = 0.0
    held: tuple[float, float, float, float] | None = None
    reason: str
    at: datetime
    state: str = Field(default="open", pattern="^(open|accepted|discarded)$")
