"""One question to a source over HTTP by a blocking client: tried again, or told in our words."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeVar

import numpy as np

from pipeline.domain.errors import FeedDownError, FeedRefusedError
from storage.feeds.ccxt_calls import Patience
from storage.telemetry import get_logger

log = get_logger(__name__)
T = TypeVar("T")
_REFUSED = (401, 402, 403, 451)
_BUSY = (418, 429)
_WORDS = 200
_QUOTED = 120


@dataclass(frozen=True)
class Answer:
    """What came over HTTP."""

    status: int
    headers: Mapping[str, str]
    text: str


class BusyError(Exception):
    """The source asks to wait; `seconds` is 0 where it doesn't say how long."""

    def __init__(self, seconds: float, words: str) -> None:
        super().__init__(words)
        self.seconds = seconds


class FailedError(Exception):
    """The network or the source failed; another try may do."""


@dataclass
class Asker:
    """Asks a blocking client in a thread, patiently.

    Parameters
    ----------
    title
        The source's name for people.
    key_hint
        What to do where it won't answer us, like "Check ALPACA_KEY and ALPACA_SECRET."
    busy_seconds
        What is waited where it asks to wait and doesn't say how long; 0: as for a failure.
    """

    title: str
    key_hint: str
    busy_seconds: float = 0.0
    patience: Patience = field(default_factory=Patience)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    rng: np.random.Generator = field(default_factory=np.random.default_rng)

    async def ask(self, call: Callable[[], T]) -> T:
        """Return what the call gives.

        Raises
        ------
        FeedDownError
            It failed in all tries, or was asked for a longer wait than there is patience for.
        """
        failed, waited = 0, 0.0
        while True:
            try:
                async with asyncio.timeout(self.patience.call_seconds):
                    return await asyncio.to_thread(call)
            except BusyError as error:
                told = error.seconds or self.busy_seconds
                wait = told or self.patience.first * 2**failed
                failed += not told
                waited += wait
                if waited > self.patience.rate_seconds or failed >= self.patience.tries:
                    raise self._too_long(wait, error) from error
            except (FailedError, TimeoutError) as error:
                failed += 1
                if failed >= self.patience.tries:
                    words = f"{self.title} doesn't answer; try again later."
                    raise FeedDownError(words, cause=str(error)[:_WORDS]) from error
                wait = self.patience.first * 2 ** (failed - 1) * (0.5 + 0.5 * self.rng.random())
            log.info("source_asked_again", source=self.title, wait_sec=round(wait, 2))
            await self.sleep(wait)

    def _too_long(self, wait: float, error: BusyError) -> FeedDownError:
        return FeedDownError(
            f"{self.title} asks to wait {wait:.0f} seconds (its rate limit); try again later.",
            cause=str(error)[:_WORDS],
        )

    def judged(self, answer: Answer) -> Answer:
        """Return an answer that is one, also if it says that there is no such thing.

        Raises
        ------
        BusyError, FailedError
            To be asked again; `ask` does.
        FeedRefusedError
            It won't answer us.
        """
        words = _plain(answer.text)
        if answer.status in _REFUSED:
            said = _said(answer.text)
            raise FeedRefusedError(
                f"{self.title} won't answer us{said}. {self.key_hint}",
                status=answer.status, cause=words,
            )  # fmt: skip
        if answer.status in _BUSY:
            raise BusyError(_asked_wait(answer.headers), words)
        if answer.status >= 500 or answer.status in (408, 425):  # noqa: PLR2004
            raise FailedError(f"{answer.status} {words}")
        return answer


class Client(Protocol):
    """A vendor's client."""

    def close(self) -> None:
        """Let go of connections."""
        ...


class KeptClient:
    """A vendor's client that is made when something is first asked of it.

    Parameters
    ----------
    make
        Makes it; that imports what is heavy, so it is called in the thread that asks.
    """

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make = make
        self._client: Client | None = None

    def call(self, method: str, *question: Any) -> Any:
        """Ask it one thing; blocking."""
        if self._client is None:
            self._client = self._make()
        return getattr(self._client, method)(*question)

    async def close(self) -> None:
        """Let go of it, if it was ever made."""
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)


def read_json(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of an answer; a cut one, or a page for people, is a FailedError."""
    try:
        body = json.loads(answer.text)
    except ValueError as error:
        raise FailedError(f"{answer.status}, no JSON: {_plain(answer.text)}") from error
    if not isinstance(body, dict):
        raise FailedError(f"{answer.status}, no object: {_plain(answer.text)}")
    return body


def _asked_wait(headers: Mapping[str, str]) -> float:
    """Return the seconds that an answer asks to wait; 0: it names none.

    Retry-After tells seconds; X-RateLimit-Reset a moment, which the answer's own Date is
    subtracted from, as our clock may differ.
    """
    told = {name.lower(): str(value).strip() for name, value in headers.items()}
    if re.fullmatch(r"\d{1,9}", told.get("retry-after", "")):
        return float(told["retry-after"])
    if re.fullmatch(r"\d{9,11}", told.get("x-ratelimit-reset", "")) and "date" in told:
        try:
            at = parsedate_to_datetime(told["date"]).timestamp()
        except ValueError:
            return 0.0
        return max(1.0, float(told["x-ratelimit-reset"]) - at)
    return 0.0


def _said(text: str) -> str:
    """Return a vendor's own reason, quoted for people; empty where it gives none in words."""
    try:
        body = json.loads(text)
    except ValueError:
        return ""
    words = [body[k] for k in ("message", "error") if isinstance(body.get(k), str)] if isinstance(
        body, dict
    ) else []  # fmt: skip
    return f": “{_plain(words[0])[:_QUOTED]}”" if words else ""


def _plain(text: str) -> str:
    return " ".join(text.split())[:_WORDS]
