"""What a MetaTrader account shows of one of our orders, wherever it has got to."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from storage.mt5_terminal import Deal, Position, Terminal, TerminalLostError, WorkingOrder

_DAYS_BACK, _DAY = 30, 86_400
_OPENS, _TURNS = 0, 2
_ENDED = {2: "cancelled", 5: "rejected", 6: "expired"}
_FILLED, _PARTLY = 4, 3
_HALF_STEP = 1e-9


def magic_of(client_id: str) -> int:
    """Return an order's magic number, between 2^30 and 2^31: told by its `client_id` alone.

    Comments may be cut or rewritten by a broker, magic numbers aren't. That two of a thousand
    orders share one has a chance of 1 in 2000; then their comments tell them apart.
    """
    digest = hashlib.sha256(client_id.encode()).digest()
    return (1 << 30) | (int.from_bytes(digest[:4], "big") >> 2)


Status = Literal["placed", "filled", "closed", "rejected", "unknown"]


@dataclass(frozen=True)
class Trace:
    """What is there."""

    status: Status
    price: float | None = None
    lots: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Looked:
    """One look at the account (its login), and what it shows of the order; None: nothing."""

    account: int
    trace: Trace | None


@dataclass(frozen=True)
class _Found:
    """Everything of the order, and the later fate of its position."""

    working: tuple[WorkingOrder, ...]
    positions: tuple[Position, ...]
    past: tuple[WorkingOrder, ...]
    entries: tuple[Deal, ...]
    exits: tuple[Deal, ...]


def look_for(
    terminal: Terminal, client_id: str, now: float, known: Callable[[str], bool]
) -> Looked:
    """Return what the account shows of an order.

    Parameters
    ----------
    now
        UTC epoch seconds. Thirty days back are looked at.
    known
        Tells whether a comment is another order's `client_id`. What bears the same magic number
        under such a comment isn't ours; under any other it is, whatever the broker wrote there.

    Raises
    ------
    TerminalLostError
        The terminal has lost the broker: what it doesn't show may be there all the same.
    """
    if not terminal.terminal_info().connected:
        raise TerminalLostError("MetaTrader has no connection to the broker.", maybe_done=False)
    account = terminal.account_info().login
    magic = magic_of(client_id)
    first, last = int(now) - _DAYS_BACK * _DAY, int(now) + 2 * _DAY

    def ours(comment: str) -> bool:
        return comment == client_id or not known(comment)

    # In the direction in which an order moves, so that none slips by between two calls.
    working = tuple(o for o in terminal.orders_get(magic) if ours(o.comment))
    positions = tuple(p for p in terminal.positions_get(magic) if ours(p.comment))
    past = terminal.history_orders_get(first, last, magic)
    past = tuple(o for o in past if ours(o.comment))
    deals = terminal.history_deals_get(first, last, magic)
    entries = tuple(d for d in deals if d.entry in (_OPENS, _TURNS) and ours(d.comment))
    gone = {d.position_id for d in entries} - {p.ticket for p in positions}
    exits = tuple(
        deal
        for position in sorted(gone)
        for deal in terminal.position_deals(position)
        if deal.entry != _OPENS
    )
    found = _Found(working, positions, past, entries, exits)
    return Looked(account, _closed(found) or _filled(found) or _waiting(found))


def _closed(found: _Found) -> Trace | None:
    """Tell of deals out of the order's position, as large as those into it."""
    lots_in = sum(d.volume for d in found.entries)
    lots_out = sum(d.volume for d in found.exits)
    if not found.entries or lots_out < lots_in - _HALF_STEP:
        return None
    price = sum(d.price * d.volume for d in found.exits) / lots_out
    return Trace("closed", price, lots_in, found.exits[-1].comment)


def _filled(found: _Found) -> Trace | None:
    """Tell of deals into a position, or of the position where its deal isn't listed yet."""
    parts = [(d.volume, d.price) for d in found.entries]
    parts = parts or [(p.volume, p.price_open) for p in found.positions]
    if not parts:
        return None
    lots = sum(volume for volume, _ in parts)
    price = sum(volume * price for volume, price in parts) / lots
    asked = max((o.volume_initial for o in (*found.working, *found.past)), default=lots)
    partly = lots < asked - _HALF_STEP
    return Trace("filled", price, lots, f"{lots:g} of {asked:g} lots" if partly else "")


def _waiting(found: _Found) -> Trace | None:
    """Tell of a working order, or of a past one that no deal belongs to."""
    if not found.working and not found.past:
        return None
    if found.working:
        order = found.working[0]
        return Trace("placed", order.price_open, order.volume_initial)
    order = found.past[-1]
    if order.state in (_FILLED, _PARTLY):  # its deal isn't listed yet
        return Trace(
            "filled", order.price_open or None, order.volume_initial - order.volume_current
        )
    if order.state in _ENDED:
        return Trace("closed", reason=_ENDED[order.state])
    return Trace("unknown", reason=f"the account shows it in state {order.state}")
