"""Small marks go after MARKS_DAYS: asked questions, keys of requests, times of schedules."""

from flows.upkeep_parts.job import Job
from flows.upkeep_parts.kinds import forget_kinds
from pipeline.domain.upkeep import PartReport
from storage.upkeep_ports import Kind

_KINDS = (
    Kind.MEMORIES, Kind.REQUEST_KEYS, Kind.FIRES, Kind.COOLDOWNS, Kind.PULSES, Kind.UPDATES,
    Kind.ANALYSES, Kind.SPENDING,
)  # fmt: skip


async def marks(job: Job) -> PartReport:
    """Forget what served one question, one request, one minute."""
    before = job.before(job.services.settings.marks_days)
    return await forget_kinds(job, "marks", dict.fromkeys(_KINDS, before))
