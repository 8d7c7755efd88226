"""The parts of upkeep, by name: each says what would go, and lets it go."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from flows.upkeep_parts.artifacts import artifacts
from flows.upkeep_parts.bars import bars
from flows.upkeep_parts.database import database
from flows.upkeep_parts.deliveries import deliveries
from flows.upkeep_parts.job import Job
from flows.upkeep_parts.leftovers import leftovers
from flows.upkeep_parts.marks import marks
from flows.upkeep_parts.models import models
from flows.upkeep_parts.prefect import prefect
from flows.upkeep_parts.runs import runs
from flows.upkeep_parts.scan_log import scan_log
from flows.upkeep_parts.state import state
from pipeline.domain.upkeep import PartReport

Part: TypeAlias = Callable[[Job], Awaitable[PartReport]]
DOES: Mapping[str, Part] = {
    "runs": runs,
    "state": state,
    "artifacts": artifacts,
    "deliveries": deliveries,
    "scan_log": scan_log,
    "marks": marks,
    "models": models,
    "bars": bars,
    "leftovers": leftovers,
    "database": database,
    "prefect": prefect,
}
