"""From a signal to money: plans (the orders), trades (what became of them), fill rules."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.market import Side, Swap


class EntryType(StrEnum):
    """How a plan enters: at the next open, or resting at a price."""

    MARKET = "market"
    LIMIT = "limit"


class FillMode(StrEnum):
    """What happens when stop and target lie in one bar.

    drilldown: M1 bars decide where held, else stop first. pessimistic: stop first.
    optimistic: target first (a bound, never a result). adaptive: the extreme nearer the open
    comes first.
    """

    DRILLDOWN = "drilldown"
    PESSIMISTIC = "pessimistic"
    OPTIMISTIC = "optimistic"
    ADAPTIVE = "adaptive"


class ExitReason(StrEnum):
    """Why a trade or an order ended."""

    TP = "TP"
    SL = "SL"
    BE = "BE"
    TIME = "TIME"
    SESSION_END = "SESSION_END"
    EXPIRED = "EXPIRED"
    VOID = "VOID"


class Target(BaseModel):
    """A take-profit price and the share of the position it closes."""

    model_config = ConfigDict(frozen=True)

    price: float
    share: float = Field(gt=0, le=1)


class Plan(BaseModel):
    """The orders of one signal, in prices and UTC times. All prices are bid-chart prices.

    A long's `entry_price` (limit) is an ask price at which it buys; stop and targets trigger on
    the bid for a long and on the ask for a short. Voids are judged on closed (bid) bars between
    signal and fill and cancel the order from the next bar on; None: no such rule.
    """

    model_config = ConfigDict(frozen=True)

    signal_id: str
    side: Side
    known_at: datetime = Field(description="fills from the first bar with open_time >= this")
    entry_type: EntryType
    entry_price: float = Field(description="limit price; for market the expected fill")
    sl_price: float
    targets: tuple[Target, ...] = Field(min_length=1, max_length=2)
    expires_at: datetime | None = Field(default=None, description="unfilled order dies here")
    flat_at: datetime | None = Field(default=None, description="position closed at this open")
    max_hold_until: datetime | None = Field(default=None, description="time exit")
    break_even_after_first: bool = False
    void_touch_below: float | None = None
    void_touch_above: float | None = None
    void_close_below: float | None = None
    void_close_above: float | None = None


class CostModel(BaseModel):
    """Costs of one run. `spread_points` None: the bar's own, else the instrument's by hour.

    `commission` is money per lot and side; `swap` None: nights cost nothing.
    """

    model_config = ConfigDict(frozen=True)

    spread_points: float | None = Field(default=None, ge=0)
    slippage_points: float = Field(ge=0)
    commission: float = Field(ge=0, default=0.0)
    swap: Swap | None = None


class Trade(BaseModel):
    """One plan's outcome. Prices are fills; points and R are net of all costs.

    `rr` is net profit over the risk at the fill, |entry − stop|. `mae` and `mfe` are R, ≤ 0 and
    ≥ 0, on the side the trade leaves at. Unfilled plans (EXPIRED, VOID) are not trades: they
    come as `Missed`.
    """

    model_config = ConfigDict(frozen=True)

    trade_id: str
    signal_id: str
    side: Side
    entry_time: datetime
    entry_price: float
    exit_time: datetime
    exit_price: float = Field(description="share-weighted over partial exits")
    exit_reason: ExitReason
    sl_price: float
    tp_price: float
    lots: float
    pnl_points: float
    pnl: float = Field(description="account currency, net")
    rr: float
    mae: float
    mfe: float
    cost: float = Field(
        description="money paid in spread, slippage, commission and swap; pnl + cost is what the "
        "bid moved between the fills. A swap received makes it smaller, at times negative"
    )
    swap: float = Field(default=0.0, description="money received for nights; negative: paid")
    nights: float = Field(
        default=0.0, description="nights charged, the triple day's as 3, weighted by what was open"
    )
    ambiguous: bool = Field(description="stop and target lay in one bar of the trigger timeframe")
    rr_worst: float
    rr_best: float


class Missed(BaseModel):
    """A plan that never became a trade, and why."""

    model_config = ConfigDict(frozen=True)

    signal_id: str
    reason: ExitReason | str
    at: datetime | None = None
    note: str = ""
