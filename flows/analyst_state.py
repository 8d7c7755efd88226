"""What the consultations of one process share: the circuit breaker and the questions under way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pipeline.analysis.breaker import Breaker


@dataclass
class AnalystState:
    """One breaker for all, one caller at a time for the same question, languages as noted."""

    breaker: Breaker = field(default_factory=Breaker)
    languages: dict[int, str] = field(default_factory=dict)
    _asking: dict[str, tuple[asyncio.Lock, int]] = field(default_factory=dict)

    @asynccontextmanager
    async def alone_with(self, key: str) -> AsyncIterator[None]:
        """Hold a question; whoever has the same one waits, and then finds its answer kept."""
        lock, waiting = self._asking.get(key, (asyncio.Lock(), 0))
        self._asking[key] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._asking.pop(key)
            if waiting > 1:
                self._asking[key] = lock, waiting - 1
