"""The sweep's story: every variant of a grid tested, the stable plateau found, drawn and told."""

from collections.abc import Sequence

import numpy as np

from flows import research_compute as compute
from flows.backtest_compute import Frozen
from flows.kept_variants import keep_variant_trades
from flows.research_draw import draw_sweep
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
from flows.research_text import sweep_title, variants_csv
from flows.services import Services
from flows.story import Story
from flows.tasks import Runner
from pipeline.domain.request import Run
from pipeline.domain.research import SweepRequest
from pipeline.domain.trial import Pbo, Standing, Trial
from pipeline.research.grid import Grid
from pipeline.research.plateau import Plateau, plateau, region_scores
from pipeline.research.reports import SweepReport, VariantLine
from pipeline.research.results import VariantResult, scores
from pipeline.research_commands import parse_sweep

SWEEP_TASKS = (
    "data_ingest", "data_processor", "variants", "scoring", "visualizer", "telegram_notify",
)  # fmt: skip
"""The tasks of a sweep under their fixed names, in their order."""
SHOWN_FAILURES = 5


class Scored(Frozen):
    """Output of scoring: one score a variant (None: not usable), and what they say together."""

    scores: tuple[float | None, ...]
    regions: tuple[float | None, ...]
    plateau: Plateau | None
    pbo: Pbo | None
    standing: Standing | None


async def run_sweep(
    request: SweepRequest, run: Run, services: Services, runner: Runner
) -> SweepReport:
    """Run the six tasks and return the report."""
    research = await open_research(request, run, services)
    ran = await run_variants(research, runner)
    scored = await runner.critical(
        "scoring", Scored, lambda: _score(research, ran), {"trades": ran.tested.trades.rr}
    )
    lines = variant_lines(research.grid, ran.tested.results, scored.scores, scored.regions)
    report = _report(research, ran, scored, lines)
    desk = await desk_of(research)
    drawn = await runner.optional(
        "visualizer", Drawn, lambda: draw_sweep(research, report, lines, desk)
    )
    kept = await keep_variant_trades(desk, ran.tested.trades)
    report = await _keep(desk, report, lines, (drawn, kept), runner)
    documents = (
        (desk.path("_variants.csv"), "All variants"), (desk.path(".json"), "The whole report"),
    )  # fmt: skip
    await runner.optional(
        "telegram_notify", Told, lambda: desk.tell(report, drawn, documents), keep=False
    )
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


async def _score(research: Research, ran: Ran) -> Scored:
    grid, request = research.grid, research.request
    found = scores(ran.tested.trades, grid.size, request.by, request.min_trades)
    ordered = tuple(d.ordered for d in grid.dimensions)
    best = plateau(grid, found)
    pbo = await research.services.cpu.run(
        compute.overfitting, ran.tested.trades, ran.ingested.period_start, ran.ingested.period_end
    )
    return Scored(
        scores=_finite(found),
        regions=_finite(region_scores(found.reshape(grid.shape), ordered).ravel()),
        plateau=best,
        pbo=pbo,
        standing=None if best is None else await _standing(research, ran, best.centre),
    )


async def _standing(research: Research, ran: Ran, index: int) -> Standing | None:
    """Return where a variant stands among all tries of its idea, those of this run included."""
    from pipeline.backtest.trials import standing  # noqa: PLC0415

    mine = await research.services.cpu.run(compute.trial_of_variant, ran.plan, index,
                                           ran.tested.trades)  # fmt: skip
    tries: Sequence[Trial] = await research.services.trials.of_idea(
        mine.setup_id, mine.symbol, synthetic=mine.synthetic
    )
    return standing(tries, mine)


def _finite(values: np.ndarray) -> tuple[float | None, ...]:
    return tuple(float(v) if np.isfinite(v) else None for v in values)


def variant_lines(
    grid: Grid,
    results: Sequence[VariantResult],
    scored: Sequence[float | None],
    regions: Sequence[float | None],
) -> list[VariantLine]:
    """Return every variant with its values, figures and scores, in the grid's order."""
    return [
        VariantLine(
            index=r.index,
            label=grid.label(r.index),
            values=grid.values(r.index),
            metrics=r.metrics,
            score=scored[r.index],
            region_score=regions[r.index],
            error=r.error,
        )
        for r in results
    ]


