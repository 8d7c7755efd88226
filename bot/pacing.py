"""How fast messages may leave, by chat and in all, with the clock as argument.

Telegram allows about one message a second to a chat, twenty a minute to a group and thirty a
second in all; edits count, short bursts pass. It judges by what came lately, so the places in
line are booked in sliding windows: a token bucket of the same mean rate lets through twice its
burst in one window and is refused.
Source: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """At most `count` messages in any `seconds`."""

    count: int
    seconds: float


CHAT = Limit(3, 3.1)
GROUP = Limit(20, 60.5)
ALL = Limit(30, 1.05)
_ROUNDING = 1e-9


class Window:
    """The last places booked under one limit, in order; a place may lie ahead."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._booked: deque[float] = deque(maxlen=limit.count)

    def free_at(self, now: float, cost: int = 1) -> float:
        """Return when `cost` messages may leave together, now or later."""
        cost = min(cost, self._limit.count)
        now = max(now, self._booked[-1]) if self._booked else now  # nobody overtakes in a chat
        behind = len(self._booked) + cost - self._limit.count
        return now if behind <= 0 else max(now, self._booked[behind - 1] + self._limit.seconds)

    def book(self, at: float, cost: int = 1) -> None:
        """Take the place for `cost` messages."""
        self._booked.extend([at] * min(cost, self._limit.count))

    def idle(self, now: float) -> bool:
        """Tell whether the window holds nothing that matters any more."""
        return not self._booked or self._booked[-1] + self._limit.seconds <= now


class Shared:
    """The places booked under the limit over all chats, in any order.

    A group may have to book a minute ahead; the others find their places before that.
    """

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._booked: list[float] = []

    def free_at(self, at: float, cost: int = 1) -> float:
        """Return when `cost` messages may leave together, at `at` or later."""
        cost = min(cost, self._limit.count)
        while True:
            near = [b for b in self._booked if abs(b - at) < self._limit.seconds - _ROUNDING]
            if len(near) + cost <= self._limit.count:
                return at
            at = min(near) + self._limit.seconds

    def book(self, now: float, at: float, cost: int = 1) -> None:
        """Take the place for `cost` messages; what is long past is forgotten."""
        kept = [b for b in self._booked if b > now - self._limit.seconds]
        self._booked = kept + [at] * min(cost, self._limit.count)


class Pacer:
    """The windows of all chats and the one over them.

    Parameters
    ----------
    keep
        Chats remembered before those that are idle are forgotten.
    """

    def __init__(self, keep: int = 1000) -> None:
        self._all = Shared(ALL)
        self._chats: dict[int, tuple[Window, ...]] = {}
        self._keep = keep

    def reserve(self, chat_id: int, now: float, parts: int = 1) -> float:
        """Book one message and return the seconds to wait for its place.

        Parameters
        ----------
        parts
            Messages that it becomes in the chat: an album of n is n to a group and to all.
        """
        if len(self._chats) >= self._keep:
            self._chats = {k: w for k, w in self._chats.items() if not w[-1].idle(now)}
        windows = self._chats.setdefault(chat_id, _windows(chat_id))
        booked = [(windows[0], 1), *((w, parts) for w in windows[1:])]
        at = self._all.free_at(max(window.free_at(now, cost) for window, cost in booked), parts)
        for window, cost in booked:
            window.book(at, cost)
        self._all.book(now, at, parts)
        return at - now


def _windows(chat_id: int) -> tuple[Window, ...]:
    """Return a chat's windows, the longest last; groups have negative ids."""
    return (Window(CHAT), Window(GROUP)) if chat_id < 0 else (Window(CHAT),)
