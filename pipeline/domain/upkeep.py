"""Upkeep as asked for and as told: which parts, what each found, what went and what stayed."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.market import Timeframe
from pipeline.domain.request import TaskRecord

PARTS: tuple[str, ...] = (
    "runs", "state", "artifacts", "deliveries", "scan_log", "marks", "models", "bars",
    "leftovers", "database", "prefect",
)  # fmt: skip
"""The parts of upkeep, in the order in which they are done."""

LEAST_BARS_DAYS = 90
"""Fewer days of bars are not enough for live buffers and trainings."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class UpkeepRequest(_Frozen):
    """A validated request for upkeep; no part named means all of them."""

    mode: Literal["upkeep"] = "upkeep"
    parts: tuple[str, ...] = ()
    dry: bool = False
    extra: dict[str, Any] = Field(default_factory=dict)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The parts that are done, in their order."""
        return tuple(part for part in PARTS if not self.parts or part in self.parts)


class PartReport(_Frozen):
    """What one part found. Of a dry run `removed` and `freed` are what would go."""

    part: str
    found: int = Field(default=0, description="old enough to go")
    removed: int = 0
    freed: int = Field(default=0, description="bytes of files; of rows nothing is said")
    unit: str = "rows"
    kept: dict[str, int] = Field(
        default_factory=dict, description="why some of those found stay, and how many"
    )
    notes: tuple[str, ...] = ()


class UpkeepReport(_Frozen):
    """What an upkeep did, part by part."""

    run_id: str
    flow_type: str = "upkeep_flow"
    flow_status: str = "completed"
    start_time: datetime
    end_time: datetime
    execution_time_minutes: float
    tasks_completed: tuple[TaskRecord, ...] = ()
    request: dict[str, Any]
    dry: bool = False
    parts: tuple[PartReport, ...] = ()
    failed: dict[str, str] = Field(default_factory=dict, description="parts that failed, and why")
    results_summary: dict[str, Any] = Field(default_factory=dict)
    artifacts: dict[str, Any] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def bars_kept(text: str) -> dict[Timeframe, int]:
    """Read how many days of bars stay in the store, like "M1=730 M5=1825"; "" is none named.

    Raises
    ------
    ValueError
        A word is no timeframe with a number of days.
    """
    found = {}
    for word in text.replace(",", " ").split():
        name, _, days = word.partition("=")
        if name.upper() not in [t.value for t in Timeframe] or not days.isdecimal():
            raise ValueError(f"{word!r} is no timeframe with its days, like M1=730")
        if int(days) < LEAST_BARS_DAYS:
            raise ValueError(f"{word!r}: at least {LEAST_BARS_DAYS} days must stay")
        found[Timeframe(name.upper())] = int(days)
    return found
