"""What is worth telling of health, look after look: turns that last, each once, no flapping."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from pipeline.live.health import HealthLine, Light, ago

CONFIRM = timedelta(seconds=45)
"""How long a turn must last before it is told: another look must see it too."""
STEADY = timedelta(minutes=30)
"""How long for a part that flaps."""
FLAPS, FLAPS_WITHIN = 4, timedelta(hours=2)
"""So many told turns in that time are flapping."""


class PartState(BaseModel):
    """How a part stands, as it was told, and whether it looks as if it had turned."""

    model_config = ConfigDict(frozen=True)

    bad: bool = False
    since: datetime
    turning: datetime | None = None
    turns: tuple[datetime, ...] = ()


class HealthBook(BaseModel):
    """What the monitor remembers from look to look, and over restarts."""

    model_config = ConfigDict(frozen=True)

    at: datetime | None = None
    parts: Mapping[str, PartState] = Field(default_factory=dict)

    @property
    def unsure(self) -> bool:
        """Whether a turn waits for another look."""
        return any(part.turning is not None for part in self.parts.values())


@dataclass(frozen=True)
class HealthNews:
    """A part has turned; `since`: when it was first seen so."""

    part: str
    bad: bool
    since: datetime
    text: str


def is_bad(line: HealthLine) -> bool:
    """Tell what owners are woken for: red lights, and services that don't answer."""
    return line.light is Light.RED or line.down


def advance(
    book: HealthBook, lines: Sequence[HealthLine], now: datetime
) -> tuple[HealthBook, list[HealthNews]]:
    """Take up a look; return the new book and what is to be told because of it.

    Notes
    -----
    1. A part that stands as it was told: nothing.
    2. One that looks turned: it must look so again after `CONFIRM`, or `STEADY` if it flaps.
    3. Then it is told, with how long it was bad when it is well again.
    Parts of which a look says nothing stay as they are.
    """
    parts, news = dict(book.parts), []
    for line in lines:
        part = parts.get(line.name, PartState(since=now))
        parts[line.name], told = _looked(part, line, now)
        news += told
    return HealthBook(at=now, parts=parts), news


def _looked(
    part: PartState, line: HealthLine, now: datetime
) -> tuple[PartState, list[HealthNews]]:
    bad = is_bad(line)
    if bad == part.bad:
        return part.model_copy(update={"turning": None}), []
    began = part.turning or now
    recent = tuple(turn for turn in part.turns if now - turn <= FLAPS_WITHIN)
    flaps = len(recent) >= FLAPS
    if part.turning is None or now - began < (STEADY if flaps else CONFIRM):
        return part.model_copy(update={"turning": began}), []
    turns = (*recent, now)
    text = _text(part, line, began, bad=bad)
    if len(turns) == FLAPS:
        steady = f"{STEADY.total_seconds() / 60:.0f}"
        text += f"\nIt keeps turning: told again only once it stands for {steady} min."
    state = PartState(bad=bad, since=began, turns=turns)
    return state, [HealthNews(line.name, bad, began, text)]


def _text(part: PartState, line: HealthLine, began: datetime, *, bad: bool) -> str:
    if bad:
        return f"🔴 {line.name}: {line.words}"
    return f"🟢 {line.name} is well again after {ago(began - part.since)}: {line.words}"
