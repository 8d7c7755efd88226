"""Telegram under fire: the sandbox in this process, which also notes what it did to whom."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.sandbox.faults import Fault, Faults
from tests.chaos.plan import Kind, Strike
from tests.kit.sandbox import Json, Person, RunningSandbox, running_sandbox, text_of

SIGNAL_ID = re.compile(r"sig_live_\d+")
FAULTS: dict[Kind, tuple[str, float]] = {
    "429": ("too_many", 1.0), "502": ("bad_gateway", 0.0), "drop before": ("drop_before", 0.0),
    "drop after": ("drop_after", 0.0), "time-out": ("delay_after", 4.0),
}  # fmt: skip
AMBIGUOUS = ("drop_after", "delay_after")


@dataclass
class Telegram:
    """The sandbox with the one person in it, and the ambiguous faults that struck, by time."""

    sandbox: RunningSandbox
    person: Person
    ambiguous: list[datetime] = field(default_factory=list)

    async def strike(self, strike: Strike) -> None:
        kind, seconds = FAULTS[strike.kind]
        times = 1 if kind in AMBIGUOUS else strike.times
        await self.sandbox.fault(kind, "sendPhoto", times=times, seconds=seconds)

    async def copies(self) -> dict[str, list[Json]]:
        """Return the alerts in the chat by signal id: photos of the bot that answer nothing."""
        found: dict[str, list[Json]] = {}
        for message in await self.person.messages(100_000):
            alert = "photo" in message and "reply_to_message" not in message
            named = SIGNAL_ID.search(text_of(message)) if alert else None
            if named and message["from"]["is_bot"]:
                found.setdefault(named[0], []).append(message)
        return found

    async def texts(self) -> list[str]:
        return [text_of(m) for m in await self.person.messages(100_000) if m["from"]["is_bot"]]


@asynccontextmanager
async def telegram(home: Path) -> AsyncIterator[Telegram]:
    async with running_sandbox(home) as sandbox:
        running = Telegram(sandbox, sandbox.person())
        original = Faults.take

        def noting(self: Faults, method: str, params: Any) -> Fault | None:
            fault = original(self, method, params)
            if fault is not None and fault.kind in AMBIGUOUS:
                running.ambiguous.append(datetime.now(UTC))
            return fault

        Faults.take = noting  # type: ignore[method-assign]
        try:
            yield running
        finally:
            Faults.take = original  # type: ignore[method-assign]
