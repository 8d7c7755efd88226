"""Messages that were sent go after OUTBOX_DAYS, those given up after GIVEN_UP_DAYS."""

from flows.upkeep_parts.job import Job
from flows.upkeep_parts.kinds import forget_kinds
from pipeline.domain.upkeep import PartReport
from storage.upkeep_ports import Kind


async def deliveries(job: Job) -> PartReport:
    """Forget settled messages; one that is owed is never forgotten."""
    settings = job.services.settings
    before = {
        Kind.SENT: job.before(settings.outbox_days),
        Kind.GIVEN_UP: job.before(settings.given_up_days),
    }
    return await forget_kinds(job, "deliveries", before)
