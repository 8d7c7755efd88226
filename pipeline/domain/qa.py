"""The QA card of a result: what was looked at, and whether it passed."""

from dataclasses import dataclass
from datetime import time
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Verdict(StrEnum):
    """passed: nothing found. look: a person should judge. fail: don't trust the result."""

    PASSED = "passed"
    LOOK = "look"
    FAIL = "fail"


class Check(BaseModel):
    """One thing that was looked at, with its figure and a sentence."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="trades, duplicates, hours, exits, best_trade, best_day, gaps")
    title: str
    verdict: Verdict
    figure: str
    sentence: str
    trades: tuple[str, ...] = Field(default=(), description="ids of the first 20 it is about")


class QaCard(BaseModel):
    """All checks of one result, in a fixed order."""

    model_config = ConfigDict(frozen=True)

    checks: tuple[Check, ...]

    def count(self, verdict: Verdict) -> int:
        """Return how many checks ended so."""
        return sum(check.verdict is verdict for check in self.checks)


@dataclass(frozen=True)
class EntryHours:
    """When a setup may enter and by when it is flat, in its zone; None: it doesn't say."""

    zone: str
    first: time | None
    last: time | None
    flat: time | None
