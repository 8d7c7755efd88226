"""The walk-forward's story: chosen from a grid on rolling windows, judged on the days after."""

import json
import math
from collections.abc import Sequence

import numpy as np

from flows import research_compute as compute
from flows.backtest_compute import Frozen
from flows.backtest_text import trades_csv
from flows.kept_variants import keep_variant_trades
from flows.research_draw import draw_walkforward
from flows.research_job import (
    Ran,
    Research,
    check_grid,
    desk_of,
    grid_facts,
    grid_warnings,
    open_research,
    run_variants,
)
from flows.research_report import Desk, Drawn, Told, archived, keep_report, with_notes
from flows.research_text import sweep_title, windows_csv
from flows.services import Services
from flows.story import Story
from flows.tasks import Runner, SkipTaskError
from pipeline.backtest.metrics import metrics
from pipeline.domain.report import Metrics, Robustness
from pipeline.domain.request import Run
from pipeline.domain.research import WalkForwardRequest
from pipeline.domain.trade import Trade
from pipeline.domain.trial import Pbo
from pipeline.research.reports import WalkForwardReport
from pipeline.research.walkforward import (
    Choosing,
    Window,
    WindowResult,
    default_windows,
    drifts,
    walk_forward,
    windows_of,
)
from pipeline.research_commands import parse_walkforward

WALKFORWARD_TASKS = (
    "data_ingest", "data_processor", "variants", "walk_forward", "visualizer", "telegram_notify",
)  # fmt: skip
"""The tasks of a walk-forward under their fixed names, in their order."""
_SPARE = 1.2  # trades don't come evenly


class Walked(Frozen):
    """Output of walk_forward: what each window chose, and the trades outside."""

    windows: tuple[WindowResult, ...]
    trades: tuple[Trade, ...]
    metrics: Metrics
    robustness: Robustness
    pbo: Pbo | None


async def check_walkforward(request: WalkForwardRequest, services: Services) -> WalkForwardRequest:
    """Refuse what can't be run, windows that don't fit the period included."""
    windows_in(request)
    return await check_grid(request, services)


def lengths_of(request: WalkForwardRequest) -> tuple[int, int]:
    """Return the days to choose on and to trade, the default where none were asked."""
    inside, outside = default_windows((request.end - request.start).days + 1)
    return request.inside or inside, request.outside or outside


def windows_in(request: WalkForwardRequest) -> list[Window]:
    """Return the windows of a request; BadRequestError where fewer than three fit."""
    return windows_of(request.start, request.end, *lengths_of(request))


async def run_walkforward(
    request: WalkForwardRequest, run: Run, services: Services, runner: Runner
) -> WalkForwardReport:
    """Run the six tasks and return the report."""
    research = await open_research(request, run, services)
    ran = await run_variants(research, runner)
    walked = await runner.critical(
        "walk_forward", Walked, lambda: _walk(research, ran, request),
        {"windows": windows_in(request)},
    )  # fmt: skip
    report = _report(research, ran, walked, request)
    desk = await desk_of(research)
    drawn = await runner.optional(
        "visualizer", Drawn, lambda: _picture(research, report, walked, desk)
    )
    kept = await keep_variant_trades(desk, ran.tested.trades)
    report = await _keep(desk, report, walked, (drawn, kept), runner)
    documents = (
        (desk.path("_windows.csv"), "All windows"),
        (desk.path("_trades.csv"), "The trades out of sample"),
        (desk.path(".json"), "The whole report"),
    )
    await runner.optional(
        "telegram_notify", Told, lambda: desk.tell(report, drawn, documents), keep=False
    )
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


async def _walk(research: Research, ran: Ran, request: WalkForwardRequest) -> Walked:
    from pipeline.backtest.robustness import robustness  # noqa: PLC0415

    table, cpu = ran.tested.trades, research.services.cpu
    windows = windows_in(request)
    how = Choosing(request.by, request.min_trades)
    found = await cpu.run(walk_forward, research.grid, table, windows, how)
    trades = await cpu.run(
        compute.outside_trades, research.job.state.folder, ran.plan, table, found
    )
    rng = np.random.default_rng(int(ran.plan.key[:16], 16))
    last = windows[-1].end.fromordinal(windows[-1].end.toordinal() - 1)
    worth = await cpu.run(robustness, trades, rng, first=windows[0].split, last=last)
    days = (ran.ingested.period_start, ran.ingested.period_end)
    pbo = await cpu.run(compute.overfitting, table, *days)
    return Walked(
        windows=tuple(found), trades=tuple(trades), metrics=metrics(trades), robustness=worth,
        pbo=pbo,
    )  # fmt: skip


