"""Rows that go by their age alone, kind by kind."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from flows.upkeep_parts.job import ROWS_AT_ONCE, Job
from pipeline.domain.upkeep import PartReport
from storage.upkeep_ports import Kind


async def forget_kinds(job: Job, part: str, kinds: Mapping[Kind, datetime]) -> PartReport:
    """Forget the rows of kinds that are older than each's moment; notes tell them apart."""
    rows = job.services.upkeep.rows
    found, removed = {}, {}
    for kind, before in kinds.items():
        found[kind] = removed[kind] = await rows.count(kind, before)
        if not job.dry:
            step = partial(rows.forget, kind, before, ROWS_AT_ONCE)
            removed[kind] = await job.until_none(step)
    notes = tuple(f"{count:,} {kind.value}" for kind, count in removed.items() if count)
    return PartReport(
        part=part, found=sum(found.values()), removed=sum(removed.values()), notes=notes
    )
