"""The story of a verification: a setup's proofs on held bars, from its request to its report."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

from flows import backtest_steps as steps
from flows import provenance
from flows import verify_compute as compute
from flows.backtest import open_job
from flows.backtest_steps import Ingested, Job, Processed
from flows.costs import costs_of
from flows.holdings import first_usable, usable
from flows.repeating import fit_kept
from flows.research_report import Told, desk_for, keep_report
from flows.run_facts import run_times
from flows.services import Services
from flows.start_checks import checked
from flows.story import Story
from flows.tasks import Note, Runner
from flows.verify_compute import Places, VerifyJob
from pipeline.domain.errors import BadRequestError
from pipeline.domain.request import BacktestOptions, Run
from pipeline.verify.report import VerifyReport, VerifyRequest, worst
from pipeline.verify.results import Check, merged
from pipeline.verify_commands import parse_verify

CHECKS = ("prefixes", "warm_up", "replay", "repeats", "fills", "counts")
VERIFY_TASKS = ("data_ingest", "data_processor", "places", *CHECKS, "telegram_notify")
"""The tasks of a verification under their fixed names, in their order."""

_CHUNK = 20  # cuts between two looks at progress
_SESSIONS = 5  # days replayed without a pause: longer than any buffer is deep on M1
_YEAR = timedelta(days=365)
Piece = Callable[[], Awaitable[Check]]


async def run_verify(
    request: VerifyRequest, run: Run, services: Services, runner: Runner
) -> VerifyReport:
    """Run the ten tasks and return the report; a check that fails is a result, not an error."""
    job = await open_job(request.backtest(), run, services)
    notes = await fit_kept(job)
    ingested = await runner.critical(
        "data_ingest", Ingested, lambda: steps.data_ingest(job), {"request": request.symbol}
    )
    origin = provenance.provenance(job, ingested, services.clock())
    await services.runs.set_provenance(run.run_id, origin, run.claim)
    processed = await runner.critical(
        "data_processor", Processed, lambda: steps.data_processor(job), {"bars": ingested.bars}
    )
    plan = _plan(request, job, ingested)
    found = await _checked(plan, services, runner)
    facts = _facts(request, job, ingested, runner)
    warnings = (*notes, *ingested.warnings, *processed.warnings, *_warnings(job, ingested))
    report = VerifyReport(
        **facts,
        data_quality=processed.quality.score,
        verdict=worst(found),
        checks=found,
        results_summary={check.name: check.verdict for check in found},
        warnings=warnings,
        provenance=origin,
    )
    desk = await desk_for(run, services, steps.artifact_meta(job))
    runner.stop.check()
    report = await keep_report(desk, report, {}, runner)
    documents = ((desk.path(".json"), "The whole report"),)
    await runner.optional(
        "telegram_notify", Told, lambda: desk.tell(report, None, documents), keep=False
    )
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


def _plan(request: VerifyRequest, job: Job, ingested: Ingested) -> VerifyJob:
    return VerifyJob(
        spec=job.spec,
        trigger=job.request.timeframe,
        instrument=job.instrument,
        costs=costs_of(BacktestOptions(), job.instrument, job.services.settings),
        folder=job.state.folder,
        warm=ingested.warm_up_bars,
        cuts=request.cuts,
        sessions=request.sessions,
        seed=request.seed,
    )


async def _checked(plan: VerifyJob, services: Services, runner: Runner) -> tuple[Check, ...]:
    """Run every check as a task of its own, long ones in pieces."""
    run = services.cpu.run
    at = await runner.critical("places", Places, lambda: run(compute.places, plan))
    parts: dict[str, list[Piece]] = {
        "prefixes": [
            *(partial(run, compute.prefixes, plan, rows) for rows in _pieces(at.near)),
            partial(run, compute.whole_prefixes, plan, at.whole),
        ],
        "warm_up": [partial(run, compute.warm_up, plan, rows) for rows in _pieces(at.ends)],
        "replay": [partial(run, compute.replayed, plan, *span) for span in _spans(at, plan)],
        "repeats": [partial(run, compute.repeated, plan)],
        "fills": [partial(run, compute.filled, plan)],
        "counts": [partial(run, compute.counted, plan)],
    }
    found = []
    for name in CHECKS:
        work = partial(_in_pieces, parts[name], runner)
        found.append(await runner.critical(name, Check, work))
    return tuple(found)


async def _in_pieces(parts: Sequence[Piece], runner: Runner) -> Check:
    """Run the pieces of a check one after the other, up to the first failure."""
    done: list[Check] = []
    for number, part in enumerate(parts):
        if number:
            await runner.tell(Note(number / len(parts)))
        done.append(await part())
        if done[-1].verdict == "failed":
            break
    return done[0] if len(done) == 1 else merged(done)


def _pieces(rows: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [rows[i : i + _CHUNK] for i in range(0, len(rows), _CHUNK)]


def _spans(at: Places, plan: VerifyJob) -> list[tuple[int, int]]:
    """Return ranges of bars of about so many days each."""
    first, last = at.replayed
    pieces = max(1, plan.sessions // _SESSIONS)
    marks = [first + (last - first) * i // pieces for i in range(pieces + 1)]
    return list(pairwise(marks))


def _facts(request: VerifyRequest, job: Job, ingested: Ingested, runner: Runner) -> dict[str, Any]:
    return {
        "run_id": job.run.run_id,
        **run_times(job.run, job.services.clock()),
        "tasks_completed": tuple(runner.records.values()),
        "artifacts": {},
        "request": request.model_dump(mode="json"),
        "setup_id": job.spec.setup_id,
        "rule_version": job.spec.rule_version,
        "symbol": request.symbol,
        "timeframe": job.request.timeframe.value,
        "period_start": ingested.period_start,
        "period_end": ingested.period_end,
        "bars": ingested.bars + ingested.warm_up_bars,
        "source": ingested.source,
        "synthetic": ingested.synthetic,
        "seconds": {n: runner.records[n].duration_sec for n in CHECKS},
    }


def _warnings(job: Job, ingested: Ingested) -> list[str]:
    warnings = []
    if ingested.synthetic:
        warnings.append("The bars are SYNTHETIC: a made-up sample, no market.")
    if job.request.symbol not in job.spec.symbols:
        meant = ", ".join(job.spec.symbols)
        warnings.append(f"The setup is made for {meant}, not for this symbol.")
    return warnings


async def check_verify(request: VerifyRequest, services: Services) -> VerifyRequest:
    """Choose timeframe and period where they were left open; refuse what can't be run.

    Raises
    ------
    BadRequestError
        Naming the field, with the command put right.
    """
    spec = await services.setups.get(request.setup_id, request.extra.get("rule_version"))
    everything = await services.bars.holdings()
    held = [holding for holding in everything if holding.symbol == request.symbol]
    others = sorted(spec.timeframes, key=lambda t: t.minutes)
    timeframe = request.timeframe or first_usable(held, (spec.timeframe, *others))
    chosen = request.model_copy(update={"timeframe": timeframe})
    if chosen.start is None:
        fitting = usable(held, timeframe)
        last = max((h.last for h in fitting), default=services.clock())
        first = min((h.first for h in fitting), default=last - _YEAR)
        start = max(first, last - _YEAR).date()
        chosen = chosen.model_copy(update={"start": start, "end": last.date()})
    try:
        await checked(chosen.backtest(), services)
    except BadRequestError as error:
        error.corrected = error.corrected.replace("/backtest", "/verify", 1)
        raise
    extra = {**chosen.extra, "rule_version": spec.rule_version}
    return chosen.model_copy(update={"extra": extra})


def verify_title(request: VerifyRequest) -> str:
    """Return a run's title: what is verified, on what."""
    version = str(request.extra.get("rule_version", ""))
    what = f"{request.setup_id} v{version}" if version else request.setup_id
    return (
        f"Verify {what} · {request.symbol} {request.timeframe} · {request.start} – {request.end}"
    )


VERIFY = Story(
    flow_type="verify_flow",
    prefix="run",
    command="verify",
    request=VerifyRequest,
    tasks=VERIFY_TASKS,
    parse=parse_verify,
    check=check_verify,
    title=verify_title,
    tell=run_verify,
)
