"""What a check found: that it held over so many comparisons, or the first difference."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Difference(BaseModel):
    """The earliest place where two answers that must be the same are not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: datetime | None = Field(description="when it was known, UTC; None: it has no time")
    what: str = Field(description="the tool's or signal's name and, if any, its event")
    field: str = Field(description="which value differs; empty: one side says nothing at all")
    left: str
    right: str


class Check(BaseModel):
    """One check's verdict.

    `passed`: every comparison held. `failed`: see `difference`. `look`: nothing wrong was
    found, but too little could be compared to call it a proof, or a figure is worth a look.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    verdict: Literal["passed", "failed", "look"]
    compared: int = Field(description="values, events, signals or trades that were compared")
    sides: tuple[str, str] = Field(default=("", ""), description="what left and right are")
    difference: Difference | None = None
    figures: dict[str, int | float] = Field(default_factory=dict)
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether every comparison held and there was something to compare."""
        return self.verdict == "passed"


def verdict_of(
    name: str,
    sides: tuple[str, str],
    compared: int,
    difference: Difference | None,
    figures: dict[str, int | float],
) -> Check:
    """Return a check's verdict: failed at a difference, a look where nothing was compared."""
    if difference is not None:
        verdict: Literal["passed", "failed", "look"] = "failed"
    else:
        verdict = "passed" if compared else "look"
    return Check(
        name=name,
        verdict=verdict,
        compared=compared,
        sides=sides,
        difference=difference,
        figures=figures,
        note="" if compared or difference else "there was nothing to compare",
    )


def merged(parts: Iterable[Check]) -> Check:
    """Return one check made in several parts; the first failure speaks, figures are summed."""
    checks = list(parts)
    first, failed = checks[0], [c for c in checks if c.verdict == "failed"]
    figures: dict[str, int | float] = {}
    for check in checks:
        for name, value in check.figures.items():
            figures[name] = figures.get(name, 0) + value
    compared = sum(c.compared for c in checks)
    difference = failed[0].difference if failed else None
    return verdict_of(first.name, first.sides, compared, difference, figures)
