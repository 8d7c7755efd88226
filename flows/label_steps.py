"""The steps of labelling: each goes over the setups, with the backtest's own steps inside."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from flows import backtest_steps as steps
from flows import label_compute as compute
from flows.backtest_compute import Found, Frozen
from flows.backtest_steps import Ingested, Job, Processed
from flows.label_compute import Outcomes
from flows.services import Services
from flows.state import RunState
from flows.tasks import Note, Runner
from pipeline.domain.market import Timeframe
from pipeline.domain.request import BacktestRequest, Run
from pipeline.domain.train_report import LabelFigures, LabelledSet
from pipeline.domain.training import LabelRequest
from pipeline.ml.feature_bars import m1_bars_for
from storage.model_ports import LabelScope

T = TypeVar("T")
BEYOND = timedelta(days=7)
"""How far bars are read behind the period: a position open for longer has no label yet."""


class IngestedSets(Frozen):
    """Output of data_ingest, in the order of the setups, as all others."""

    sets: tuple[Ingested, ...]


class ProcessedSets(Frozen):
    """Output of data_processor."""

    sets: tuple[Processed, ...]


class FoundSets(Frozen):
    """Output of setup_manager: signals of the period alone."""

    sets: tuple[Found, ...]


class OutcomeSets(Frozen):
    """Output of outcomes."""

    sets: tuple[Outcomes, ...]


class LabelledSets(Frozen):
    """Output of labels; `total` is of the whole table."""

    sets: tuple[LabelledSet, ...]
    all: LabelFigures
    total: int


def backtests_of(request: LabelRequest) -> list[BacktestRequest]:
    """Return the backtest of each setup, as pinned when the run was accepted."""
    timeframes = request.extra["timeframes"]
    return [
        BacktestRequest(
            symbol=request.symbol, timeframe=Timeframe(timeframes[setup_id]),
            start=request.start, end=request.end, setup_id=setup_id,
            extra={"rule_version": version},
        )
        for setup_id, version in request.extra["rule_versions"].items()
    ]  # fmt: skip


async def open_jobs(request: LabelRequest, run: Run, services: Services) -> list[Job]:
    """Look up what the request names; each setup keeps its bars in a folder of its own."""
    instrument = await services.instruments.get(request.symbol)
    folder = services.state.of_run(run.run_id).folder
    return [
        Job(
            backtest, run, services,
            spec=await services.setups.get(backtest.setup_id, backtest.extra["rule_version"]),
            instrument=instrument,
            state=RunState(folder / f"set_{backtest.setup_id}"),
            beyond=BEYOND,
            least_before=m1_bars_for(backtest.timeframe) // backtest.timeframe.minutes,
        )
        for backtest in backtests_of(request)
    ]  # fmt: skip


async def _each(
    jobs: Sequence[Job], runner: Runner, work: Callable[[int, Job], Awaitable[T]]
) -> tuple[T, ...]:
    """Do one task for setup after setup, telling which one is on."""
    done = []
    for number, job in enumerate(jobs):
        if len(jobs) > 1:
            await runner.tell(Note(number / len(jobs), job.spec.setup_id))
        done.append(await work(number, job))
    return tuple(done)


async def data_ingest(jobs: Sequence[Job], runner: Runner) -> IngestedSets:
    """Load the bars of the period, with those before it and those that show its trades' ends."""
    return IngestedSets(sets=await _each(jobs, runner, lambda _, job: steps.data_ingest(job)))


async def data_processor(jobs: Sequence[Job], runner: Runner) -> ProcessedSets:
    """Check the bars; broken ones stop the run."""
    return ProcessedSets(sets=await _each(jobs, runner, lambda _, job: steps.data_processor(job)))


async def setup_manager(
    jobs: Sequence[Job], processed: ProcessedSets, runner: Runner
) -> FoundSets:
    """Detect, and find the signals of the period with their plans."""

    async def find(number: int, job: Job) -> Found:
        detected = await steps.market_tools(job)
        score = processed.sets[number].quality.score
        return _of_period(await steps.setup_manager(job, detected, score), job)

    return FoundSets(sets=await _each(jobs, runner, find))


def _of_period(found: Found, job: Job) -> Found:
    """Leave out what became known after the period, on bars that only show how it ends."""
    _, end = steps.period_bounds(job.request)
    kept = [i for i, signal in enumerate(found.signals) if signal.known_at < end]
    return Found(
        signals=tuple(found.signals[i] for i in kept),
        plans=tuple(found.plans[i] for i in kept),
        funnel=found.funnel,
    )


async def outcomes(jobs: Sequence[Job], found: FoundSets, runner: Runner) -> OutcomeSets:
    """Carry out the plans by the backtest's fills."""

    async def follow(number: int, job: Job) -> Outcomes:
        m1, one = job.state.frame_path("m1"), found.sets[number]
        return await job.services.cpu.run(
            compute.outcomes, one.signals, one.plans, job.bars_path,
            m1 if m1.exists() else None, steps.fill_job(job),
        )  # fmt: skip

    return OutcomeSets(sets=await _each(jobs, runner, follow))


async def features(
    jobs: Sequence[Job], found: FoundSets, ended: OutcomeSets, runner: Runner
) -> OutcomeSets:
    """Work out each row's features from the bars closed by its signal's close."""

    async def work_out(number: int, job: Job) -> Outcomes:
        one, outcome = found.sets[number], ended.sets[number]
        rows = await job.services.cpu.run(
            compute.with_features, outcome.rows, (one.signals, one.plans), job.bars_path,
            job.instrument,
        )  # fmt: skip
        return Outcomes(rows=rows, open=outcome.open)

    return OutcomeSets(sets=await _each(jobs, runner, work_out))


async def labels(jobs: Sequence[Job], ended: OutcomeSets, runner: Runner) -> LabelledSets:
    """Write each setup's rows in one transaction, then let its bars go."""

    async def write(number: int, job: Job) -> LabelledSet:
        return await _written(job, ended.sets[number])

    sets = await _each(jobs, runner, write)
    services = jobs[0].services
    everything = await services.cpu.run(
        compute.figures, [row for one in ended.sets for row in one.rows]
    )
    for job in jobs:
        await asyncio.to_thread(job.state.clear)
    total = sum((await services.labels.count()).values())
    return LabelledSets(sets=sets, all=everything, total=total)


async def _written(job: Job, ended: Outcomes) -> LabelledSet:
    services, request = job.services, job.request
    start, end = steps.period_bounds(request)
    scope = LabelScope(request.setup_id, request.symbol, request.timeframe, start, end)
    changes = await services.labels.put_set(ended.rows, scope, job.run.run_id, services.clock())
    return LabelledSet(
        setup_id=job.spec.setup_id,
        rule_version=job.spec.rule_version,
        timeframe=request.timeframe.value,
        signals=len(ended.rows) + ended.open,
        open=ended.open,
        figures=await services.cpu.run(compute.figures, ended.rows),
        added=changes.added,
        updated=changes.updated,
        removed=changes.removed,
    )
