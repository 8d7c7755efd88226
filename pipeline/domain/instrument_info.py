"""What is asked of instrument information by schedule, what came of it, and what is news in it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.request import TaskRecord
from pipeline.domain.source import InstrumentFacts


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InstrumentsRequest(_Frozen):
    """A validated request to look symbols up at their sources; no `symbols`: all that are held."""

    mode: Literal["instruments"] = "instruments"
    symbols: tuple[str, ...] = ()
    extra: dict[str, Any] = Field(default_factory=dict)


class SourceSaid(_Frozen):
    """What one source says of a symbol.

    `at`: when it said so; None: never. `trouble`: why it could not be asked now, in words for
    people. `news`: what has changed since it was asked last, a line each.
    """

    source: str
    title: str
    facts: InstrumentFacts | None = None
    at: datetime | None = None
    trouble: str = ""
    news: tuple[str, ...] = ()


class SymbolSaid(_Frozen):
    """What all sources say of a symbol."""

    symbol: str
    said: tuple[SourceSaid, ...] = ()


class InstrumentsReport(_Frozen):
    """What sources say of symbols; one that fails doesn't keep the others."""

    run_id: str
    flow_type: str = "instrument_flow"
    flow_status: str = "completed"
    start_time: datetime
    end_time: datetime
    execution_time_minutes: float
    tasks_completed: tuple[TaskRecord, ...] = ()
    request: dict[str, Any]
    results_summary: dict[str, Any] = Field(default_factory=dict)
    artifacts: dict[str, Any] = Field(default_factory=dict)
    symbols: tuple[SymbolSaid, ...] = ()
    warnings: tuple[str, ...] = ()


def one_line(text: str, most: int = 80) -> str:
    """Return words from outside on one line, cut to so many characters."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= most else f"{words[: most - 1]}…"


def facts_news(before: InstrumentFacts | None, now: InstrumentFacts) -> tuple[str, ...]:
    """Return what a trader must hear: splits, a new name, the end of trade; () the first time."""
    if before is None:
        return ()
    told = [f"{now.symbol} was split {ratio:g} for 1 on {day}"
            for day, ratio in now.splits if (day, ratio) not in before.splits]  # fmt: skip
    if now.renamed_to and now.renamed_to != before.renamed_to:
        told.append(f"{now.symbol} is called {one_line(now.renamed_to)} now")
    elif now.title and before.title and now.title != before.title:
        told.append(f"{now.symbol} was {one_line(before.title)} and is {one_line(now.title)} now")
    if before.active and not now.active:
        told.append(f"{now.symbol} is not traded any more")
    return tuple(told)
