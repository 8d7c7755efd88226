"""The batch's story: one backtest over setups × symbols × timeframes × periods, in one table."""

import asyncio
import hashlib
import json
import time
from collections.abc import Sequence

from flows import backtest_steps as steps
from flows import research_compute as compute
from flows.backtest_compute import Frozen
from flows.backtest_steps import Job
from flows.costs import costs_of
from flows.hands import in_hands, time_left
from flows.holdings import first_usable
from flows.research_compute import VariantsJob
from flows.research_draw import draw_batch
from flows.research_job import template_of
from flows.research_report import Drawn, Told, archived, desk_for, keep_report, with_notes
from flows.research_text import batch_csv
from flows.run_facts import run_times
from flows.services import Services
from flows.start_checks import checked
from flows.state import RunState
from flows.story import Story
from flows.tasks import Note, Runner
from pipeline.domain.errors import AppError, BadRequestError
from pipeline.domain.request import BacktestRequest, Run
from pipeline.domain.research import BatchRequest
from pipeline.research.grid import Grid
from pipeline.research.reports import BatchReport, BatchTest
from pipeline.research_commands import parse_batch

BATCH_TASKS = ("tests", "visualizer", "telegram_notify")
"""The tasks of a batch under their fixed names, in their order."""
_FEW = 3


class Tests(Frozen):
    """Output of the task `tests`, in the order of the request."""

    tests: tuple[BatchTest, ...]


async def check_batch(request: BatchRequest, services: Services) -> BatchRequest:
    """Pin the versions of the rules; a test that can't be made is listed, not refused.

    Raises
    ------
    AppError
        No test of the batch can be made: what is wrong with the first.
    """
    versions = {}
    for setup_id in request.setups:
        versions[setup_id] = (await services.setups.get(setup_id)).rule_version
    pinned = request.model_copy(update={"extra": {**request.extra, "rule_versions": versions}})
    first: AppError | None = None
    for backtest in await backtests_of(pinned, services):
        try:
            await checked(backtest, services)
        except AppError as error:
            first = first or error
        else:
            return pinned
    assert first is not None  # noqa: S101  (a request has at least one test)
    if isinstance(first, BadRequestError):
        first.corrected = ""  # a backtest's command would be no batch
    raise first


async def backtests_of(request: BatchRequest, services: Services) -> list[BacktestRequest]:
    """Return the tests of a batch, setup by setup."""
    versions = request.extra.get("rule_versions", {})
    holdings = await services.bars.holdings()
    found = []
    for setup_id in request.setups:
        spec = await services.setups.get(setup_id, versions.get(setup_id))
        for symbol in request.symbols:
            own = [h for h in holdings if h.symbol == symbol]
            found += [
                BacktestRequest(
                    symbol=symbol, timeframe=timeframe, start=period.start, end=period.end,
                    setup_id=setup_id, options=request.options,
                    extra={"rule_version": spec.rule_version},
                )
                for timeframe in request.timeframes
                or (first_usable(own, (spec.timeframe, *spec.timeframes)),)
                for period in request.periods
            ]  # fmt: skip
    return found


async def run_batch(
    request: BatchRequest, run: Run, services: Services, runner: Runner
) -> BatchReport:
    """Run the three tasks and return the report."""
    done = await runner.critical("tests", Tests, lambda: _test_all(request, run, services, runner))
    report = _report(request, run, done, services)
    meta = {"setup_id": ", ".join(request.setups), "symbol": ", ".join(request.symbols)}
    desk = await desk_for(run, services, meta)
    title, second = _titles(request)
    drawn = await runner.optional(
        "visualizer", Drawn, lambda: draw_batch(report, desk, title, second)
    )
    runner.stop.check()
    table = batch_csv(done.tests)
    report = with_notes(report, await desk.held_against_first("_tests.csv", table))
    path = await desk.keep("_tests.csv", table, "tests_csv", "text/csv")
    files = {"tests_csv": f"archive/{path}", "pngs": archived(drawn)}
    report = await keep_report(desk, report, files, runner)
    documents = ((path, "All tests"), (desk.path(".json"), "The whole report"))
    await runner.optional(
        "telegram_notify", Told, lambda: desk.tell(report, drawn, documents), keep=False
    )
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


