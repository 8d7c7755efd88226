"""What the entries keep: tokens of the HTTP entry, keys of its requests, updates from Telegram."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

NAME_FORM = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,39}$"
Role = Literal["viewer", "trader", "owner"]


class ApiToken(BaseModel):
    """Who asks over HTTP with a secret whose SHA-256 is known; the secret itself is not kept."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(pattern=NAME_FORM)
    sha256: str = Field(min_length=64, max_length=64)
    user_id: int
    role: Role
    created_at: datetime
    revoked_at: datetime | None = None


class HeldKey(BaseModel):
    """A request that was made under a key: what was asked, and the run it became.

    `run_id` is empty while the request is under way.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    sha256: str
    run_id: str
    at: datetime


class HeldUpdate(BaseModel):
    """An update that Telegram has handed over and that nobody has finished yet."""

    model_config = ConfigDict(frozen=True)

    update_id: int
    lane: str
    body: dict[str, Any]
