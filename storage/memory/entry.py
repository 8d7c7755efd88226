"""The entries' ports in memory: tokens, keys of requests, their pace, updates from Telegram."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pipeline.domain.entry import ApiToken, HeldKey, HeldUpdate


class MemoryTokenStore:
    """Tokens by name; see `storage.entry_ports.TokenStore`."""

    def __init__(self) -> None:
        self._tokens: dict[str, ApiToken] = {}

    async def add(self, token: ApiToken) -> bool:
        """Keep a token; False if its name or its hash was ever used."""
        hashes = {held.sha256 for held in self._tokens.values()}
        if token.name in self._tokens or token.sha256 in hashes:
            return False
        self._tokens[token.name] = token
        return True

    async def find(self, sha256: str) -> ApiToken | None:
        """Return the token with this hash, or None."""
        return next((t for t in self._tokens.values() if t.sha256 == sha256), None)

    async def all(self) -> list[ApiToken]:
        """Return all tokens, by name."""
        return [token for _, token in sorted(self._tokens.items())]

    async def revoke(self, name: str, now: datetime) -> bool:
        """End a token for good; False if there is none or it is revoked already."""
        held = self._tokens.get(name)
        if held is None or held.revoked_at is not None:
            return False
        self._tokens[name] = held.model_copy(update={"revoked_at": now})
        return True


class MemoryRequestKeys:
    """Keys of requests; see `storage.entry_ports.RequestKeys`."""

    def __init__(self) -> None:
        self._held: dict[str, HeldKey] = {}

    async def claim(
        self, key: str, sha256: str, now: datetime, *, since: datetime
    ) -> HeldKey | None:
        """Take a key, or return who holds it."""
        held = self._held.get(key)
        if held is not None and held.at >= since:
            return held
        self._held[key] = HeldKey(key=key, sha256=sha256, run_id="", at=now)
        return None

    async def fill(self, key: str, run_id: str) -> None:
        """Note which run the request became."""
        if key in self._held:
            self._held[key] = self._held[key].model_copy(update={"run_id": run_id})

    async def release(self, key: str) -> None:
        """Forget a key whose request became no run; a filled one stays."""
        if key in self._held and not self._held[key].run_id:
            del self._held[key]

    async def sweep(self, before: datetime) -> int:
        """Forget what was claimed before this moment."""
        old = [key for key, held in self._held.items() if held.at < before]
        for key in old:
            del self._held[key]
        return len(old)


class MemoryRateLimits:
    """Counts within one process; see `storage.entry_ports.RateLimits`.

    Warning
    -------
    Other processes count for themselves: where there are several, use
    `storage.rate_limits.RedisRateLimits`.
    """

    MOST = 10_000

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._full_at: dict[str, float] = {}

    async def take(self, key: str, per_minute: int) -> float:
        """Count one; 0 if it may be, else the seconds after which it may."""
        now, each = self._seconds(), 60.0 / per_minute
        full_at = max(self._full_at.get(key, now), now) + each
        wait = full_at - now - 60.0
        if wait > math.ulp(now) * 8:
            return wait
        if len(self._full_at) >= self.MOST:
            self._full_at = {k: at for k, at in self._full_at.items() if at > now}
        self._full_at[key] = full_at
        return 0.0


@dataclass
class _Row:
    update: HeldUpdate
    owner: str = ""
    lease_until: datetime | None = None
    done_at: datetime | None = None


class MemoryUpdateInbox:
    """Updates in order; see `storage.entry_ports.UpdateInbox`."""

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}

    async def put(self, update_id: int, lane: str, body: dict[str, Any], now: datetime) -> bool:
        """Keep an update until it is done; False if it came before."""
        del now
        if update_id in self._rows:
            return False
        held = HeldUpdate(update_id=update_id, lane=lane, body=body)
        self._rows[update_id] = _Row(held.model_copy(deep=True))
        return True

    async def claim(
        self, owner: str, now: datetime, *, lease: timedelta, limit: int = 20
    ) -> list[HeldUpdate]:
        """Lease the first update of each lane that no living process works on."""
        heads: dict[str, _Row] = {}
        for row in self._open():
            heads.setdefault(row.update.lane, row)
        free = [r for r in heads.values() if r.lease_until is None or r.lease_until <= now]
        for row in free[:limit]:
            row.owner, row.lease_until = owner, now + lease
        return [row.update for row in free[:limit]]

    async def prolong(self, owner: str, until: datetime) -> None:
        """Keep all that this process has leased and not finished."""
        for row in self._open():
            if row.owner == owner:
                row.lease_until = until

    async def done(self, update_id: int, now: datetime) -> None:
        """Note that an update was handled."""
        if update_id in self._rows:
            self._rows[update_id].done_at = now

    async def release(self, owner: str) -> None:
        """Give back what this process has leased and not finished."""
        for row in self._open():
            if row.owner == owner:
                row.owner, row.lease_until = "", None

    async def waiting(self) -> int:
        """Return how many are not done."""
        return len(self._open())

    async def sweep(self, before: datetime) -> int:
        """Forget what was done before this moment."""
        old = [key for key, row in self._rows.items() if row.done_at and row.done_at < before]
        for key in old:
            del self._rows[key]
        return len(old)

    def _open(self) -> list[_Row]:
        return [row for row in self._rows.values() if row.done_at is None]
