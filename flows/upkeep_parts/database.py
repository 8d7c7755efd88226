"""The database's own upkeep: statistics, empty space, the log of writes."""

from datetime import timedelta

from flows.upkeep_parts.job import Job
from pipeline.domain.live import LIVE
from pipeline.domain.upkeep import PartReport

_QUIET = timedelta(minutes=30)
_SHOWN = 4


async def database(job: Job) -> PartReport:
    """Tidy the database and tell its size; what holds up writers waits for a quiet market."""
    care = job.services.upkeep.database
    done = [] if job.dry else await care.tidy(quiet=await _quiet(job))
    largest = list((await care.sizes()).items())[:_SHOWN]
    tables = ", ".join(f"{name} {_mb(size)}" for name, size in largest)
    notes = (
        f"{_mb(await care.size())} on the disk, {_mb(await care.reclaimable())} of it empty",
        *([f"largest: {tables}"] if tables else []),
        *done,
    )
    return PartReport(part="database", unit="", notes=notes)


async def _quiet(job: Job) -> bool:
    """Tell whether no scan has looked at the market lately."""
    return not await job.services.scans.scans(LIVE, job.now - _QUIET, job.now, limit=1)


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
