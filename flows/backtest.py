"""The backtest's story: from its request to its report, and any of its trades drawn again."""

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from flows import backtest_compute as compute
from flows import backtest_steps as steps
from flows import provenance
from flows.analyst_opinion import Analysed
from flows.backtest_analysis import gpt_analysis
from flows.backtest_compute import Found, Look, Sample, Tested
from flows.backtest_pictures import Pictures, visualizer
from flows.backtest_report import (
    Results,
    build_report,
    telegram_notify,
    write_results,
)
from flows.backtest_steps import Detected, Ingested, Job, Nothing, Processed
from flows.backtest_text import picture_caption, title_of
from flows.journal_task import Page, notion_upload
from flows.kept_results import trades_of
from flows.repeating import begun_again, retold
from flows.run_facts import told_record
from flows.services import Services
from flows.start_checks import checked
from flows.story import Story
from flows.tasks import Runner
from flows.weighing import tested_and_weighed, written_down
from pipeline.commands import parse_backtest
from pipeline.domain.errors import BadRequestError
from pipeline.domain.report import BacktestReport
from pipeline.domain.request import BacktestRequest, Run
from pipeline.domain.signal import Signal
from pipeline.domain.trade import Plan, Trade

if TYPE_CHECKING:
    from pipeline.render.canvas import Picture

BACKTEST_TASKS = (
    "data_ingest",
    "data_processor",
    "market_tools",
    "setup_manager",
    "backtester_core",
    "visualizer",
    "gpt_analysis",
    "notion_upload",
    "telegram_notify",
)
"""The tasks of a backtest under their fixed names, in their order."""


async def run_backtest(
    request: BacktestRequest, run: Run, services: Services, runner: Runner
) -> BacktestReport:
    """Run the nine tasks and return the report; what was kept from before is not done again."""
    job, again = await begun_again(await open_job(request, run, services))
    ingested = await runner.critical(
        "data_ingest", Ingested, lambda: steps.data_ingest(job), {"request": request.symbol}
    )
    origin = provenance.provenance(job, ingested, services.clock())
    await services.runs.set_provenance(run.run_id, origin, run.claim)
    processed = await runner.critical(
        "data_processor", Processed, lambda: steps.data_processor(job), {"bars": ingested.bars}
    )
    detected = await runner.critical(
        "market_tools", Detected, lambda: steps.market_tools(job), {"tools": job.spec.tools}
    )
    score = processed.quality.score
    found = await runner.critical(
        "setup_manager", Found, lambda: steps.setup_manager(job, detected, score), detected.rows
    )
    tested = await runner.critical(
        "backtester_core",
        Tested,
        lambda: tested_and_weighed(job, ingested, found),
        {"plans": found.plans},
    )
    pictures = await runner.optional(
        "visualizer",
        Pictures,
        lambda: visualizer(job, ingested, found, tested),
        {"trades": tested.trades},
    )
    opinion = await runner.optional(
        "gpt_analysis",
        Analysed,
        lambda: gpt_analysis(job, ingested, processed, found, tested, pictures),
    )
    upload = partial(notion_upload, job, ingested, found, tested, pictures, opinion)
    page = await runner.optional("notion_upload", Page, upload)
    origin = provenance.with_trades(origin, tested.trades)
    await services.runs.set_provenance(run.run_id, origin, run.claim)
    notes = await retold(job, again, origin, found, tested)
    results = Results(
        ingested,
        processed,
        found,
        tested,
        pictures,
        origin,
        notes,
        page=page.url if page else None,
        analysis=opinion.analysis if opinion else None,
    )
    report = await finish_report(job, results, runner)
    await runner.optional(
        "telegram_notify", Nothing, lambda: telegram_notify(job, results, report), keep=False
    )
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


async def open_job(request: BacktestRequest, run: Run, services: Services) -> Job:
    """Look up what the request names, as pinned when the run was accepted."""
    version = request.extra.get("rule_version")
    spec = await services.setups.get(request.setup_id, version)
    instrument = await services.instruments.get(request.symbol)
    state = services.state.of_run(run.run_id)
    return Job(request, run, services, spec, instrument, state)


async def finish_report(job: Job, results: Results, runner: Runner) -> BacktestReport:
    """Build the report and write the results, before anybody is told of them."""
    runner.stop.check()
    tasks = (*runner.records.values(), told_record(job.run))
    results = replace(results, standing=await written_down(job, results.ingested, results.tested))
    report = build_report(job, results, tasks, job.services.clock())
    await write_results(job, results, report)
    return report


async def trade_picture(
    run_id: str, index: int, services: Services
) -> tuple[bytes, dict[str, Any]]:
    """Draw a trade of a finished run again; `index` counts from 0.

    Returns
    -------
    PNG bytes, and the facts for its caption: index, total, text, trade, signal, synthetic,
    digits (of prices).

    Raises
    ------
    BadRequestError
        The run or the trade doesn't exist.
    """
    run = await services.runs.get(run_id)
    if run is None or not run.report:
        raise BadRequestError(f"No results are kept of {run_id}.", field="run_id", value=run_id)
    kept = json.loads(await services.archive.get(trades_of(run)))
    total = len(kept["trades"])
    if not 0 <= index < total:
        raise BadRequestError(
            f"{run_id} has {total} trades.", field="trade", value=str(index + 1),
            closest=(str(total),) if total else (),
        )  # fmt: skip
    sample = _sample(kept, index)
    job = await open_job(BacktestRequest.model_validate(run.request), run, services)
    look = replace(job.look, synthetic=bool(run.report.get("synthetic")))
    picture = await _draw_again(job, sample, look)
    return picture.png, {
        "run_id": run_id,
        "index": index,
        "total": total,
        "text": picture_caption(sample.signal, sample.trade),
        "trade": kept["trades"][index],
        "signal": sample.signal.model_dump(mode="json"),
        "synthetic": look.synthetic,
        "digits": job.instrument.digits,
    }


async def _draw_again(job: Job, sample: Sample, look: Look) -> "Picture":
    """Draw on the bars that the run kept, or on the held ones when those are swept away."""
    run = job.services.cpu.run
    if job.bars_path.exists():
        return (await run(compute.draw_samples, job.bars_path, [sample], job.instrument, look))[0]
    loaded = await steps.load_bars(job)
    return await run(compute.draw_signal, loaded.bars, sample, job.instrument, look)


def _sample(kept: dict[str, list[dict[str, Any]]], index: int) -> Sample:
    trade = Trade.model_validate(kept["trades"][index])
    number = [signal["signal_id"] for signal in kept["signals"]].index(trade.signal_id)
    signal = Signal.model_validate(kept["signals"][number])
    return Sample(signal, Plan.model_validate(kept["plans"][number]), trade)


async def check_backtest(request: BacktestRequest, services: Services) -> BacktestRequest:
    """Refuse what can't be tested, and pin the version of the rules."""
    spec, _ = await checked(request, services)
    pinned = {**request.extra, "rule_version": spec.rule_version}
    return request.model_copy(update={"extra": pinned})


def backtest_title(request: BacktestRequest) -> str:
    """Return what is tested, with which rules, when."""
    return title_of(request, str(request.extra.get("rule_version", ""))).replace("  ", " ")


BACKTEST = Story(
    flow_type="backtest_flow",
    prefix="bt",
    command="backtest",
    request=BacktestRequest,
    tasks=BACKTEST_TASKS,
    parse=parse_backtest,
    check=check_backtest,
    title=backtest_title,
    tell=run_backtest,
)
