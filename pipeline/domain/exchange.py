"""What is asked of an exchange and what comes of it: bars collected, a model retrained."""

import re
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.model import GateVerdict
from pipeline.domain.request import TaskRecord

RETRAIN_TIMEFRAME = Timeframe.M5
"""The bars that are collected and learnt from."""
MARKET = re.compile(r"[A-Z0-9]{1,15}/[A-Z0-9]{1,10}")
LEAST_DAYS, MOST_DAYS = 7, 730


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExchangeMarket(_Frozen):
    """A spot market of an exchange, as the exchange describes it."""

    exchange: str = Field(description="the exchange's id, like binance")
    symbol: str = Field(description="like BTC/USDT")
    tick_size: float = Field(gt=0, description="smallest price step")
    amount_step: float = Field(gt=0, description="smallest step of the amount")
    taker_fee: float = Field(ge=0, lt=1, description="share of the value paid on each side")


class CollectRequest(_Frozen):
    """A validated request for the last `days` days of an exchange's bars."""

    mode: Literal["collect"] = "collect"
    symbol: str
    days: int = Field(default=30, ge=LEAST_DAYS, le=MOST_DAYS)
    extra: dict[str, Any] = Field(default_factory=dict)


class RetrainRequest(_Frozen):
    """A validated request to learn a market's direction from its last `days` days."""

    mode: Literal["retrain"] = "retrain"
    trigger: Literal["scheduled", "manual"] = "manual"
    symbol: str
    days: int = Field(default=30, ge=LEAST_DAYS, le=MOST_DAYS)
    extra: dict[str, Any] = Field(default_factory=dict)


class Hole(_Frozen):
    """Bars that the exchange does not have, [start, end)."""

    start: datetime
    end: datetime
    missing: int


class CollectionResult(_Frozen):
    """What a collection brought. Holes are told, never filled."""

    run_id: str
    flow_type: str = "data_collection"
    flow_status: str = "completed"
    start_time: datetime
    end_time: datetime
    execution_time_minutes: float
    tasks_completed: tuple[TaskRecord, ...] = ()
    request: dict[str, Any]
    success: bool = True
    error: str = ""
    exchange: str
    symbol: str
    stored_as: str = Field(description="the name under which the bars are held")
    timeframe: str = RETRAIN_TIMEFRAME.value
    bars: int = Field(description="held of the period now")
    fetched: int = Field(description="that the store lacked")
    gaps: tuple[Hole, ...] = ()
    missing: int = Field(default=0, description="bars that should be there and are not")
    score: float = Field(description="quality, 0–1")
    results_summary: dict[str, Any] = Field(default_factory=dict)
    artifacts: dict[str, Any] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class RetrainingResult(_Frozen):
    """What a retraining gives back: whether it worked, which version, how good, in use or not.

    `success` says that the steps were done, not that the model is any good: that is what
    `activated`, `metrics` and `comparison` say. Where `success` is false, `error` says why and
    the rest is empty.
    """

    run_id: str = ""
    flow_type: str = "model_retraining"
    flow_status: str = "completed"
    start_time: datetime | None = None
    end_time: datetime | None = None
    execution_time_minutes: float = 0.0
    tasks_completed: tuple[TaskRecord, ...] = ()
    request: dict[str, Any] = Field(default_factory=dict)
    success: bool
    version: str = ""
    metrics: dict[str, float | None] = Field(default_factory=dict)
    activated: bool = False
    error: str = ""
    model_id: str = ""
    model_path: str = ""
    exchange: str = ""
    symbol: str = ""
    stored_as: str = ""
    rows: int = 0
    bars: int = 0
    gaps: tuple[Hole, ...] = ()
    comparison: GateVerdict | None = None
    worth: str = Field(default="", description="what the score is worth, in one sentence")
    results_summary: dict[str, Any] = Field(default_factory=dict)
    artifacts: dict[str, Any] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def market_named(text: str) -> str:
    """Return a market's name as exchanges write it, like BTC/USDT.

    Raises
    ------
    BadRequestError
        It is no coin, slash, currency.
    """
    name = text.strip().upper()
    if not MARKET.fullmatch(name):
        raise BadRequestError(
            f"{text!r} is no market: write it like BTC/USDT.",
            field="symbol", value=text, closest=("BTC/USDT",),
        )  # fmt: skip
    return name


def stored_symbol(exchange: str, symbol: str) -> str:
    """Return the name under which an exchange's bars are held, like BTCUSDT.BINANCE.

    The exchange is in it, as two exchanges' bars of one market differ, and a broker's BTCUSD is
    another thing again; they never mix.
    """
    return f"{symbol.replace('/', '')}.{exchange.upper()}"


def direction_model(symbol: str) -> str:
    """Return the id of a market's model, like direction_btcusdt."""
    return f"direction_{symbol.replace('/', '').lower()}"


def instrument_of(market: ExchangeMarket) -> Instrument:
    """Return a market as an instrument: one lot is one coin, a point is one tick.

    The market never closes. Its spread is taken as one tick: what is learnt from these bars
    counts the exchange's fee apart.
    """
    name = stored_symbol(market.exchange, market.symbol)
    return Instrument(
        symbol=name,
        title=f"{market.symbol} at {market.exchange}",
        point=market.tick_size,
        tick_size=market.tick_size,
        digits=_digits(market.tick_size),
        point_value=market.tick_size,
        currency=market.symbol.partition("/")[2],
        volume_step=market.amount_step,
        volume_min=market.amount_step,
        spread_points=(1.0,) * 24,
        slippage_points=0.0,
        cash_session="new_york_cash",
        calendar="crypto",
        week_open="always open",
        source=f"tick and step as {market.exchange} gives them; spread of one tick is a guess",
    )


def _digits(tick: float) -> int:
    text = f"{tick:.8f}".rstrip("0")
    return len(text.partition(".")[2])
