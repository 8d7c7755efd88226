"""How often something may happen in a minute, counted in Redis for all processes."""

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from pipeline.domain.errors import StoreDownError
from storage.entry_ports import RateLimits
from storage.telemetry import get_logger

log = get_logger(__name__)

# What is kept is the moment at which the key is quiet again (microseconds of the server's clock).
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local quiet = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + tonumber(ARGV[1])
local wait = quiet - now - 60000000
if wait > 0 then return wait end
redis.call('SET', KEYS[1], string.format('%.0f', quiet), 'PX', 61000)
return 0
"""


class RedisRateLimits:
    """Counts under `scout:rate:<key>`; see `storage.entry_ports.RateLimits`."""

    def __init__(self, url: str) -> None:
        # redis-py's defaults take seconds to say that a server is gone.
        self._redis = Redis.from_url(
            url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=0.3, socket_timeout=0.5
        )

    async def take(self, key: str, per_minute: int) -> float:
        """Count one; 0 if it may be, else the seconds after which it may."""
        each = str(60_000_000 // per_minute)
        try:
            wait: Any = await self._redis.eval(_TAKE, 1, f"scout:rate:{key}", each)
        except (RedisError, OSError) as error:
            cause = f"{type(error).__name__}: {error}"
            raise StoreDownError("Redis doesn't answer.", store="redis", cause=cause) from error
        return float(wait) / 1e6

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


class SteadyRateLimits:
    """Redis's counts, and while it doesn't answer those of this process."""

    def __init__(self, redis: RedisRateLimits, spare: RateLimits) -> None:
        self._redis = redis
        self._spare = spare

    async def take(self, key: str, per_minute: int) -> float:
        """Count one; 0 if it may be, else the seconds after which it may."""
        try:
            return await self._redis.take(key, per_minute)
        except StoreDownError as error:
            log.warning("rates_unreachable", error=error.user_text)
            return await self._spare.take(key, per_minute)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.close()