async def _test_all(request: BatchRequest, run: Run, services: Services, runner: Runner) -> Tests:
    """Make the tests that aren't done yet, as many at a time as there are processes."""
    backtests = await backtests_of(request, services)
    found: list[BatchTest | None] = [None] * len(backtests)
    waiting = list(reversed(range(len(backtests))))
    begun = time.monotonic()

    async def test(number: int) -> None:
        found[number] = await _kept_or_made(backtests[number], run, services, runner)

    def note() -> Note:
        done = sum(test is not None for test in found)
        left = (time.monotonic() - begun) / max(done, 1) * (len(found) - done)
        ahead = f", about {time_left(left)} left" if done else ""
        return Note(done / len(found), f"{done:,} of {len(found):,} tests{ahead}")

    await in_hands(services.settings.max_parallel_runs, waiting, test, lambda: runner.tell(note()))
    return Tests(tests=tuple(test for test in found if test is not None))


async def _kept_or_made(
    request: BacktestRequest, run: Run, services: Services, runner: Runner
) -> BatchTest:
    """Make one test and keep it; one that fails is kept with its reason."""
    mark = hashlib.sha256(request.model_dump_json().encode()).hexdigest()[:16]
    kept = await asyncio.to_thread(runner.state.kept, f"test_{mark}", BatchTest)
    if kept is not None:
        return kept
    test = BatchTest(
        setup_id=request.setup_id,
        rule_version=str(request.extra["rule_version"]),
        symbol=request.symbol,
        timeframe=request.timeframe.value,
        start=request.start,
        end=request.end,
    )
    try:
        test = await _made(request, run, services, test, mark)
    except AppError as error:
        if error.retryable:
            raise
        test = test.model_copy(update={"error": error.user_text})
    await asyncio.to_thread(runner.state.keep, f"test_{mark}", test)
    return test


async def _made(
    request: BacktestRequest, run: Run, services: Services, test: BatchTest, mark: str
) -> BatchTest:
    """Load the bars, test, and write the try into the trial ledger."""
    await checked(request, services)
    template = await template_of(request.setup_id, test.rule_version, services)
    instrument = await services.instruments.get(request.symbol)
    state = RunState(services.state.of_run(run.run_id).folder / f"bars_{mark}")
    job = Job(request, run, services, template.plain, instrument, state)
    ingested = await steps.data_ingest(job)
    since, _ = steps.period_bounds(request)
    made_of = json.dumps([run.run_id, mark, ingested.data_hash]).encode()
    plan = VariantsJob(
        key=hashlib.sha256(made_of).hexdigest(),
        template=template, grid=Grid(), symbol=request.symbol, trigger=request.timeframe,
        instrument=instrument, costs=costs_of(request.options, instrument, services.settings),
        options=request.options, lots=request.options.lots or services.settings.lots, since=since,
        first=ingested.period_start, last=ingested.period_end, synthetic=ingested.synthetic,
        run_id=run.run_id, at=run.created_at,
    )  # fmt: skip
    chunk = await services.cpu.run(compute.test_chunk, state.folder, plan, [0])
    await asyncio.to_thread(state.clear)
    await services.trials.append_many(chunk.trials)
    (result,) = chunk.results
    return test.model_copy(
        update={
            "metrics": result.metrics, "error": result.error, "synthetic": ingested.synthetic,
        }
    )  # fmt: skip


def _report(request: BatchRequest, run: Run, done: Tests, services: Services) -> BatchReport:
    failed = [test for test in done.tests if test.error]
    warnings = []
    if any(test.synthetic for test in done.tests):
        warnings.append("Some bars are SYNTHETIC: a made-up sample, no market.")
    return BatchReport(
        run_id=run.run_id,
        **run_times(run, services.clock()),
        tasks_completed=(),
        results_summary={
            "tests": len(done.tests),
            "failed": len(failed),
            "trades_count": sum(t.metrics.trades for t in done.tests if t.metrics),
        },
        artifacts={},
        request=request.model_dump(mode="json"),
        warnings=tuple(warnings),
        synthetic=any(test.synthetic for test in done.tests),
        tests=done.tests,
        failed=len(failed),
    )


def _titles(request: BatchRequest) -> tuple[str, str]:
    """Return the title of a batch and its second line."""
    setups = _several(request.setups, "setups")
    symbols = _several(request.symbols, "symbols")
    return f"{setups} · {symbols}", _several([str(p) for p in request.periods], "periods")


def _several(words: Sequence[str], name: str) -> str:
    return ", ".join(words) if len(words) < _FEW else f"{len(words)} {name}"


def batch_title(request: BatchRequest) -> str:
    """Return a run's title."""
    return " · ".join(_titles(request))


BATCH = Story(
    flow_type="batch_flow",
    prefix="run",
    command="batch",
    request=BatchRequest,
    tasks=BATCH_TASKS,
    parse=parse_batch,
    check=check_batch,
    title=batch_title,
    tell=run_batch,
)
