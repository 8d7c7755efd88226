"""Own what can go wrong on purpose: planned faults of calls, and Telegram's own rate limits."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Literal, get_args

from bot.sandbox.errors import ApiError, bad_request, forbidden, too_many
from bot.sandbox.params import Json, Params

Kind = Literal[
    "too_many", "bad_gateway", "server_error", "blocked", "delay", "delay_after", "drop_before",
    "drop_after",
]  # fmt: skip
_BURST = 3
_GLOBAL_PER_SECOND = 30
_GROUP_PER_MINUTE = 20


@dataclass(frozen=True)
class Fault:
    """One planned fault.

    Parameters
    ----------
    kind
        ``too_many`` answers 429, ``bad_gateway`` 502 with HTML, ``server_error`` 500, ``blocked``
        403; ``delay`` waits and then works, ``delay_after`` works and then waits; ``drop_before``
        ends the connection before anything happens, ``drop_after`` when the call was carried out.
    method
        Bot API method, any case; "*" for all but getUpdates.
    times
        How many calls it hits.
    seconds
        Of the delay, or ``retry_after``.
    chat_id
        Hit calls to this chat only; 0 for any.
    """

    kind: Kind
    method: str = "*"
    times: int = 1
    seconds: float = 1.0
    chat_id: int = 0

    def hits(self, method: str, chat_id: str) -> bool:
        """Tell whether a call is meant."""
        named = self.method.lower()
        meant = method != "getupdates" if named == "*" else named == method
        return meant and (self.chat_id == 0 or str(self.chat_id) == chat_id)

    async def strike(self) -> None:
        """Refuse or delay the call; connections are dropped by the server."""
        if self.kind == "delay":
            await asyncio.sleep(self.seconds)
        if self.kind == "too_many":
            raise too_many(max(int(self.seconds), 1))
        if self.kind == "server_error":
            raise ApiError(500, "Internal Server Error")
        if self.kind == "blocked":
            raise forbidden("bot was blocked by the user")


class Faults:
    """The faults that are still to come, first planned first."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []

    def plan(self, body: Json) -> None:
        """Plan a fault from its JSON; a 400 when it makes no sense."""
        try:
            fault = Fault(**body)
        except TypeError as error:
            raise bad_request(str(error)) from None
        if fault.kind not in get_args(Kind):
            raise bad_request(f"unknown kind of fault: {fault.kind}")
        self._planned.append(fault)

    def clear(self) -> None:
        """Forget all."""
        self._planned.clear()

    def left(self) -> list[Json]:
        """List what is still to come."""
        return [asdict(fault) for fault in self._planned]

    def take(self, method: str, params: Params) -> Fault | None:
        """Give the fault that hits this call, and count it."""
        chat_id = params.text("chat_id")
        for place, fault in enumerate(self._planned):
            if fault.hits(method, chat_id):
                left = replace(fault, times=fault.times - 1)
                self._planned[place : place + 1] = [left] if left.times > 0 else []
                return fault
        return None


class RateLimits:
    """Telegram's limits on messages: about one a second in a chat, thirty in all.

    Notes
    -----
    Edits count like new messages. A short burst is let through, as Telegram does.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: dict[str, deque[float]] = {}

    def check(self, method: str, params: Params) -> None:
        """Count a call that sends or edits; a 429 when there were too many."""
        if not method.startswith(("send", "edit", "copy")) or method == "sendchataction":
            return
        chat_id = params.text("chat_id")
        self._count(chat_id, _BURST, float(_BURST))
        self._count("", _GLOBAL_PER_SECOND, 1.0)
        if chat_id.startswith("-"):
            self._count(f"group {chat_id}", _GROUP_PER_MINUTE, 60.0)

    def _count(self, key: str, most: int, seconds: float) -> None:
        now = self._clock()
        sent = self._sent.setdefault(key, deque())
        while sent and now - sent[0] >= seconds:
            sent.popleft()
        if len(sent) >= most:
            raise too_many(int(seconds - (now - sent[0])) + 1)
        sent.append(now)
