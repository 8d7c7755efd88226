"""The ports to an analyst and to its kept answers."""

from datetime import datetime
from typing import Protocol

from pipeline.domain.analysis import Analysis, Question, Reply


class Analyst(Protocol):
    """A language model behind an OpenAI-compatible API."""

    @property
    def model(self) -> str:
        """Its name."""
        ...

    async def ask(self, question: Question) -> Reply:
        """Return the answer; the whole call, with its retries, is bounded in time.

        Raises
        ------
        AnalystDownError
            It didn't answer in time, or is overloaded.
        AnalystRefusedError
            A wrong key, no quota, an unknown model, a request it doesn't take: trying again
            won't help.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class AnalysisStore(Protocol):
    """Answers by what they were asked with, and what chats have spent."""

    async def cached(self, key: str) -> Analysis | None:
        """Return the kept answer to exactly this question, or None."""
        ...

    async def reserve(
        self, chat_id: int | None, cost: float, *, limit: float, now: datetime
    ) -> int | None:
        """Set aside `cost` of a chat's budget of the UTC day; None if less than that is left.

        Of concurrent callers only as many succeed as the limit pays for.
        """
        ...

    async def keep(self, analysis: Analysis, reservation: int | None) -> None:
        """Keep an answer; its true cost takes the place of what was set aside."""
        ...

    async def release(self, reservation: int, cost: float = 0.0) -> None:
        """Give back what was set aside, but for what the call did cost: no answer is kept."""
        ...

    async def spent(self, chat_id: int | None, now: datetime) -> float:
        """Return what a chat has spent and set aside in this UTC day (US dollars)."""
        ...
