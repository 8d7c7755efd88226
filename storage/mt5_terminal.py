"""MetaTrader's terminal as we use it: the calls, their plain results, what can go wrong.

Nothing here needs more than numpy, so that the bridge can run beside the terminal alone. Times
are the broker's wall clock as epoch seconds, volumes are lots. The calls block; callers keep them
off the event loop (`storage.mt5_thread`).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

M1, H1 = 1, 16385
"""MetaTrader's numbers for the timeframes we read."""

RATES = np.dtype(
    [
        ("time", "<i8"),
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("tick_volume", "<u8"),
        ("spread", "<i4"),
        ("real_volume", "<u8"),
    ]
)
"""One bar. `spread` is in units of the symbol's last digit."""


BAD_PARAMETERS, NOT_ALLOWED = -2, -7
"""Codes of `last_error`: arguments that make no sense, and what isn't permitted."""


class TerminalRefusedError(Exception):
    """The terminal answered, and the answer is no: `code` and `text` are its `last_error`."""

    def __init__(self, call: str, code: int, text: str) -> None:
        super().__init__(f"{call}: {text} ({code})")
        self.call, self.code, self.text = call, code, text


class TerminalLostError(Exception):
    """The terminal didn't answer. `maybe_done`: the call may have been carried out even so."""

    def __init__(self, text: str, *, maybe_done: bool) -> None:
        super().__init__(text)
        self.text, self.maybe_done = text, maybe_done


@dataclass(frozen=True, slots=True)
class SymbolName:
    """A symbol that the broker has; `visible`: in the Market Watch."""

    name: str
    visible: bool


@dataclass(frozen=True, slots=True)
class SymbolFacts:
    """What an order needs to know of a symbol. `point` is one unit of the last digit.

    `filling_mode` and `expiration_mode` are MetaTrader's bits, `trade_exemode` its number.
    """

    name: str
    digits: int
    point: float
    tick_size: float
    volume_min: float
    volume_max: float
    volume_step: float
    filling_mode: int
    expiration_mode: int
    trade_exemode: int


@dataclass(frozen=True, slots=True)
class Tick:
    """The newest prices; `time_msc` is the broker's wall clock in milliseconds."""

    time_msc: int
    bid: float
    ask: float


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """MetaTrader's trade request, of its fields those that we use."""

    action: int
    symbol: str
    volume: float
    type: int
    price: float
    sl: float
    tp: float
    deviation: int
    type_filling: int
    type_time: int
    expiration: int
    magic: int
    comment: str


@dataclass(frozen=True, slots=True)
class OrderAnswer:
    """What `order_check` or `order_send` says: 0 or 10009 … in `retcode`."""

    retcode: int
    order: int
    volume: float
    price: float
    bid: float
    ask: float
    comment: str


@dataclass(frozen=True, slots=True)
class Position:
    """An open position."""

    ticket: int
    symbol: str
    magic: int
    comment: str
    volume: float
    price_open: float


@dataclass(frozen=True, slots=True)
class WorkingOrder:
    """An order at the broker, or one of the past: `state` is MetaTrader's number."""

    ticket: int
    symbol: str
    magic: int
    comment: str
    state: int
    volume_initial: float
    volume_current: float
    price_open: float


@dataclass(frozen=True, slots=True)
class Deal:
    """One execution; `entry`: 0 opens a position, 1 closes, 2 turns it, 3 closes by another."""

    ticket: int
    order: int
    position_id: int
    symbol: str
    magic: int
    comment: str
    entry: int
    volume: float
    price: float


@dataclass(frozen=True, slots=True)
class TerminalFacts:
    """`connected`: to the broker's server. `trade_allowed`: the Algo Trading button."""

    connected: bool
    trade_allowed: bool
    build: int


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """The account that is logged in; `trade_allowed` and `trade_expert` permit orders at all."""

    login: int
    server: str
    currency: str
    trade_allowed: bool
    trade_expert: bool


class Terminal(Protocol):
    """The calls we use. Each raises TerminalRefusedError or TerminalLostError."""

    def symbols(self) -> tuple[SymbolName, ...]:
        """Return all symbols of the broker."""
        ...

    def symbol_select(self, symbol: str) -> None:
        """Put a symbol into the Market Watch; without that there are no bars and no ticks."""
        ...

    def symbol_info(self, symbol: str) -> SymbolFacts:
        """Return what is known of a symbol."""
        ...

    def symbol_info_tick(self, symbol: str) -> Tick | None:
        """Return the newest tick; None: none has come yet."""
        ...

    def copy_rates_from_pos(
        self, symbol: str, timeframe: int, start: int, count: int
    ) -> np.ndarray:
        """Return bars (RATES), oldest first; position 0 is the bar that forms."""
        ...

    def order_check(self, request: OrderRequest) -> OrderAnswer:
        """Ask whether an order would be taken; nothing is sent."""
        ...

    def order_send(self, request: OrderRequest) -> OrderAnswer:
        """Send an order. When it raises TerminalLostError, nobody knows."""
        ...

    def positions_get(self, magic: int) -> tuple[Position, ...]:
        """Return the open positions with this magic number."""
        ...

    def orders_get(self, magic: int) -> tuple[WorkingOrder, ...]:
        """Return the working orders with this magic number."""
        ...

    def history_orders_get(self, first: int, last: int, magic: int) -> tuple[WorkingOrder, ...]:
        """Return the past orders with this magic number and first <= time <= last."""
        ...

    def history_deals_get(self, first: int, last: int, magic: int) -> tuple[Deal, ...]:
        """Return the deals with this magic number and first <= time <= last."""
        ...

    def position_deals(self, position: int) -> tuple[Deal, ...]:
        """Return all deals of one position, whatever their magic number."""
        ...

    def terminal_info(self) -> TerminalFacts:
        """Return the terminal's state."""
        ...

    def account_info(self) -> AccountFacts:
        """Return the account that is logged in."""
        ...

    def close(self) -> None:
        """Let go of the terminal."""
        ...
