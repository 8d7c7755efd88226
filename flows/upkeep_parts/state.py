"""What ended runs keep to go on from goes after STATE_DAYS."""

import asyncio

from flows.upkeep_parts.job import Job
from pipeline.domain.upkeep import PartReport


async def state(job: Job) -> PartReport:
    """Remove the kept outputs of tasks; a run that is executed keeps its own."""
    before = job.before(job.services.settings.state_days).timestamp()
    gone = await asyncio.to_thread(job.services.state.sweep, before, dry=job.dry)
    return PartReport(
        part="state", found=len(gone), removed=len(gone), freed=sum(gone.values()), unit="folders"
    )
