"""What a case is made of: fired events, references to their prices, the funnel's counters."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pipeline.domain.events import Events
from pipeline.setups.conditions import Where
from pipeline.setups.tape import Tape
from pipeline.setups.vocabulary import constant

_BEYOND = {"beyond": 1, "behind": -1}


@dataclass(frozen=True)
class Fired:
    """One event that a case used: of which tool, on which bar, with which zone."""

    tool: str
    event: str
    bar: int
    side: int
    low: float
    high: float
    start: int  # microseconds since 1970 UTC
    events: Events | None = None
    row: int = -1
    values: dict[str, Any] = field(default_factory=dict)

    def column(self, name: str) -> Any:
        """Return a column that the tool adds."""
        return self.values[name] if self.events is None else self.events[name][self.row]

    def has(self, name: str) -> bool:
        """Return whether the tool adds that column."""
        return name in (self.values if self.events is None else self.events)


@dataclass(frozen=True)
class Case:
    """One chance: a trading day, a side (0: not yet known), and what has fired so far."""

    day: date
    side: int
    bar: int
    fired: dict[str, Fired]

    def after(self, step: str, fired: Fired) -> "Case":
        """Return the case one step further; it is known at the later of its bars."""
        further = {**self.fired, step: fired}
        return Case(self.day, self.side or fired.side, max(self.bar, fired.bar), further)


@dataclass
class Tally:
    """The funnel's counter of one step; `awaiting`: those lost only because the bars end."""

    step: str
    title: str
    days: set[date] = field(default_factory=set)
    cases: int = 0
    awaiting: int = 0
    lost: Counter[str] = field(default_factory=Counter)

    def passed(self, case: Case) -> None:
        """Count a case that got this far."""
        self.days.add(case.day)
        self.cases += 1


def number(ref: str, case: Case, tape: Tape, this: Fired | None = None) -> float:
    """Return the value a reference has for a case, NaN if it doesn't exist yet."""
    bar = max(case.bar, this.bar) if this is not None else case.bar
    if ref == "close":
        return float(tape.close[bar])
    if ref in tape.series:
        return float(tape.series[ref][bar])
    fixed = constant(ref)
    if fixed is not None:
        return fixed
    step, _, name = ref.partition(".")
    fired = this if step == "this" and this is not None else case.fired[step]
    side = case.side or (this.side if this is not None else fired.side)
    return _field(fired, name, side, bar, tape)


def _field(fired: Fired, name: str, side: int, bar: int, tape: Tape) -> float:
    up = side >= 0
    simple = {
        "low": fired.low,
        "high": fired.high,
        "middle": (fired.low + fired.high) / 2,
        "near": fired.high if up else fired.low,
        "far": fired.low if up else fired.high,
        "size": fired.high - fired.low,
        "bars_ago": bar - fired.bar,
    }
    if name in simple:
        return float(simple[name])
    if name == "running_extreme":
        since = slice(fired.bar, bar + 1)
        return float(tape.low[since].min() if up else tape.high[since].max())
    return float(fired.column(name))


def where_holds(where: Where, case: Case, tape: Tape, this: Fired | None = None) -> bool:
    """Return whether a price lies on the wanted side of another; NaN never does."""
    side = case.side or (this.side if this is not None else 0)
    gap = number(where.value, case, tape, this) - number(where.of, case, tape, this)
    return gap * side * _BEYOND[where.is_] > 0


def fired_at(events: Events, tool: str, row: int) -> Fired:
    """Return a row of a tool's events as something that fired."""
    return Fired(
        tool=tool,
        event=events.words[events.code.item(row)],
        bar=events.bar.item(row),
        side=events.side.item(row),
        low=events["price_low"].item(row),
        high=events["price_high"].item(row),
        start=events["start"].view("int64").item(row),
        events=events,
        row=row,
    )
