"""RedisLease: named rights that one process holds at a time, in Redis or Valkey."""

from datetime import timedelta
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from pipeline.domain.errors import StoreDownError

_ACQUIRE = """
local holder = redis.call('GET', KEYS[1])
if holder == false then
  redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
  return 1
elseif holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 1
end
return 0
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisLease:
    """Leases under `scout:lease:<name>`; see `storage.lease_port.Lease`.

    Warning
    -------
    Redis can forget (a restart, a failover): for rights where two holders would do harm, let
    the database be the truth as well.
    """

    def __init__(self, url: str) -> None:
        # redis-py's defaults take seconds to say that a server is gone.
        self._redis = Redis.from_url(
            url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=0.3, socket_timeout=0.5
        )

    async def acquire(self, name: str, owner: str, ttl: timedelta) -> bool:
        """Take it, or prolong one's own; False while another holds it."""
        milliseconds = max(1, round(ttl / timedelta(milliseconds=1)))
        return await self._run(_ACQUIRE, name, owner, str(milliseconds))

    async def release(self, name: str, owner: str) -> None:
        """Give it back; another's lease is left alone."""
        await self._run(_RELEASE, name, owner)

    async def ping(self) -> None:
        """Ask whether Redis answers."""
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            raise _down(error) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _run(self, script: str, name: str, *arguments: str) -> bool:
        try:
            answer: Any = await self._redis.eval(script, 1, f"scout:lease:{name}", *arguments)
        except (RedisError, OSError) as error:
            raise _down(error) from error
        return bool(answer)


def _down(error: Exception) -> StoreDownError:
    cause = f"{type(error).__name__}: {error}"
    return StoreDownError("Redis doesn't answer.", store="redis", cause=cause)
