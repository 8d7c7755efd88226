"""What an analyst is asked and answers. Its text is data: it advises, and never decides."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ANALYST = "analyst"
"""The key of a signal's `extra` under which the analyst's opinion is kept."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Purpose(StrEnum):
    """What an analyst is asked for."""

    BACKTEST = "backtest"
    ALERT = "alert"
    SYMBOL = "symbol"
    QUESTION = "question"
    REQUEST = "request"  # plain words to a typed request


class Opinion(_Frozen):
    """The analyst's answer on a chart and its facts, by a strict schema."""

    bias: Literal["long", "short", "neutral"]
    quality: int = Field(ge=1, le=5, description="of the setup: 1 poor, 5 excellent")
    reasons: tuple[str, str]
    risks: tuple[str, str]
    invalidation: str
    watch: str = Field(description="what to watch next")


class Question(_Frozen):
    """One call to an analyst.

    `instructions` are ours; `facts` (JSON) may hold words from outside and are only data.
    """

    purpose: Purpose
    instructions: str
    facts: str
    schema_name: str
    json_schema: dict[str, Any]
    image: bytes | None = Field(default=None, description="PNG")
    most_tokens: int = Field(default=700, gt=0)


class Usage(_Frozen):
    """Tokens of one call."""

    input_tokens: int = 0
    output_tokens: int = 0


class Reply(_Frozen):
    """What came back. `status`: only `complete` has a text that fits the schema asked for."""

    status: Literal["complete", "incomplete", "refused"]
    text: str
    model: str
    usage: Usage = Usage()
    request_id: str = ""


class Analysis(_Frozen):
    """A kept answer, after its numbers were held against the facts.

    `dropped` are the sentences that were left out because a number in them is in no fact.
    `prompt` names the version of our words, `key` what it was cached under.
    """

    key: str
    purpose: Purpose
    subject: str = Field(description="run id, signal id or symbol")
    language: str
    model: str
    api: Literal["responses", "chat"]
    prompt: str
    image_sha256: str = ""
    opinion: Opinion | None = None
    text: str = ""
    dropped: tuple[str, ...] = ()
    usage: Usage = Usage()
    cost: float = Field(default=0.0, ge=0, description="US dollars, by the prices in the settings")
    seconds: float = 0.0
    cached: bool = False
    chat_id: int | None = None
    at: datetime