def own_index(research: Research) -> int | None:
    """Return the variant that the file itself is, None where it is not in the grid."""
    words = {w.path: w for w in research.template.words}
    cell = []
    for d in research.grid.dimensions:
        given = words[d.path].given
        if given not in d.values:
            return None
        cell.append(d.values.index(given))
    return research.grid.index(cell)


def idle_parameters(grid: Grid, lines: Sequence[VariantLine]) -> tuple[str, ...]:
    """Return the parameters along which no variant's trades differ from its neighbour's."""
    if any(line.metrics is None for line in lines):
        return ()
    marks = [(m.trades, m.total_r, m.total_pnl) for m in (line.metrics for line in lines) if m]
    found = []
    for axis, dimension in enumerate(grid.dimensions):
        first = [list(grid.cell(i)) for i in range(grid.size)]
        same = all(
            marks[i] == marks[grid.index([*c[:axis], 0, *c[axis + 1 :]])]
            for i, c in enumerate(first)
        )
        if same and len(dimension.values) > 1:
            found.append(dimension.name)
    return tuple(found)


def _report(
    research: Research, ran: Ran, scored: Scored, lines: Sequence[VariantLine]
) -> SweepReport:
    best, own = scored.plateau, own_index(research)
    chosen = None if best is None else lines[best.centre]
    idle = idle_parameters(research.grid, lines)
    summary = {
        "variants": len(lines),
        "failed": ran.variants.failed,
        "chosen": None if chosen is None else chosen.label,
        "trades_count": None
        if chosen is None or chosen.metrics is None
        else chosen.metrics.trades,
        "total_r": None if chosen is None or chosen.metrics is None else chosen.metrics.total_r,
        "region_score": None if best is None else best.region_score,
        "pbo": None if scored.pbo is None else scored.pbo.pbo,
        "deflated_sharpe": None if scored.standing is None else scored.standing.deflated,
    }
    return SweepReport(
        **grid_facts(research, ran, research.services.clock),
        tasks_completed=(),
        results_summary=summary,
        artifacts={},
        warnings=tuple(_warnings(research, ran, scored, idle)),
        failures=tuple([line for line in lines if line.error][:SHOWN_FAILURES]),
        pbo=scored.pbo,
        plateau=best,
        chosen=chosen,
        best=None if best is None else lines[best.best],
        own=None if own is None else lines[own],
        standing=scored.standing,
        idle=idle,
    )


def _warnings(research: Research, ran: Ran, scored: Scored, idle: tuple[str, ...]) -> list[str]:
    warnings = grid_warnings(research, ran)
    fewest = research.request.min_trades
    if scored.plateau is None:
        warnings.append(f"No variant made {fewest} trades: there is nothing to choose from.")
    elif scored.plateau.at_edge:
        names = ", ".join(scored.plateau.at_edge)
        warnings.append(f"The best region lies at the edge of {names}: look beyond it.")
    if idle:
        warnings.append(f"{', '.join(idle)}: no trade changed with it.")
    return warnings


async def _keep(
    desk: Desk, report: SweepReport, lines: Sequence[VariantLine],
    made: tuple[Drawn | None, dict[str, str]], runner: Runner,
) -> SweepReport:  # fmt: skip
    """Write the table and the report, before anybody is told of them."""
    runner.stop.check()
    names = [d.name for d in report.grid.dimensions]
    cells = set(report.plateau.cells) if report.plateau else set()
    table = variants_csv(names, lines, cells)
    report = with_notes(report, await desk.held_against_first("_variants.csv", table))
    csv_path = await desk.keep("_variants.csv", table, "variants_csv", "text/csv")
    drawn, kept = made
    files = {"variants_csv": f"archive/{csv_path}", **kept, "pngs": archived(drawn)}
    return await keep_report(desk, report, files, runner)


SWEEP = Story(
    flow_type="sweep_flow",
    prefix="run",
    command="sweep",
    request=SweepRequest,
    tasks=SWEEP_TASKS,
    parse=parse_sweep,
    check=check_grid,
    title=sweep_title,
    tell=run_sweep,
)
