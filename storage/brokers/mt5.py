"""Mt5Broker: orders at a MetaTrader account, each sent at most once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from pipeline.domain.errors import BadRequestError, BrokerDownError, ServiceError
from pipeline.domain.order import BrokerOrder, OrderState
from storage.brokers.mt5_request import CannotOrderError, Market, request_of
from storage.brokers.mt5_traces import Looked, Trace, look_for
from storage.brokers.sent_orders import SentOrders
from storage.mt5_symbols import BrokerSymbols
from storage.mt5_terminal import (
    BAD_PARAMETERS,
    NOT_ALLOWED,
    OrderAnswer,
    OrderRequest,
    SymbolFacts,
    Terminal,
    TerminalLostError,
    TerminalRefusedError,
    Tick,
)
from storage.mt5_thread import ORDER_SECONDS, TerminalThread

PLACED, DONE, PARTLY = 10_008, 10_009, 10_010
REQUOTES = {10_004, 10_020, 10_021}
REFUSALS = REQUOTES | {
    10_006, 10_007, *range(10_013, 10_020), 10_022, 10_024, 10_025, 10_026, 10_027, 10_030,
    10_032, 10_033, 10_034, 10_035, 10_038, 10_040, *range(10_042, 10_047),
}  # fmt: skip
"""Answers after which the order is surely not there. Any other is unclear, 10012 above all."""
UNSENT = {BAD_PARAMETERS, NOT_ALLOWED, -6, -8}
"""Errors of the terminal itself before anything leaves it."""
LOOKS = (0.0, 0.5, 0.5, 1.0, 1.0, 2.0, 2.0, 3.0)
"""Seconds before each look for an order whose fate is unclear."""
SETTLED = timedelta(minutes=10)
"""An order that has left no trace for so long never arrived."""
NO_TRACE = "The broker's answer didn't come, and the account shows nothing of it yet: look there."
_MARKET_WORDS = {
    10_017: "trading is switched off",
    10_018: "the market is closed",
    10_019: "there is not enough money",
    10_027: "Algo Trading is switched off in the terminal",
}


class Mt5Broker:
    """See `storage.market_ports.Broker`.

    Parameters
    ----------
    symbols
        Our names and the broker's.
    zone
        Gives the broker's zone at our time, or raises a ServiceError; only orders with an end
        need it.
    sent
        The notes that keep an order from being sent again.
    pause
        How to wait for some seconds.

    Notes
    -----
    An order carries entry, stop, one target and its end. What else a plan may say (voids, break
    even, leaving at an hour) isn't at the broker.

    An order is found again by a magic number made of its `client_id`, which is its comment as
    well. It is noted before it is sent, and never sent if a note or a trace is there: a crash
    between the two loses an order rather than doubling it.
    """

    def __init__(
        self,
        thread: TerminalThread,
        symbols: BrokerSymbols,
        zone: Callable[[datetime], Awaitable[str]],
        sent: SentOrders,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._thread, self._symbols, self._zone = thread, symbols, zone
        self._sent, self._pause = sent, pause
        self._placing = asyncio.Lock()

    @property
    def name(self) -> str:
        """Its name for people."""
        return "mt5"

    async def place(self, order: BrokerOrder, now: datetime) -> OrderState:
        """Place an order once; one that is known already is left as it is."""
        async with self._placing:
            looked = await self._look_or_down(order.client_id, now)
            known = await self._known(order.client_id, looked, now)
            if known is not None:
                return _state(order.client_id, now, known)
            try:
                request = await self._request(order, now)
                await self._check(request)
            except CannotOrderError as error:
                return _state(order.client_id, now, Trace("rejected", reason=error.reason))
            if not await asyncio.to_thread(self._sent.claim, order.client_id, looked.account, now):
                return await self._sought(order.client_id, now)
            return await self._send(order.client_id, request, now)

    async def find(self, client_id: str, now: datetime) -> OrderState | None:
        """Return what is known of an order; None: surely nothing was placed (BrokerDownError)."""
        looked = await self._look_or_down(client_id, now)
        known = await self._known(client_id, looked, now)
        return None if known is None else _state(client_id, now, known)

    async def _look(self, client_id: str, now: datetime) -> Looked:
        def others(comment: str) -> bool:
            return self._sent.find(comment) is not None

        return await self._thread.call(lambda t: look_for(t, client_id, now.timestamp(), others))

    async def _look_or_down(self, client_id: str, now: datetime) -> Looked:
        try:
            return await self._look(client_id, now)
        except (TerminalLostError, TerminalRefusedError) as error:
            raise _down(error) from error

    async def _known(self, client_id: str, looked: Looked, now: datetime) -> Trace | None:
        """Return what the account shows, else what our own notes say; None: it was never sent."""
        note = await asyncio.to_thread(self._sent.find, client_id)
        if looked.trace is not None or note is None:
            return looked.trace
        if note.refused:
            return Trace("rejected", reason=note.refused)
        if note.account not in (0, looked.account):
            return Trace("unknown", reason=f"it was sent from the account {note.account}")
        if now - note.at < SETTLED:
            return Trace("unknown", reason=NO_TRACE)
        return Trace("rejected", reason="it never arrived at the broker")

    async def _request(self, order: BrokerOrder, now: datetime) -> OrderRequest:
        try:
            theirs = await self._symbols.theirs(order.symbol)
            facts, tick = await self._thread.call(lambda t: _market(t, theirs))
            zone = await self._zone(now) if order.plan.expires_at is not None else None
        except BadRequestError as error:
            raise CannotOrderError(error.user_text) from error
        except (TerminalLostError, TerminalRefusedError) as error:
            raise _down(error) from error
        except ServiceError as error:
            raise BrokerDownError(error.user_text) from error
        return request_of(order, Market(facts, tick, zone, now))

    async def _check(self, request: OrderRequest) -> None:
        """Ask whether it would be taken (CannotOrderError); nothing is sent."""
        try:
            answer = await self._thread.call(lambda terminal: terminal.order_check(request))
        except (TerminalLostError, TerminalRefusedError) as error:
            raise _down(error) from error
        if answer.retcode != 0:
            raise CannotOrderError(_reason(answer))

    async def _send(self, client_id: str, request: OrderRequest, now: datetime) -> OrderState:
        """Send it, once.

        1. It never left this machine: the note is taken back, BrokerDownError.
        2. A refusal: noted, rejected.
        3. Done, or anything unclear: the account is looked at until it shows the order.
        """
        try:
            answer = await self._thread.call(
                lambda terminal: terminal.order_send(request), seconds=ORDER_SECONDS
            )
        except TerminalLostError as error:
            if not error.maybe_done:
                await asyncio.to_thread(self._sent.forget, client_id)
                raise _down(error) from error
            return await self._sought(client_id, now)
        except TerminalRefusedError as error:
            if error.code in UNSENT:
                return await self._refused(client_id, error.text, now)
            return await self._sought(client_id, now)
        if answer.retcode in REFUSALS:
            return await self._refused(client_id, _reason(answer), now)
        clear = answer.retcode in (PLACED, DONE, PARTLY)
        return await self._sought(client_id, now, _told(answer, request) if clear else None)

    async def _refused(self, client_id: str, reason: str, now: datetime) -> OrderState:
        await asyncio.to_thread(self._sent.refuse, client_id, reason)
        return _state(client_id, now, Trace("rejected", reason=reason))

    async def _sought(
        self, client_id: str, now: datetime, told: Trace | None = None
    ) -> OrderState:
        """Look for an order until the account shows it; else say what was told, or unknown."""
        waited = timedelta()
        for seconds in LOOKS[:2] if told else LOOKS:
            await self._pause(seconds)
            waited += timedelta(seconds=seconds)
            try:
                trace = (await self._look(client_id, now + waited)).trace
            except (TerminalLostError, TerminalRefusedError):
                continue
            if trace is not None and not (told and trace.status == "unknown"):
                return _state(client_id, now + waited, trace)
        return _state(client_id, now + waited, told or Trace("unknown", reason=NO_TRACE))


def _market(terminal: Terminal, symbol: str) -> tuple[SymbolFacts, Tick | None]:
    terminal.symbol_select(symbol)
    return terminal.symbol_info(symbol), terminal.symbol_info_tick(symbol)


def _told(answer: OrderAnswer, request: OrderRequest) -> Trace:
    """Return what a clear answer says by itself."""
    waits = request.expiration or request.type > 1 or answer.retcode == PLACED
    return Trace(
        "placed" if waits else "filled", answer.price or None, answer.volume or request.volume
    )


def _reason(answer: OrderAnswer) -> str:
    if answer.retcode in REQUOTES:
        return f"the price had moved, to {answer.bid:g} / {answer.ask:g}"
    words = _MARKET_WORDS.get(answer.retcode, answer.comment or "no reason given")
    return f"{words} ({answer.retcode})"


def _state(client_id: str, at: datetime, trace: Trace) -> OrderState:
    return OrderState(
        client_id=client_id,
        status=trace.status,
        at=at,
        price=trace.price,
        lots=trace.lots,
        reason=trace.reason,
    )


def _down(error: TerminalLostError | TerminalRefusedError) -> BrokerDownError:
    if isinstance(error, TerminalRefusedError):
        return BrokerDownError(f"MetaTrader gives no answer: {error.text}.", code=error.code)
    return BrokerDownError(error.text)
