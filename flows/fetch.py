"""The story of a fetch: past bars from a source, judged, kept; then what was wanted of them."""

import asyncio
import hashlib
from datetime import timedelta

from flows.backtest_compute import Frozen
from flows.fetch_plan import Plan, fetch_command, plan_fetch
from flows.fetching import Fetched, fetch
from flows.research_report import Told, desk_for, keep_report
from flows.run_facts import run_times
from flows.services import Services
from flows.story import Story
from flows.tasks import Runner, SkipTaskError
from pipeline.data.quality import assess
from pipeline.domain.fetch import FetchReport, FetchRequest
from pipeline.domain.market import Timeframe
from pipeline.domain.report import QualityReport
from pipeline.domain.request import Run
from pipeline.fetch_commands import parse_fetch

FETCH_TASKS = ("data_ingest", "data_quality", "next_run", "telegram_notify")
_KEY_LASTS = timedelta(days=30)


class Judged(Frozen):
    """Output of data_quality: what is held now of what was asked for."""

    quality: QualityReport
    timeframe: Timeframe


class NextRun(Frozen):
    """Output of next_run."""

    run_id: str


async def run_fetch(
    request: FetchRequest, run: Run, services: Services, runner: Runner
) -> FetchReport:
    """Fetch, judge, tell, and start what was to come then."""
    plan = await plan_fetch(request, services)
    fetched = await runner.critical(
        "data_ingest", Fetched, lambda: fetch(plan, services, run.run_id, runner.tell),
        {"symbol": plan.symbol, "sources": [each.name for each in plan.candidates]},
    )  # fmt: skip
    judged = await runner.critical("data_quality", Judged, lambda: judge(plan, fetched, services))
    then = await runner.optional("next_run", NextRun, lambda: start_next(request, run, services))
    report = _report(request, run, services, (plan, fetched, judged))
    if then is not None:
        report = report.model_copy(update={"next_run": then.run_id})
    desk = await desk_for(run, services, {"symbol": plan.symbol})
    report = await keep_report(desk, report, {}, runner)
    await runner.optional("telegram_notify", Told, lambda: desk.tell(report, None, ()), keep=False)
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


async def judge(plan: Plan, fetched: Fetched, services: Services) -> Judged:
    """Judge what is held of the period, and keep the score of all that is held."""
    taken = next((c for c in plan.candidates if c.name == fetched.source), plan.candidates[0])
    timeframe = taken.timeframe
    bars = await services.bars.read(plan.symbol, timeframe, plan.start, plan.end)
    quality = await asyncio.to_thread(assess, bars, timeframe, plan.instrument)
    whole = await services.bars.read(plan.symbol, timeframe)
    if len(whole):
        score = await asyncio.to_thread(assess, whole, timeframe, plan.instrument)
        await services.bars.note_score(plan.symbol, timeframe, score.score)
    return Judged(quality=quality, timeframe=timeframe)


async def start_next(request: FetchRequest, run: Run, services: Services) -> NextRun:
    """Launch the command that waited for the bars, once."""
    from flows.control import DryRunPlan, launch_text  # noqa: PLC0415  (which knows all stories)

    if not request.then:
        raise SkipTaskError("nothing was to come then")
    key, now = f"then:{run.run_id}", services.clock()
    sha256 = hashlib.sha256(request.then.encode()).hexdigest()
    held = await services.request_keys.claim(key, sha256, now, since=now - _KEY_LASTS)
    if held is not None:
        return NextRun(run_id=held.run_id)
    try:
        launched = await launch_text(request.then, run.actor, services)
    except Exception:
        await services.request_keys.release(key)
        raise
    run_id = "" if isinstance(launched, DryRunPlan) else launched.run_id
    await services.request_keys.fill(key, run_id)
    return NextRun(run_id=run_id)


def _report(
    request: FetchRequest, run: Run, services: Services, parts: tuple[Plan, Fetched, Judged]
) -> FetchReport:
    plan, fetched, judged = parts
    quality, added = judged.quality, sum(answer.added for answer in fetched.answers)
    mixed = ", ".join(dict.fromkeys(n for h in plan.foreign for n in h.sources))
    warnings = [*quality.notes, *(note for answer in fetched.answers for note in answer.notes)]
    if mixed and added:
        warnings.append(f"The bars held are mixed now: from {mixed} and {fetched.source}.")
    return FetchReport(
        run_id=run.run_id,
        **run_times(run, services.clock()),
        request=request.model_dump(mode="json"),
        results_summary={"added": added, "held": quality.bars, "source": fetched.source},
        symbol=plan.symbol,
        timeframe=judged.timeframe,
        source=fetched.source,
        answers=fetched.answers,
        held=quality.bars,
        first=quality.first,
        last=quality.last,
        missing=quality.missing,
        gaps=quality.gaps[:5],
        score=quality.score if quality.bars else None,
        warnings=tuple(dict.fromkeys(warnings)),
    )


async def check_fetch(request: FetchRequest, services: Services) -> FetchRequest:
    """Refuse what no source can give, and pin the days."""
    pinned = request.model_copy(update={"end": request.end or services.clock().date()})
    plan = await plan_fetch(pinned, services)
    start = request.start if request.everything else request.start or plan.start.date()
    return pinned.model_copy(update={"symbol": plan.symbol, "start": start})


FETCH = Story(
    flow_type="fetch_flow",
    prefix="run",
    command="fetch",
    request=FetchRequest,
    tasks=FETCH_TASKS,
    parse=parse_fetch,
    check=check_fetch,
    title=lambda request: fetch_command(request).partition(" then ")[0].removeprefix("/fetch "),
    tell=run_fetch,
)
