"""Cooldowns: which setup keeps still on which symbol, in the database and as a hint in Redis.

The database's row is the truth: it is claimed in the transaction that owes the alerts. Redis is
told after the commit and only spares looking: that it forgot, was emptied or is gone costs a look
into the database, or a picture that nobody gets, and never an alert or a second one. All is
keyed on the bar's close, so a replay of past days keeps its own cooldowns by its own clock.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.live import LiveSignal
from storage.database import insert_into
from storage.live_tables import COOLDOWNS, SIGNALS

log = structlog.get_logger(__name__)

_C = COOLDOWNS.c
_REST = 5.0  # seconds in which a Redis that failed isn't asked again
_PATIENCE = 0.4  # seconds
_NOTE = """
local kept = redis.call('GET', KEYS[1])
local until_ms = kept and tonumber(string.match(kept, '^(%d+) ') or '')
if until_ms and until_ms >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1
"""
_FORGET = """
local kept = redis.call('GET', KEYS[1])
if kept and string.match(kept, '^%d+ (.*)$') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


@dataclass(frozen=True)
class Place:
    """What keeps still: a setup on a symbol, in the market or in one replay."""

    origin: str
    setup_id: str
    symbol: str

    @classmethod
    def of(cls, record: LiveSignal) -> Self:
        """Return a signal's place."""
        return cls(record.origin, record.signal.setup_id, record.signal.symbol)

    @property
    def row(self) -> Any:
        """The condition that finds its row."""
        return (
            (_C.origin == self.origin)
            & (_C.setup_id == self.setup_id)
            & (_C.symbol == self.symbol)
        )


async def claim(
    db: AsyncConnection, engine: AsyncEngine, record: LiveSignal, cooldown: timedelta
) -> tuple[str, datetime] | None:
    """Claim a signal's cooldown in the caller's transaction; None: it is claimed.

    Else return the id of the signal that keeps it silent, and until when.
    """
    place, close = Place.of(record), record.signal.known_at
    row = insert_into(engine, COOLDOWNS).values(
        origin=place.origin,
        setup_id=place.setup_id,
        symbol=place.symbol,
        owner=record.key,
        until=close + cooldown,
    )
    taken = row.on_conflict_do_update(
        index_elements=["origin", "setup_id", "symbol"],
        set_={"owner": row.excluded.owner, "until": row.excluded.until},
        where=_C.until <= close,
    )
    if (await db.execute(taken.returning(_C.owner))).first() is not None:
        return None
    by = select(SIGNALS.c.signal_id, _C.until).join(SIGNALS, SIGNALS.c.key == _C.owner)
    signal_id, until = (await db.execute(by.where(place.row))).one()  # locked by the attempt
    return signal_id, until


async def owner_at(db: AsyncConnection, place: Place, close: datetime) -> str:
    """Return the key of the signal that keeps a close silent; "": none."""
    query = select(_C.owner).where(place.row, _C.until > close)
    return (await db.execute(query)).scalar_one_or_none() or ""


async def give_back(db: AsyncConnection, record: LiveSignal) -> bool:
    """Give a signal's cooldown back, if it is still its own."""
    mine = delete(COOLDOWNS).where(Place.of(record).row, _C.owner == record.key)
    return (await db.execute(mine)).rowcount == 1


class RedisCooldowns:
    """What Redis remembers of cooldowns, under `scout:cooldown:<origin>|<setup>|<symbol>`.

    A value is the moment until which it holds (milliseconds since 1970, the market's clock) and
    the owner's key; it expires by itself after a cooldown's length on Redis's own clock. No
    method raises: a Redis that fails is left alone for some seconds.

    Parameters
    ----------
    seconds
        A clock that only goes forward, in seconds.
    """

    def __init__(self, url: str, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._redis = Redis.from_url(
            url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=0.2, socket_timeout=0.2
        )
        self._seconds = seconds
        self._rests_until = 0.0

    async def free(self, place: Place, close: datetime) -> bool:
        """Whether Redis answers and knows of nothing that keeps that close silent."""
        answered, value = await self._ask(lambda: self._redis.get(_key(place)))
        until, _, _ = (value or b"0").partition(b" ")
        return answered and until.isdigit() and int(until) <= _milliseconds(close)

    async def note(self, record: LiveSignal, cooldown: timedelta) -> None:
        """Remember that a signal claimed its cooldown, unless a later one is remembered."""
        until = str(_milliseconds(record.signal.known_at + cooldown))
        lasts = str(max(1, cooldown // timedelta(milliseconds=1)))
        await self._eval(_NOTE, Place.of(record), until, record.key, lasts)

    async def forget(self, record: LiveSignal) -> None:
        """Forget a signal's cooldown; another's is left alone."""
        await self._eval(_FORGET, Place.of(record), record.key)

    async def close(self) -> None:
        """Close the connections."""
        with suppress(RedisError, OSError):
            await self._redis.aclose()

    async def _eval(self, script: str, place: Place, *arguments: str) -> None:
        await self._ask(lambda: self._redis.eval(script, 1, _key(place), *arguments))

    async def _ask(self, question: Callable[[], Any]) -> tuple[bool, Any]:
        """Return whether Redis answered, and what."""
        if self._seconds() < self._rests_until:
            return False, None
        try:
            async with asyncio.timeout(_PATIENCE):
                return True, await question()
        except (RedisError, OSError) as error:
            self._rests_until = self._seconds() + _REST
            log.warning("redis_left_alone", seconds=_REST, error=type(error).__name__)
            return False, None


def _key(place: Place) -> str:
    return f"scout:cooldown:{place.origin}|{place.setup_id}|{place.symbol}"


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
