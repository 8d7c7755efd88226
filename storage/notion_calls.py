"""Calls to Notion: paced, repeated where that is safe, its errors made ours; never logs a token.

The client repeats 429 and, for reads, 500 and 503; not 529, 409, time-outs or a lost connection.
So its own repeating is off and all of it is here. What follows from each failure:

1. Surely not done (429, 409, no connection): again, after Retry-After or a growing pause.
2. Unknown (time-out, drop, 5xx, 529): again if the call may be repeated, else `UnsureError`: the
   caller looks what is there.
3. Refused (401, 403, 404, 400): JournalRefusedError, with what a person can do about it.
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Final

import httpx
from notion_client import AsyncClient
from notion_client.errors import HTTPResponseError, NotionClientErrorBase

from pipeline.domain.errors import AppError, JournalDownError, JournalRefusedError

Json = dict[str, Any]
Send = Callable[[AsyncClient], Any]
PER_SECOND: Final = 2.5
TRIES: Final = 4
LONGEST_WAIT: Final = 20.0
"""Seconds; whoever is asked to wait longer than this gives the page back to the queue."""
_CONFLICT, _BUSY = 409, 429
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_COLUMN = re.compile(r"([^.\[\]]{1,80}?) is (?:not a property that exists|expected to be \w+)")


class UnsureError(Exception):
    """Whether a call was carried out is not known."""


class GoneError(JournalRefusedError):
    """What was named is not there, in the trash, or not shared with the integration."""


class NotionCalls:
    """One integration's calls.

    Parameters
    ----------
    sleep, monotonic
        Given, so that tests of long waits take no time.
    """

    def __init__(
        self,
        token: str,
        url: str = "",
        *,
        timeout: float = 30.0,
        per_second: float = PER_SECOND,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        logger = logging.getLogger("scout.notion")  # its own would write to the console
        options: Json = {"base_url": url} if url else {}
        self._client = AsyncClient(
            auth=token, timeout_ms=int(timeout * 1000), retry=False, logger=logger,
            log_level=logging.CRITICAL, **options,
        )  # fmt: skip
        self._token = token
        self._pause = 1 / per_second
        self._sleep = sleep
        self._monotonic = monotonic
        self._free_at = 0.0
        self.requests = 0

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    async def safe(self, send: Send) -> Json:
        """Return the answer of a call that may be carried out twice."""
        return await self._call(send, repeat=True)

    async def once(self, send: Send) -> Json:
        """Return the answer of a call that must not be carried out twice; else UnsureError."""
        return await self._call(send, repeat=False)

    async def rest(self, seconds: float) -> None:
        """Wait, by the sleep that was given."""
        if seconds:
            await self._sleep(seconds)

    async def all_of(self, send: Callable[[AsyncClient, Json], Any]) -> AsyncIterator[Json]:
        """Return all results of a read that comes in parts, in order."""
        cursor: Json = {}
        while True:
            part = await self.safe(partial(_part, send, cursor))
            for result in part["results"]:
                yield result
            if not part.get("has_more"):
                return
            cursor = {"start_cursor": part["next_cursor"]}

    async def _call(self, send: Send, *, repeat: bool) -> Json:
        for tried in range(TRIES):
            await self._turn()
            try:
                answer: Json = await send(self._client)
            except (NotionClientErrorBase, httpx.HTTPError, ValueError) as error:
                wait = self._wait_after(error, tried, repeat=repeat)
                await self._sleep(wait)
            else:
                return answer
        raise JournalDownError("Notion doesn't answer.", after=60.0)

    async def _turn(self) -> None:
        """Wait for a place in line, so that no second sees more than its share."""
        now = self._monotonic()
        at = max(now, self._free_at)
        self._free_at = at + self._pause
        self.requests += 1
        if at > now:
            await self._sleep(at - now)

    def _wait_after(self, error: Exception, tried: int, *, repeat: bool) -> float:
        """Return the seconds until it may be tried again, or raise what ends the call."""
        status = error.status if isinstance(error, HTTPResponseError) else 0
        if isinstance(error, HTTPResponseError) and status < 500 and status not in (  # noqa: PLR2004
            _CONFLICT, _BUSY,
        ):  # fmt: skip
            raise self._refused(error) from None
        surely_not = status in (_CONFLICT, _BUSY) or isinstance(error, _NEVER_SENT)
        if not (surely_not or repeat):
            raise UnsureError(type(error).__name__) from None
        wait = 0.5 * 2.0**tried
        if isinstance(error, HTTPResponseError) and (asked := _retry_after(error)) is not None:
            wait = asked
        if wait > LONGEST_WAIT or tried + 1 == TRIES:
            what = f"it answers with {status}" if status else "it can't be reached"
            raise JournalDownError(f"Notion doesn't take it now: {what}.", after=wait) from None
        return wait

    def _refused(self, error: HTTPResponseError) -> AppError:
        """Return the one line that a person can act on."""
        said = str(error).replace(self._token, "…")[:200]
        facts = {"status": error.status, "said": said}
        if error.status == 401:  # noqa: PLR2004
            return JournalRefusedError(
                "Notion refuses the token: copy it again from the integration's page into"
                " NOTION_TOKEN.", **facts,
            )  # fmt: skip
        if error.status == 403:  # noqa: PLR2004
            return JournalRefusedError(
                "Notion lacks a permission: give the integration the capabilities to read, update"
                " and insert content.", **facts,
            )  # fmt: skip
        if error.status == 404 or "archived" in said or "in the trash" in said:  # noqa: PLR2004
            return GoneError(
                "Notion doesn't find it: share the page with the integration (••• → Connections)"
                " and check NOTION_DATABASE.", **facts,
            )  # fmt: skip
        column = _COLUMN.search(said)
        if column:
            name = column[1].strip()
            return JournalRefusedError(
                f"The column {name!r} of the journal's database is missing or of another type:"
                " scout notion setup adds it again.", column=name, **facts,
            )  # fmt: skip
        return JournalRefusedError(f"Notion refuses what it was sent: {said}", **facts)


def _retry_after(error: HTTPResponseError) -> float | None:
    try:
        return max(0.0, float(error.headers.get("retry-after", "")))
    except ValueError:
        return None


def _part(send: Callable[[AsyncClient, Json], Any], cursor: Json, api: AsyncClient) -> Any:
    return send(api, cursor)
