"""The ports of the entries: tokens, keys of requests, their pace, and updates from Telegram."""

from datetime import datetime, timedelta
from typing import Any, Protocol

from pipeline.domain.entry import ApiToken, HeldKey, HeldUpdate


class TokenStore(Protocol):
    """Tokens of the HTTP entry by name; of each only the hash of its secret is kept."""

    async def add(self, token: ApiToken) -> bool:
        """Keep a token; False if its name or its hash was ever used."""
        ...

    async def find(self, sha256: str) -> ApiToken | None:
        """Return the token with this hash, revoked or not, or None."""
        ...

    async def all(self) -> list[ApiToken]:
        """Return all tokens, by name."""
        ...

    async def revoke(self, name: str, now: datetime) -> bool:
        """End a token for good; False if there is none or it is revoked already."""
        ...


class RequestKeys(Protocol):
    """Keys under which a request is carried out once, however often and wherever it arrives."""

    async def claim(
        self, key: str, sha256: str, now: datetime, *, since: datetime
    ) -> HeldKey | None:
        """Take a key for a request with this hash; None: it is ours now.

        Else it is held: by whom and for what is returned. What was claimed before `since` counts
        as forgotten. Of all who ask at once, in any process, exactly one gets None.
        """
        ...

    async def fill(self, key: str, run_id: str) -> None:
        """Note which run the request became."""
        ...

    async def release(self, key: str) -> None:
        """Forget a key whose request became no run; a filled one stays."""
        ...

    async def sweep(self, before: datetime) -> int:
        """Forget what was claimed before this moment; return how many that were."""
        ...


class RateLimits(Protocol):
    """How often something may happen in a minute, counted by key."""

    async def take(self, key: str, per_minute: int) -> float:
        """Count one; return 0 if it may be, else the seconds after which it may (not counted).

        A key that was quiet may have `per_minute` at once; after that one each 60 / `per_minute`
        seconds.
        """
        ...


class UpdateInbox(Protocol):
    """Updates that Telegram has handed over, each handled once, in order within its lane."""

    async def put(self, update_id: int, lane: str, body: dict[str, Any], now: datetime) -> bool:
        """Keep an update until it is done; False if it came before."""
        ...

    async def claim(
        self, owner: str, now: datetime, *, lease: timedelta, limit: int = 20
    ) -> list[HeldUpdate]:
        """Lease updates that are first in their lane and that no living process works on."""
        ...

    async def prolong(self, owner: str, until: datetime) -> None:
        """Keep all that this process has leased and not finished."""
        ...

    async def done(self, update_id: int, now: datetime) -> None:
        """Note that an update was handled, well or not; the next of its lane may be claimed."""
        ...

    async def release(self, owner: str) -> None:
        """Give back what this process has leased and not finished."""
        ...

    async def waiting(self) -> int:
        """Return how many are not done."""
        ...

    async def sweep(self, before: datetime) -> int:
        """Forget what was done before this moment; return how many that were."""
        ...
