"""What an explanation consists of: gates, near misses, cases, days, periods."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from pipeline.domain.signal import FunnelStep, Signal
from pipeline.domain.trade import Plan

GateState = Literal["held", "failed", "open", "waiting"]
"""open: the bars end before it was decided; waiting: a gate before it has not held."""


@dataclass(frozen=True)
class Miss:
    """What would have been needed at one gate, everything before it being as it was.

    Parameters
    ----------
    knob
        The word of the setup file that decides: `reclaim.max_bars`, `raids.reclaim_minutes`.
    needed, limit
        What the market gave (or the nearest setting that lets it pass), and what the file asks.
        For clock times both count in minutes of the day.
    unit
        Of both: "min", "bars", "points"; empty for a parameter that has its unit in its name.
    words
        The same in words, for people.
    label
        What is measured, where the knob doesn't say it: `range.size/atr`.
    """

    knob: str
    needed: float
    limit: float
    unit: str
    words: str
    label: str = ""

    @property
    def size(self) -> float:
        """How far it was off, in its unit."""
        return abs(self.needed - self.limit)


@dataclass(frozen=True)
class Gate:
    """One step of a setup (or its ticket) and what became of it for a case.

    `at` is the close at which it held or had failed; None while neither. `facts` are its
    numbers, for people.
    """

    step: str
    title: str
    state: GateState
    at: datetime | None = None
    facts: tuple[str, ...] = ()
    reason: str = ""
    misses: tuple[Miss, ...] = ()


@dataclass(frozen=True)
class CaseWhy:
    """One chance of a day, gate by gate; the last gate is the ticket.

    `signal` holds the trace of what fired, whether or not a signal came of it; `plan` is there
    if one did, and then the two are the backtest's.
    """

    side: int
    gates: tuple[Gate, ...]
    signal: Signal | None = None
    plan: Plan | None = None

    @property
    def complete(self) -> bool:
        """Whether it became a signal."""
        return self.plan is not None

    @property
    def reached(self) -> int:
        """How many gates held."""
        return sum(gate.state == "held" for gate in self.gates)


@dataclass(frozen=True)
class DayWhy:
    """A setup's trading day: its cases, the one that got furthest first. Never without one."""

    setup_id: str
    rule_version: str
    symbol: str
    timeframe: str
    day: date
    cases: tuple[CaseWhy, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class NearMisses:
    """Cases of a period that one change of one word would have let through a gate.

    `smallest` and `largest` are by how much they missed, in the word's unit.
    """

    step: str
    title: str
    knob: str
    limit: float
    unit: str
    count: int
    smallest: float
    largest: float
    words: str


@dataclass(frozen=True)
class PeriodWhy:
    """Why a period has as many signals as it has."""

    setup_id: str
    rule_version: str
    symbol: str
    timeframe: str
    first: date
    last: date
    days: int
    signals: int
    funnel: tuple[FunnelStep, ...]
    misses: tuple[NearMisses, ...]
    notes: tuple[str, ...] = ()
