"""The bridge's server: it runs beside the terminal and answers clients that know the token."""

import logging
import socket
from contextlib import suppress
from threading import BoundedSemaphore, Lock
from typing import Any

import rpyc
from rpyc.utils.authenticators import AuthenticationError
from rpyc.utils.server import ThreadedServer

from storage.mt5_bridge import LEAST_TOKEN
from storage.mt5_bridge.calls import CALLS, BadQuestionError, say, say_no, understand
from storage.mt5_bridge.wire import (
    CLOSED_CONFIG,
    MOST_ASKED,
    NotAdmittedError,
    PlainConnection,
    admit,
    frames,
)
from storage.mt5_terminal import (
    NOT_ALLOWED,
    Terminal,
    TerminalLostError,
    TerminalRefusedError,
)

MOST_CLIENTS = 8
"""Connections at a time, those that are still proving themselves included."""
_log = logging.getLogger("mt5_bridge")


class TerminalService(rpyc.Service):  # type: ignore[misc]  # rpyc has no types
    """Answers questions from one terminal, one at a time.

    Parameters
    ----------
    orders
        False refuses `order_send`: who holds the token can look, not trade.
    """

    _protocol = PlainConnection

    def __init__(self, terminal: Terminal, *, orders: bool) -> None:
        self._calls = {name: getattr(terminal, name) for name in CALLS}
        self._orders = orders
        self._lock = Lock()

    def answer(self, question: bytes) -> bytes:
        """Return the answer to a question; whatever goes wrong is an answer too."""
        try:
            return self._carry_out(question)
        except (BadQuestionError, TerminalRefusedError, TerminalLostError) as error:
            return say_no(error)
        except Exception:  # noqa: BLE001 - a client must never learn, or suffer from, what broke in here
            _log.exception("a call failed")
            return say_no(TerminalLostError("the bridge failed", maybe_done=True))

    def _carry_out(self, question: bytes) -> bytes:
        name, arguments = understand(question)
        call = CALLS[name]
        if call.acts and not self._orders:
            raise TerminalRefusedError(name, NOT_ALLOWED, "the bridge runs without --orders")
        with self._lock:
            result = self._calls[name](**arguments)
        return say(call, result)


class BridgeServer(ThreadedServer):  # type: ignore[misc]  # rpyc has no types
    """Listens for clients at once; `start` serves them, and blocks until `close`.

    Parameters
    ----------
    token
        At least 24 characters, the same on both sides (ValueError).
    host, port
        Where to listen; port 0 takes a free one, see `port`.
    orders
        Whether orders may be sent.
    """

    def __init__(
        self, terminal: Terminal, token: str, host: str, port: int, *, orders: bool = False
    ) -> None:
        if len(token) < LEAST_TOKEN:
            raise ValueError(f"the token needs at least {LEAST_TOKEN} characters")
        self._token = token
        self._places = BoundedSemaphore(MOST_CLIENTS)
        super().__init__(
            TerminalService(terminal, orders=orders),
            hostname=host,
            port=port,
            authenticator=self._admit,
            protocol_config=dict(CLOSED_CONFIG),
            logger=_log,
        )
        self._listen()

    def drop_clients(self) -> None:
        """Cut all connections; clients come back by themselves."""
        for each in set(self.clients):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _admit(self, wire: socket.socket) -> tuple[socket.socket, None]:
        try:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            admit(wire, self._token)
        except (NotAdmittedError, EOFError, OSError) as error:
            raise AuthenticationError(str(error)) from error
        return wire, None

    def _accept_method(self, sock: socket.socket) -> None:
        if not self._places.acquire(blocking=False):
            _log.warning("more than %d connections: one refused", MOST_CLIENTS)
            self.clients.discard(sock)
            sock.close()
            return
        super()._accept_method(sock)

    def _authenticate_and_serve_client(self, sock: socket.socket) -> None:
        try:
            with suppress(OSError):  # gone before it was asked for its proof
                super()._authenticate_and_serve_client(sock)
        finally:
            sock.close()
            self._places.release()

    def _serve_client(self, sock: socket.socket, credentials: Any) -> None:
        del credentials
        conn = self.service._connect(frames(sock, MOST_ASKED), self.protocol_config)  # noqa: SLF001 (rpyc's own way in)
        with suppress(OSError):  # `close` has taken the socket away
            conn.serve_all()