async def _picture(
    research: Research, report: WalkForwardReport, walked: Walked, desk: Desk
) -> Drawn:
    if not walked.trades:
        raise SkipTaskError("nothing was traded")
    return await draw_walkforward(research, report, walked.trades, desk)


def inside_mean(windows: Sequence[WindowResult]) -> float | None:
    """Return the mean R of all choices on the days they were made on, by trade."""
    trades = sum(w.inside.trades for w in windows)
    return sum(w.inside.total_r for w in windows) / trades if trades else None


def _report(
    research: Research, ran: Ran, walked: Walked, request: WalkForwardRequest
) -> WalkForwardReport:
    inside, outside = lengths_of(request)
    warnings = grid_warnings(research, ran)
    skipped = sum(w.chosen is None for w in walked.windows)
    if skipped:
        warnings.append(
            f"{skipped} of {len(walked.windows)} windows chose nothing: no variant made "
            f"{request.min_trades} trades in {inside} days. {_longer(ran, request, inside)}"
        )
    return WalkForwardReport(
        **grid_facts(research, ran, research.services.clock),
        tasks_completed=(),
        results_summary={
            "windows": len(walked.windows),
            "variants": ran.variants.variants,
            "trades_count": walked.metrics.trades,
            "total_r": walked.metrics.total_r,
            "expectancy_r": walked.metrics.expectancy_r,
            "pbo": None if walked.pbo is None else walked.pbo.pbo,
        },
        artifacts={},
        warnings=tuple(warnings),
        pbo=walked.pbo,
        inside_days=inside,
        outside_days=outside,
        windows=walked.windows,
        drifts=tuple(drifts(research.grid, walked.windows)),
        metrics=walked.metrics,
        robustness=walked.robustness,
        inside_expectancy_r=inside_mean(walked.windows),
    )


def _longer(ran: Ran, request: WalkForwardRequest, inside: int) -> str:
    """Return what would let windows choose: days that hold enough trades, or fewer trades."""
    days = (request.end - request.start).days + 1
    most = max((r.metrics.trades for r in ran.tested.results if r.metrics is not None), default=0)
    fewer = f"min_trades={max(2, most * inside // days)}"
    if most == 0:
        return "No variant traded at all in the period."
    needed = math.ceil(request.min_trades * days / most * _SPARE)
    if 2 * needed > days:  # the rest would be too short to walk through
        return f"The busiest made {most} in the whole period: test more days, or try {fewer}."
    return f"Try in={needed}, or {fewer}."


async def _keep(
    desk: Desk, report: WalkForwardReport, walked: Walked,
    made: tuple[Drawn | None, dict[str, str]], runner: Runner,
) -> WalkForwardReport:  # fmt: skip
    """Write the tables and the report, before anybody is told of them."""
    runner.stop.check()
    grid = report.grid
    chosen = {w.chosen: grid.values(w.chosen) for w in walked.windows if w.chosen is not None}
    names = [d.name for d in grid.dimensions]
    table = windows_csv(names, walked.windows, chosen)
    report = with_notes(report, await desk.held_against_first("_windows.csv", table))
    trades = [trade.model_dump(mode="json") for trade in walked.trades]
    files = {
        "windows_csv": await desk.keep("_windows.csv", table, "windows_csv", "text/csv"),
        "trades_csv": await desk.keep(
            "_trades.csv", trades_csv(walked.trades, report.rule_version), "trades_csv", "text/csv"
        ),
        "trades_json": await desk.keep(
            "_trades.json", json.dumps({"trades": trades}).encode(), "trades", "application/json"
        ),
    }
    drawn, kept = made
    paths = {name: f"archive/{path}" for name, path in files.items()} | kept
    return await keep_report(desk, report, {**paths, "pngs": archived(drawn)}, runner)


def walkforward_title(request: WalkForwardRequest) -> str:
    """Return a run's title."""
    return f"{sweep_title(request)} · walk-forward"


WALKFORWARD = Story(
    flow_type="walkforward_flow",
    prefix="run",
    command="walkforward",
    request=WalkForwardRequest,
    tasks=WALKFORWARD_TASKS,
    parse=parse_walkforward,
    check=check_walkforward,
    title=walkforward_title,
    tell=run_walkforward,
)
