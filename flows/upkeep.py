"""The story of upkeep: what is old is forgotten, part by part, and told with figures."""

import asyncio

from flows.housekeeping import housekeeping
from flows.research_report import Told, desk_for, keep_report
from flows.run_facts import run_times
from flows.services import Services
from flows.story import Story
from flows.tasks import Runner
from flows.upkeep_parts import DOES
from flows.upkeep_parts.job import Job
from pipeline.domain.request import Run
from pipeline.domain.upkeep import PARTS, PartReport, UpkeepReport, UpkeepRequest
from pipeline.upkeep_commands import parse_upkeep

UPKEEP_TASKS = (*PARTS, "telegram_notify")


async def run_upkeep(
    request: UpkeepRequest, run: Run, services: Services, runner: Runner
) -> UpkeepReport:
    """Do the parts, each a task: one that fails doesn't keep the others from theirs.

    Files of the home are copied by backups and removed here, so both are done under one right.
    """
    desk = await desk_for(run, services, {})
    if desk.again:
        await asyncio.to_thread(runner.state.clear)
    job = Job(services, services.clock(), request.dry, runner.stop)
    if request.dry:
        done = await _parts(request, job, runner)
    else:
        async with housekeeping(services):
            done = await _parts(request, job, runner)
    report = UpkeepReport(
        run_id=run.run_id,
        **run_times(run, services.clock()),
        request=request.model_dump(mode="json"),
        dry=request.dry,
        parts=tuple(done.values()),
        failed={
            part: runner.records[part].error or "it failed"
            for part in request.wanted
            if part not in done
        },
        results_summary={part: each.removed for part, each in done.items()},
    )
    report = await keep_report(desk, report, {}, runner)
    await runner.optional("telegram_notify", Told, lambda: desk.tell(report, None, ()), keep=False)
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


async def _parts(request: UpkeepRequest, job: Job, runner: Runner) -> dict[str, PartReport]:
    done = {}
    for part in request.wanted:
        does = DOES[part]
        found = await runner.optional(part, PartReport, lambda does=does: does(job))  # type: ignore[misc]
        if found is not None:
            done[part] = found
    return done


async def check_upkeep(request: UpkeepRequest, services: Services) -> UpkeepRequest:
    """Accept it: what can't be done is told by its part."""
    del services
    return request


def upkeep_title(request: UpkeepRequest) -> str:
    """Return a run's title."""
    what = ", ".join(request.parts) or "everything"
    return f"Upkeep · {what}{' · only figures' if request.dry else ''}"


UPKEEP = Story(
    flow_type="upkeep_flow",
    prefix="run",
    command="upkeep",
    role="owner",
    request=UpkeepRequest,
    tasks=UPKEEP_TASKS,
    parse=parse_upkeep,
    check=check_upkeep,
    title=upkeep_title,
    tell=run_upkeep,
)
