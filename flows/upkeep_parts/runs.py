"""Ended runs and their tasks go after RUNS_DAYS, unless something points to them."""

from collections.abc import Sequence

from flows.upkeep_parts.job import Job
from pipeline.domain.upkeep import PartReport
from storage.upkeep_ports import Pointers

_WHY = {
    "models": "a model was trained by it",
    "labels": "labels were made by it",
    "signals": "signals were found by it",
    "deliveries": "a message of it is owed",
    "request_keys": "a request may be repeated",
}


async def runs(job: Job) -> PartReport:
    """Forget old runs; what points to a run keeps it, however old."""
    rows, before = job.services.upkeep.rows, job.before(job.services.settings.runs_days)
    found = await rows.old_runs(before)
    kept, gone = _sorted_out(found, await rows.pointers())
    removed = len(gone)
    if not job.dry:
        removed = 0

        async def forget(some: Sequence[str]) -> None:
            nonlocal removed
            removed += await rows.forget_runs(some, before)

        await job.all_of(gone, forget)
    return PartReport(part="runs", found=len(found), removed=removed, kept=kept, unit="runs")


def _sorted_out(found: Sequence[str], pointers: Pointers) -> tuple[dict[str, int], list[str]]:
    """Return how many stay for which reason, and which go."""
    kept: dict[str, int] = {}
    gone = []
    for run_id in found:
        reason = next((w for name, w in _WHY.items() if run_id in getattr(pointers, name)), None)
        if reason is None:
            gone.append(run_id)
        else:
            kept[reason] = kept.get(reason, 0) + 1
    return kept, gone
