"""Files fetched over HTTP from a host that is to be asked politely: few at a time, slowly, again.

What a failure asks for depends on its kind: a rate limit is waited out for everyone who asks, an
outage or a damaged answer is tried again after a growing wait, a refusal is not.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
import numpy as np

from pipeline.domain.errors import FeedDownError, FeedRefusedError
from storage.telemetry import get_logger

log = get_logger(__name__)
T = TypeVar("T")
_BUSY = (429, 503)
_REFUSALS = (401, 403, 451)
_FINE, _MOVED, _FAILING = 200, 300, 500
_HEADERS = {"User-Agent": "Mozilla/5.0 (compatible; setup-scout)", "Accept": "*/*"}
"""Some hosts answer nothing to who doesn't look like a browser."""


@dataclass(frozen=True)
class HttpPatience:
    """How often and how long is tried again.

    Parameters
    ----------
    tries
        Requests in all for one file, where the network, the host or the answer fails.
    first
        Seconds before the second try; each further wait is twice as long, half of it by chance.
    busy_seconds
        Seconds that the host may make one file wait in all for its rate limit.
    request_seconds
        Longest time that one request may take.
    at_a_time
        Requests under way at a time.
    gap
        Least seconds between the beginnings of two requests.
    """

    tries: int = 5
    first: float = 1.0
    busy_seconds: float = 180.0
    request_seconds: float = 40.0
    at_a_time: int = 4
    gap: float = 0.5


class NotWholeError(Exception):
    """The answer is not what was asked for: a web page, a cut file. Another try may help."""


class PatientHttp:
    """Fetches files from one host; nothing is opened before the first.

    Parameters
    ----------
    title
        The host's name for people.
    absent
        Statuses that say that there is no such file.
    sleep, seconds, rng
        How to wait, a monotonic clock, and what jitters the waits.
    """

    def __init__(
        self,
        title: str,
        patience: HttpPatience | None = None,
        *,
        absent: Collection[int] = (404,),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        seconds: Callable[[], float] = time.monotonic,
        rng: np.random.Generator | None = None,
    ) -> None:
        self._title = title
        self._patience = patience or HttpPatience()
        self._absent = absent
        self._sleep, self._seconds = sleep, seconds
        self._rng = rng or np.random.default_rng()
        self._places = asyncio.Semaphore(self._patience.at_a_time)
        self._next = float("-inf")
        self._gave_up: tuple[float, FeedDownError] | None = None
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, url: str, most: int, read: Callable[[bytes], T]) -> T | None:
        """Return what `read` makes of a file of at most `most` bytes; None: there is none.

        `read` raises NotWholeError for an answer that another try may bring whole.

        Raises
        ------
        FeedDownError
            It wasn't answered in all tries, or a longer wait is asked for than there is patience.
        FeedRefusedError
            The host won't answer us.
        """
        failed, waited, began = 0, 0.0, self._seconds()
        while True:
            if self._gave_up is not None and self._gave_up[0] >= began:
                raise self._gave_up[1]  # another file's tries are over: the host is down
            try:
                data = await self._asked(url, most)
                return None if data is None else await asyncio.to_thread(read, data)
            except _BusyError as busy:
                wait = busy.seconds or self._backoff(failed)
                waited += wait
                failed += not busy.seconds
                if waited > self._patience.busy_seconds or failed >= self._patience.tries:
                    raise self._too_busy(wait) from busy
                self._next = max(self._next, self._seconds() + wait)  # all wait, not this one only
            except (aiohttp.ClientError, TimeoutError, OSError, NotWholeError) as error:
                failed += 1
                if failed >= self._patience.tries:
                    self._gave_up = self._seconds(), self._given_up(error)
                    raise self._gave_up[1] from error
                wait = self._backoff(failed - 1)
            log.info("asked_again", host=self._title, wait_sec=round(wait, 2), url=url)
            await self._sleep(wait)

    async def close(self) -> None:
        """Let go of connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _asked(self, url: str, most: int) -> bytes | None:
        """Return the body of one answer, None for "not found"."""
        async with self._places:
            await self._wait_for_turn()
            answer = self._opened().get(url, allow_redirects=False)
            async with answer as response:
                if response.status in self._absent:
                    return None
                if response.status in _BUSY:
                    raise _BusyError(_asked_wait(response.headers.get("Retry-After", "")))
                self._check(response.status)
                data = await response.content.read(most + 1)
                while len(data) <= most and (more := await response.content.read(most + 1)):
                    data += more
        if len(data) > most:
            raise NotWholeError(f"more than {most} bytes")
        return data

    def _check(self, status: int) -> None:
        if status in _REFUSALS:
            raise FeedRefusedError(
                f"{self._title} won't answer us (HTTP {status}): not from this place.",
                status=status,
            )
        if status == _FINE:
            return
        if status >= _FAILING or status < _MOVED:  # like 202: answered, and no file
            raise NotWholeError(f"HTTP {status}")
        raise FeedRefusedError(
            f"{self._title} refuses the request (HTTP {status}).", status=status
        )

    async def _wait_for_turn(self) -> None:
        """Wait until a request may begin; those who wait go one after the other."""
        now = self._seconds()
        turn = max(now, self._next)
        self._next = turn + self._patience.gap
        if turn > now:
            await self._sleep(turn - now)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._patience.request_seconds)
            self._session = aiohttp.ClientSession(timeout=timeout, headers=_HEADERS)
        return self._session

    def _backoff(self, failed: int) -> float:
        return float(self._patience.first * 2**failed * (0.5 + 0.5 * self._rng.random()))

    def _too_busy(self, wait: float) -> FeedDownError:
        return FeedDownError(
            f"{self._title} asks to wait {wait:.0f} seconds (its rate limit); try again later."
        )

    def _given_up(self, error: Exception) -> FeedDownError:
        cause = f"{type(error).__name__}: {error}"[:300]
        how = f"gives no file ({error})" if isinstance(error, NotWholeError) else "doesn't answer"
        return FeedDownError(f"{self._title} {how}; try again later.", cause=cause)


class _BusyError(Exception):
    """The host asks to wait. `seconds`: how long; 0: it doesn't say."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"asks to wait {seconds} seconds")
        self.seconds = seconds


def _asked_wait(words: str) -> float:
    """Return the seconds of a Retry-After; 0: none, or a date."""
    return float(words) if re.fullmatch(r" *[0-9]{1,9} *", words) else 0.0
