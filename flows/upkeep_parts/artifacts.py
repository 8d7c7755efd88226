"""Files of the archive go after ARTIFACTS_DAYS, with their rows."""

from collections.abc import Sequence

from flows.upkeep_parts.job import Job
from pipeline.domain.upkeep import PartReport
from storage.upkeep_ports import Freed, OldFile

_AT_ONCE = 50  # files are removed within the transaction
_CASES = "cases"  # the case books that alerts read from; each is replaced by the next


async def artifacts(job: Job) -> PartReport:
    """Forget old files; signals, labels and reports in the database stay, without pictures."""
    upkeep, before = job.services.upkeep, job.before(job.services.settings.artifacts_days)
    pointers, found = await upkeep.rows.pointers(), await upkeep.files.old(before)
    kept: dict[str, int] = {}
    gone: list[OldFile] = []
    for file in found:
        reason = ""
        if file.role == _CASES:
            reason = "case books in use"
        elif file.run_id in pointers.models:
            reason = "of a model's training"
        elif file.run_id in pointers.deliveries:
            reason = "a message of the run is owed"
        if reason:
            kept[reason] = kept.get(reason, 0) + 1
        else:
            gone.append(file)
    freed = Freed(len(gone), sum(file.size for file in gone))
    if not job.dry:
        freed = Freed()

        async def forget(some: Sequence[OldFile]) -> None:
            nonlocal freed
            freed += await upkeep.files.forget([file.path for file in some], before)

        await job.all_of(gone, forget, _AT_ONCE)
    return PartReport(
        part="artifacts", found=len(found), removed=freed.files, freed=freed.size, kept=kept,
        unit="files",
    )  # fmt: skip
