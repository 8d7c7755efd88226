"""BridgeTerminal: a MetaTrader behind the bridge, used like one on this machine."""

import socket
import time
from collections.abc import Callable
from threading import Lock
from typing import Any, cast

import numpy as np
from rpyc.core import consts

from storage.mt5_bridge.calls import CALLS, ask, hear
from storage.mt5_bridge.wire import (
    CLOSED_CONFIG,
    MOST_ANSWERED,
    NotAdmittedError,
    PlainConnection,
    Silent,
    frames,
    introduce,
)
from storage.mt5_terminal import (
    AccountFacts,
    Deal,
    OrderAnswer,
    OrderRequest,
    Position,
    SymbolFacts,
    SymbolName,
    TerminalFacts,
    TerminalLostError,
    Tick,
    WorkingOrder,
)

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
ORDER_SECONDS = 60.0
_TRIES = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0


class BridgeTerminal:
    """See `storage.mt5_terminal.Terminal`.

    Parameters
    ----------
    host, port, token
        Where the bridge listens, and what both sides know.
    clock, pause
        Monotonic seconds, and how to wait for some.

    Notes
    -----
    A read whose connection drops is asked again on a new one; an order never is: it raises
    TerminalLostError with `maybe_done`. While the bridge can't be reached, calls fail at once and
    it is tried again after 0.2, 0.4, … 10 s.
    """

    def __init__(
        self,
        host: str,
        port: int,
        token: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._address, self._token = (host, port), token
        self._clock, self._pause = clock, pause
        self._lock = Lock()
        self._conn: Any = None
        self._wait, self._not_before, self._why = _FIRST_PAUSE, 0.0, ""

    def symbols(self) -> tuple[SymbolName, ...]:
        """Return all symbols of the broker."""
        return cast("tuple[SymbolName, ...]", self._read("symbols"))

    def symbol_select(self, symbol: str) -> None:
        """Put a symbol into the Market Watch."""
        self._read("symbol_select", symbol=symbol)

    def symbol_info(self, symbol: str) -> SymbolFacts:
        """Return what is known of a symbol."""
        return cast("SymbolFacts", self._read("symbol_info", symbol=symbol))

    def symbol_info_tick(self, symbol: str) -> Tick | None:
        """Return the newest tick; None: none has come yet."""
        return cast("Tick | None", self._read("symbol_info_tick", symbol=symbol))

    def copy_rates_from_pos(
        self, symbol: str, timeframe: int, start: int, count: int
    ) -> np.ndarray:
        """Return bars by position, oldest first."""
        found = self._read(
            "copy_rates_from_pos", symbol=symbol, timeframe=timeframe, start=start, count=count
        )
        return cast("np.ndarray", found)

    def order_check(self, request: OrderRequest) -> OrderAnswer:
        """Ask whether an order would be taken."""
        return cast("OrderAnswer", self._read("order_check", request=request))

    def order_send(self, request: OrderRequest) -> OrderAnswer:
        """Send an order, once, whatever happens."""
        with self._lock:
            return cast("OrderAnswer", self._once("order_send", {"request": request}))

    def positions_get(self, magic: int) -> tuple[Position, ...]:
        """Return the open positions with this magic number."""
        return cast("tuple[Position, ...]", self._read("positions_get", magic=magic))

    def orders_get(self, magic: int) -> tuple[WorkingOrder, ...]:
        """Return the working orders with this magic number."""
        return cast("tuple[WorkingOrder, ...]", self._read("orders_get", magic=magic))

    def history_orders_get(self, first: int, last: int, magic: int) -> tuple[WorkingOrder, ...]:
        """Return the past orders with this magic number."""
        found = self._read("history_orders_get", first=first, last=last, magic=magic)
        return cast("tuple[WorkingOrder, ...]", found)

    def history_deals_get(self, first: int, last: int, magic: int) -> tuple[Deal, ...]:
        """Return the deals with this magic number."""
        found = self._read("history_deals_get", first=first, last=last, magic=magic)
        return cast("tuple[Deal, ...]", found)

    def position_deals(self, position: int) -> tuple[Deal, ...]:
        """Return all deals of one position."""
        return cast("tuple[Deal, ...]", self._read("position_deals", position=position))

    def terminal_info(self) -> TerminalFacts:
        """Return the terminal's state."""
        return cast("TerminalFacts", self._read("terminal_info"))

    def account_info(self) -> AccountFacts:
        """Return the account that is logged in."""
        return cast("AccountFacts", self._read("account_info"))

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._hang_up()

    def _read(self, name: str, **arguments: Any) -> Any:
        """Ask, and ask again when the connection drops in the middle."""
        with self._lock:
            for attempt in range(1, _TRIES + 1):
                had = self._conn is not None
                try:
                    return self._once(name, arguments)
                except TerminalLostError as error:
                    # Refused before anything was sent: another try would be refused as well.
                    if attempt == _TRIES or not (had or error.maybe_done):
                        raise
                    self._pause(_FIRST_PAUSE * 2 ** (attempt - 1))
            raise AssertionError

    def _once(self, name: str, arguments: dict[str, Any]) -> Any:
        question = ask(name, arguments)
        conn = self._connected()
        seconds = ORDER_SECONDS if CALLS[name].acts else READ_SECONDS
        try:
            answer = conn.async_request(consts.HANDLE_CALL, question, timeout=seconds).value
            if type(answer) is not bytes:
                raise TypeError("bytes are expected")  # noqa: TRY301 (one way out for all faults)
        except Exception as error:  # rpyc raises what it likes, also names made up by the server
            self._hang_up()
            raise TerminalLostError(
                f"The bridge to MetaTrader hung up: {type(error).__name__}", maybe_done=True
            ) from error
        return self._heard(name, answer)

    def _heard(self, name: str, answer: bytes) -> Any:
        try:
            return hear(name, answer)
        except (ValueError, KeyError, TypeError) as error:
            raise TerminalLostError(
                "The bridge is of another version: bring both sides up to date.", maybe_done=True
            ) from error

    def _connected(self) -> Any:
        if self._conn is not None and not self._conn.closed:
            return self._conn
        if self._clock() < self._not_before:
            raise TerminalLostError(self._why, maybe_done=False)
        try:
            self._conn = self._dial()
        except (OSError, EOFError, NotAdmittedError) as error:
            self._why = self._words(error)
            self._not_before = self._clock() + self._wait
            self._wait = min(2 * self._wait, _LONGEST_PAUSE)
            raise TerminalLostError(self._why, maybe_done=False) from error
        self._wait, self._not_before = _FIRST_PAUSE, 0.0
        return self._conn

    def _dial(self) -> PlainConnection:
        wire = socket.create_connection(self._address, timeout=CONNECT_SECONDS)
        try:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            introduce(wire, self._token)
        except BaseException:
            wire.close()
            raise
        return PlainConnection(Silent(), frames(wire, MOST_ANSWERED), CLOSED_CONFIG)

    def _words(self, error: Exception) -> str:
        at = f"{self._address[0]}:{self._address[1]}"
        if isinstance(error, NotAdmittedError):
            return f"The bridge to MetaTrader at {at} won't do: {error}."
        return f"The bridge to MetaTrader at {at} doesn't answer: start it beside the terminal."

    def _hang_up(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.close()
