"""What people change about live watching: each wish is a value that makes new settings of old."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pipeline.domain.errors import BadRequestError
from pipeline.domain.live import Gate
from pipeline.domain.market import Timeframe
from pipeline.domain.watch import DEFAULT_SOUND, AlertKind, LiveRules, Loudness, Mute, Quiet, Watch
from pipeline.live.wall_clock import day_bounds

MuteFor = timedelta | Literal["today", "forever"]
"""How long a setup is muted: a while, to the end of the chat's day, or until it is unmuted."""


@dataclass(frozen=True)
class SwitchOn:
    """Watch. `what` says what exactly (empty: all there are); None: what was watched before."""

    what: tuple[tuple[str, ...], tuple[Timeframe, ...], tuple[str, ...]] | None = None

    def change(self, watch: Watch, now: datetime) -> Watch:
        """Return settings that are on; heartbeats of the time before are not made up for."""
        since = {} if watch.on else {"heartbeat_from": now}
        if self.what is None:
            return watch.model_copy(update={"on": True, **since})
        symbols, timeframes, setups = self.what
        lists = {"symbols": symbols, "timeframes": timeframes, "setups": setups}
        return watch.model_copy(update={"on": True, **since, **lists})


@dataclass(frozen=True)
class SwitchOff:
    """Don't watch; all else is kept for the next time."""

    def change(self, watch: Watch, now: datetime) -> Watch:
        """Return settings that are off."""
        del now
        return watch.model_copy(update={"on": False})


@dataclass(frozen=True)
class SetQuiet:
    """Hours in which alerts wait for a digest; None: there are none."""

    quiet: Quiet | None

    def change(self, watch: Watch, now: datetime) -> Watch:
        """Return settings with these hours."""
        del now
        return watch.model_copy(update={"quiet": self.quiet})


@dataclass(frozen=True)
class SetSound:
    """How loud some kinds are; the others stay as they are."""

    sound: tuple[tuple[AlertKind, Loudness], ...]

    def change(self, watch: Watch, now: datetime) -> Watch:
        """Return settings with these; a digest can't be off, as nothing held may be dropped."""
        del now
        if ("digest", "off") in self.sound:
            raise BadRequestError(
                "digest=off would drop the alerts that quiet hours and limits hold back: "
                "use digest=silent, or quiet off and a higher limit",
                field="digest", value="digest=off", closest=("digest=silent", "digest=loud"),
            )  # fmt: skip
        return watch.model_copy(
            update={"sound": {**DEFAULT_SOUND, **watch.sound, **dict(self.sound)}}
        )


@dataclass(frozen=True)
class SetWeekend:
    """Whether to watch on Saturdays and Sundays too."""

    watched: bool

    def change(self, watch: Watch, now: datetime) -> Watch:
        """Return settings with that."""
        del now
        return watch.model_copy(update={"weekend": self.watched})


@dataclass(frozen=True)
class SetHeartbeat:
    """When to say once a day that all lives, HH:MM; empty: never."""

    clock: str

    def change(self, watch: Watch, now: datetime) -> Watch:
        """Return settings with that hour; one that is past today counts from tomorrow."""
        return watch.model_copy(update={"heartbeat": self.clock, "heartbeat_from": now})


@dataclass(frozen=True)
class SetZone:
    """The IANA zone of the chat's clock times."""

    zone: str

    def change(self, watch: Watch, now: datetime) -> Watch:
        """Return settings in that zone; clock times stay what they say."""
        return watch.model_copy(update={"zone": self.zone, "heartbeat_from": now})


@dataclass(frozen=True)
class SetLimits:
    """The most alerts an hour and a minute; None: as it is."""

    hour: int | None = None
    minute: int | None = None

    def change(self, watch: Watch, now: datetime) -> Watch:
        """Return settings with these limits."""
        del now
        wished = {"max_per_hour": self.hour, "max_per_minute": self.minute}
        return watch.model_copy(update={k: v for k, v in wished.items() if v is not None})


@dataclass(frozen=True)
class MuteSetup:
    """Silence a setup in this chat."""

    setup_id: str
    how_long: MuteFor = "forever"

    def change(self, watch: Watch, now: datetime) -> Watch:
        """Return settings with the mute; mutes that are over are forgotten."""
        kept = {k: m for k, m in watch.muted.items() if m.until is None or m.until > now}
        return watch.model_copy(update={"muted": {**kept, self.setup_id: self._mute(watch, now)}})

    def _mute(self, watch: Watch, now: datetime) -> Mute:
        match self.how_long:
            case "forever":
                return Mute()
            case "today":
                return Mute(until=day_bounds(watch.zone, now)[1])
            case while_:
                return Mute(until=now + while_)


@dataclass(frozen=True)
class UnmuteSetup:
    """Hear of a setup again; None: of all."""

    setup_id: str | None

    def change(self, watch: Watch, now: datetime) -> Watch:
        """Return settings without the mute; one that isn't there is no error."""
        del now
        left = {k: m for k, m in watch.muted.items() if self.setup_id not in (None, k)}
        return watch.model_copy(update={"muted": left})


@dataclass(frozen=True)
class SetGate:
    """What a setup's signals must pass; None: as it is. "" is every setup without its own."""

    setup_id: str
    min_confidence: float | None = None
    min_ml_score: float | None = None
    review_from: float | None = None

    def change(self, rules: LiveRules) -> LiveRules:
        """Return the rules with this gate."""
        wished = {
            "min_confidence": self.min_confidence,
            "min_ml_score": self.min_ml_score,
            "review_from": self.review_from,
        }
        given = {k: v for k, v in wished.items() if v is not None}
        gate = Gate(**{**rules.gate(self.setup_id).model_dump(), **given})
        if gate.review_from > gate.min_confidence:
            raise BadRequestError(
                f"review={gate.review_from:g} is above confidence={gate.min_confidence:g}: "
                "a person decides between the two, so review is the lower one",
                field="review_from", value=f"review={gate.review_from:g}",
                closest=(f"review={gate.min_confidence:g}",),
            )  # fmt: skip
        return rules.model_copy(update={"gates": {**rules.gates, self.setup_id: gate}})


@dataclass(frozen=True)
class DropGate:
    """Let a setup have the gate that all others have; "" goes back to the usual one."""

    setup_id: str

    def change(self, rules: LiveRules) -> LiveRules:
        """Return the rules without this gate; one that isn't there is no error."""
        left = {k: g for k, g in rules.gates.items() if k != self.setup_id}
        return rules.model_copy(update={"gates": left})


@dataclass(frozen=True)
class SetCooldown:
    """How long a setup stays silent on a symbol after an alert, minutes; 0: never silent."""

    minutes: float

    def change(self, rules: LiveRules) -> LiveRules:
        """Return the rules with that cooldown."""
        return rules.model_copy(update={"cooldown_minutes": self.minutes})


Wish = (
    SwitchOn | SwitchOff | SetQuiet | SetSound | SetWeekend | SetHeartbeat | SetZone | SetLimits
    | MuteSetup | UnmuteSetup
)  # fmt: skip
"""A change of one chat's settings."""

RuleWish = SetGate | DropGate | SetCooldown
"""A change of what holds for all chats."""
