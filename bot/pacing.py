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


@dataclass(frozen=True)
class Room:
    """Places that stay free, in each window, for what must not wait."""

    chat: int = 0
    group: int = 0
    all: int = 0


NO_ROOM = Room()
FOR_ALERTS = Room(chat=1, group=8, all=10)


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
        wait = self.wait(chat_id, now, parts)
        for window, cost in zip(self._windows(chat_id, now), (1, parts), strict=False):
            window.book(now + wait, cost)
        self._all.book(now, now + wait, parts)
        return wait

    def wait(self, chat_id: int, now: float, parts: int = 1, room: Room = NO_ROOM) -> float:
        """Return the seconds that a message would wait for its place; nothing is booked.

        Parameters
        ----------
        room
            Places that must be left free behind it.
        """
        costs = (1 + room.chat, parts + room.group)
        windows = zip(self._windows(chat_id, now), costs, strict=False)
        at = max(window.free_at(now, cost) for window, cost in windows)
        return self._all.free_at(at, parts + room.all) - now

    def _windows(self, chat_id: int, now: float) -> tuple[Window, ...]:
        """Return a chat's windows, the longest last; groups have negative ids."""
        if len(self._chats) >= self._keep:
            self._chats = {k: w for k, w in self._chats.items() if not w[-1].idle(now)}
        if chat_id not in self._chats:
            both = (Window(CHAT), Window(GROUP))
            self._chats[chat_id] = both if chat_id < 0 else both[:1]
        return self._chats[chat_id]
