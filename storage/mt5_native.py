"""NativeTerminal: MetaTrader on this Windows machine, by the vendor's own package."""

import importlib
import platform
from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from storage.mt5_terminal import (
    RATES,
    AccountFacts,
    Deal,
    OrderAnswer,
    OrderRequest,
    Position,
    SymbolFacts,
    SymbolName,
    TerminalFacts,
    TerminalLostError,
    TerminalRefusedError,
    Tick,
    WorkingOrder,
)

_OK = 1
_IPC = -10_000
"""Errors at or below it: the package and the terminal have lost each other."""
_T = TypeVar("_T")

NOT_HERE = (
    "FEED=mt5 needs Windows with MetaTrader 5 and the package MetaTrader5. Elsewhere set "
    "FEED=bridge and start the bridge beside the terminal: see docs/metatrader.md."
)


class NativeTerminal:
    """See `storage.mt5_terminal.Terminal`.

    Parameters
    ----------
    path
        terminal64.exe; empty: the one that runs, or the one installed. Log in there yourself.
    vendor
        The package; None imports it when first needed.

    Notes
    -----
    There is one connection per process, and `last_error` belongs to the call before it: one lock
    is held around both. A lost terminal is connected to anew by the next call.
    """

    def __init__(self, path: str = "", vendor: Any = None) -> None:
        self._path, self._vendor = path, vendor
        self._lock = Lock()
        self._connected = False

    def symbols(self) -> tuple[SymbolName, ...]:
        """Return all symbols of the broker."""
        found = self._ask("symbols_get")
        return tuple(SymbolName(str(s.name), bool(s.visible)) for s in found)

    def symbol_select(self, symbol: str) -> None:
        """Put a symbol into the Market Watch."""
        self._ask("symbol_select", symbol, True)  # noqa: FBT003 (the vendor's signature)

    def symbol_info(self, symbol: str) -> SymbolFacts:
        """Return what is known of a symbol."""
        return _record(SymbolFacts, self._ask("symbol_info", symbol), tick_size="trade_tick_size")

    def symbol_info_tick(self, symbol: str) -> Tick | None:
        """Return the newest tick; None: none has come yet."""
        tick = _record(Tick, self._ask("symbol_info_tick", symbol))
        return tick if tick.time_msc > 0 else None

    def copy_rates_from_pos(
        self, symbol: str, timeframe: int, start: int, count: int
    ) -> np.ndarray:
        """Return bars by position, oldest first."""
        return _rates(self._ask("copy_rates_from_pos", symbol, timeframe, start, count))

    def order_check(self, request: OrderRequest) -> OrderAnswer:
        """Ask whether an order would be taken."""
        return _answer(self._ask("order_check", _wire(request)))

    def order_send(self, request: OrderRequest) -> OrderAnswer:
        """Send an order."""
        return _answer(self._ask("order_send", _wire(request), may_act=True))

    def positions_get(self, magic: int) -> tuple[Position, ...]:
        """Return the open positions with this magic number."""
        return _with_magic(Position, self._ask("positions_get"), magic)

    def orders_get(self, magic: int) -> tuple[WorkingOrder, ...]:
        """Return the working orders with this magic number."""
        return _with_magic(WorkingOrder, self._ask("orders_get"), magic)

    def history_orders_get(self, first: int, last: int, magic: int) -> tuple[WorkingOrder, ...]:
        """Return the past orders with this magic number."""
        return _with_magic(WorkingOrder, self._ask("history_orders_get", first, last), magic)

    def history_deals_get(self, first: int, last: int, magic: int) -> tuple[Deal, ...]:
        """Return the deals with this magic number."""
        return _with_magic(Deal, self._ask("history_deals_get", first, last), magic)

    def position_deals(self, position: int) -> tuple[Deal, ...]:
        """Return all deals of one position."""
        found = self._ask("history_deals_get", position=position)
        return tuple(_record(Deal, each) for each in found)

    def terminal_info(self) -> TerminalFacts:
        """Return the terminal's state."""
        return _record(TerminalFacts, self._ask("terminal_info"))

    def account_info(self) -> AccountFacts:
        """Return the account that is logged in."""
        return _record(AccountFacts, self._ask("account_info"))

    def close(self) -> None:
        """Let go of the terminal."""
        with self._lock:
            if self._connected:
                self._vendor.shutdown()
            self._connected = False

    def _ask(self, call: str, *args: Any, may_act: bool = False, **named: Any) -> Any:
        """Call and read `last_error` under one lock; no answer is an error, never "nothing"."""
        with self._lock:
            vendor = self._connect()
            try:
                answer = getattr(vendor, call)(*args, **named)
                failed = answer is None or answer is False
                code, text = vendor.last_error() if failed else (_OK, "")
            except Exception as error:
                self._let_go()
                raise TerminalLostError(f"{call}: {error}", maybe_done=may_act) from error
            if code <= _IPC:
                self._let_go()
                raise TerminalLostError(f"{call}: {text} ({code})", maybe_done=may_act)
        if failed:
            raise TerminalRefusedError(call, int(code), str(text))
        return answer

    def _connect(self) -> Any:
        vendor = self._vendor = self._vendor or _import_vendor()
        if not self._connected:
            opened = vendor.initialize(self._path) if self._path else vendor.initialize()
            if not opened:
                code, text = vendor.last_error()
                raise TerminalLostError(
                    f"MetaTrader doesn't answer: {text} ({code}). Start it and log in.",
                    maybe_done=False,
                )
            self._connected = True
        return vendor

    def _let_go(self) -> None:
        self._connected = False
        self._vendor.shutdown()


def _import_vendor() -> Any:
    if platform.system() != "Windows":
        raise TerminalLostError(NOT_HERE, maybe_done=False)
    try:
        return importlib.import_module("MetaTrader5")
    except ImportError as error:
        raise TerminalLostError(NOT_HERE, maybe_done=False) from error


def _record(kind: Callable[..., _T], found: Any, **renamed: str) -> _T:
    """Take of a vendor's tuple the fields that we know, under our names."""
    names = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: getattr(found, renamed.get(name, name)) for name in names})


def _with_magic(kind: Callable[..., _T], found: Iterable[Any], magic: int) -> tuple[_T, ...]:
    return tuple(_record(kind, each) for each in found if each.magic == magic)


def _answer(found: Any) -> OrderAnswer:
    """Read an answer; that of a check has no order, price, bid or ask."""
    read: dict[str, Any] = {f.name: getattr(found, f.name, 0) for f in fields(OrderAnswer)}
    return OrderAnswer(**read)


def _rates(found: Any) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(found).astype(RATES, copy=False))


def _wire(request: OrderRequest) -> dict[str, Any]:
    """Return the request as the vendor wants it: without the fields that don't apply."""
    words = asdict(request)
    return {k: v for k, v in words.items() if v or k not in ("sl", "tp", "price", "expiration")}
