"""What a chat wants of live watching, and the rules that hold for all chats."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.live import Gate
from pipeline.domain.market import Timeframe

Loudness = Literal["loud", "silent", "off"]
AlertKind = Literal["approved", "review", "outcome", "feed", "digest", "heartbeat"]

DEFAULT_SOUND: dict[AlertKind, Loudness] = {
    "approved": "loud",
    "review": "silent",
    "outcome": "silent",
    "feed": "silent",
    "digest": "silent",
    "heartbeat": "silent",
}


class Quiet(BaseModel):
    """Hours of the chat's wall clock in which alerts wait for a digest; may go over midnight."""

    model_config = ConfigDict(frozen=True)

    start: str = Field(description="HH:MM")
    end: str = Field(description="HH:MM")


class Mute(BaseModel):
    """A setup that is silenced; `until` None: until the chat says otherwise."""

    model_config = ConfigDict(frozen=True)

    until: datetime | None = None


class Watch(BaseModel):
    """One chat's wishes. Empty `symbols`, `timeframes` or `setups` mean all there are.

    `zone` is the IANA zone of its clock times.
    """

    model_config = ConfigDict(frozen=True)

    chat_id: int
    on: bool = True
    symbols: tuple[str, ...] = ()
    timeframes: tuple[Timeframe, ...] = ()
    setups: tuple[str, ...] = ()
    zone: str = "Europe/Berlin"
    quiet: Quiet | None = None
    sound: dict[AlertKind, Loudness] = Field(default_factory=lambda: dict(DEFAULT_SOUND))
    muted: dict[str, Mute] = Field(default_factory=dict)
    max_per_hour: int = Field(default=10, ge=1, le=1000, description="signals")
    max_per_minute: int = Field(default=20, ge=1, le=60, description="messages")
    weekend: bool = Field(default=False, description="true: watch on Saturday and Sunday too")
    heartbeat: str = Field(default="", description="HH:MM of the daily sign of life; empty: none")
    heartbeat_from: datetime | None = Field(
        default=None, description="moments before this are not made up for"
    )


class LiveRules(BaseModel):
    """What holds for all chats: gates by setup ("" is every other), and the cooldown."""

    model_config = ConfigDict(frozen=True)

    gates: dict[str, Gate] = Field(default_factory=dict)
    cooldown_minutes: float = Field(default=15.0, ge=0, le=1440)

    def gate(self, setup_id: str) -> Gate:
        """Return the gate of a setup."""
        return self.gates.get(setup_id) or self.gates.get("") or Gate()
