"""From an order to MetaTrader's trade request, or to the reason why there can't be one."""

import math
from dataclasses import dataclass
from datetime import datetime

from pipeline.data.broker_clock import to_wall
from pipeline.domain.market import Side
from pipeline.domain.order import BrokerOrder
from pipeline.domain.trade import EntryType, Plan
from storage.brokers.mt5_traces import magic_of
from storage.mt5_terminal import OrderRequest, SymbolFacts, Tick

DEVIATION = 20
"""Units of the last digit by which a market order's fill may differ from the price asked for."""
DEAL, PENDING = 1, 5
_BUY, _SELL, _BUY_LIMIT, _SELL_LIMIT = 0, 1, 2, 3
_FOK_BIT, _IOC_BIT = 1, 2
_FOK, _IOC, _RETURN = 0, 1, 2
_UNTIL_CANCELLED, _UNTIL = 0, 2
_UNTIL_CANCELLED_BIT, _UNTIL_BIT = 1, 4


class CannotOrderError(Exception):
    """The broker could not take the order as it is; `reason` says why, for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Market:
    """The symbol, its newest prices, the broker's zone (None: not known) and the time, UTC."""

    facts: SymbolFacts
    tick: Tick | None
    zone: str | None
    now: datetime


def request_of(order: BrokerOrder, market: Market) -> OrderRequest:
    """Return the request that places an order with its stop and target.

    Raises
    ------
    CannotOrderError
        Nothing has been sent, and nothing may be.
    """
    plan, facts = order.plan, market.facts
    if len(plan.targets) > 1:
        raise CannotOrderError("the plan has two targets, an order at the broker takes one")
    waits = plan.entry_type is EntryType.LIMIT
    until = _until(plan, market) if waits else 0
    return OrderRequest(
        action=PENDING if waits else DEAL,
        symbol=facts.name,
        volume=_volume(order.lots, facts),
        type=_type(plan),
        price=_tidy(plan.entry_price if waits else _market_price(plan, market), facts),
        sl=_tidy(plan.sl_price, facts),
        tp=_tidy(plan.targets[0].price, facts),
        deviation=DEVIATION,
        type_filling=_RETURN if waits else _filling(facts),
        type_time=_UNTIL if until else _UNTIL_CANCELLED,
        expiration=until,
        magic=magic_of(order.client_id),
        comment=order.client_id,
    )


def _type(plan: Plan) -> int:
    if plan.entry_type is EntryType.LIMIT:
        return _BUY_LIMIT if plan.side is Side.LONG else _SELL_LIMIT
    return _BUY if plan.side is Side.LONG else _SELL


def _market_price(plan: Plan, market: Market) -> float:
    if market.tick is None:
        raise CannotOrderError(f"the broker shows no price for {market.facts.name}")
    return market.tick.ask if plan.side is Side.LONG else market.tick.bid


def _filling(facts: SymbolFacts) -> int:
    """Choose all or nothing where the symbol allows it, as half a position fits no plan."""
    if facts.filling_mode & _FOK_BIT:
        return _FOK
    return _IOC if facts.filling_mode & _IOC_BIT else _RETURN


def _volume(lots: float, facts: SymbolFacts) -> float:
    """Round down to the broker's step."""
    steps = math.floor(lots / facts.volume_step + 1e-6)
    volume = round(steps * facts.volume_step, 8)
    if volume < facts.volume_min:
        raise CannotOrderError(
            f"{lots:g} lots are less than the broker's least for {facts.name}, "
            f"{facts.volume_min:g}"
        )
    if volume > facts.volume_max:
        raise CannotOrderError(
            f"{lots:g} lots are more than the broker takes of {facts.name}, {facts.volume_max:g}"
        )
    return volume


def _tidy(price: float, facts: SymbolFacts) -> float:
    step = facts.tick_size or facts.point
    return round(round(price / step) * step, facts.digits)


def _until(plan: Plan, market: Market) -> int:
    """Return when the order dies, on the broker's clock; 0: never by itself."""
    modes = market.facts.expiration_mode
    if plan.expires_at is None:
        if not modes & _UNTIL_CANCELLED_BIT:
            raise CannotOrderError(f"the broker wants an end for orders in {market.facts.name}")
        return 0
    if plan.expires_at <= market.now:
        raise CannotOrderError("its time is over")
    if not modes & _UNTIL_BIT:
        raise CannotOrderError(f"the broker takes no orders with an end in {market.facts.name}")
    if market.zone is None:
        raise CannotOrderError(
            "the broker's clock isn't known, so the order can't be given an end"
        )
    return to_wall(plan.expires_at.timestamp(), market.zone)
