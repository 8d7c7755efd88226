"""Bars as seen live, scans and evaluations go after SCAN_LOG_DAYS."""

from flows.live_upkeep import forget_scans
from flows.upkeep_parts.job import Job
from pipeline.domain.upkeep import PartReport


async def scan_log(job: Job) -> PartReport:
    """Forget what the scan log has that is old; the scanner has merged its bars long ago."""
    before = job.before(job.services.settings.scan_log_days)
    found = await job.services.scans.old(before)
    removed = found if job.dry else await forget_scans(job.services, job.now)
    return PartReport(part="scan_log", found=found, removed=removed)
