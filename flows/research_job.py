"""What sweep and walk-forward share: their request looked up, their bars, their variants' job."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from flows import backtest_steps as steps
from flows import provenance
from flows import research_compute as compute
from flows.backtest_compute import Look
from flows.backtest_steps import Ingested, Job, Processed
from flows.costs import costs_of
from flows.repeating import fit_kept
from flows.research_compute import VariantsJob
from flows.research_report import Desk, desk_for
from flows.research_text import own_words, sweep_command
from flows.run_facts import run_times
from flows.services import Services
from flows.start_checks import checked
from flows.tasks import Runner
from flows.variants import Tested, Variants, test_variants, tested_variants
from pipeline.domain.errors import BadRequestError
from pipeline.domain.request import Run
from pipeline.domain.research import GridRequest
from pipeline.research.grid import Grid, read_grid
from pipeline.research.template import Template

G = TypeVar("G", bound=GridRequest)


@dataclass(frozen=True)
class Research:
    """A sweep's request with what it names.

    `job` is that of a backtest of the same; its setup is the variant that needs the most bars.
    """

    request: GridRequest
    template: Template
    grid: Grid
    job: Job

    @property
    def run(self) -> Run:
        """The run's record."""
        return self.job.run

    @property
    def services(self) -> Services:
        """The services."""
        return self.job.services

    def look(self, *, synthetic: bool) -> Look:
        """Return how the run's pictures look."""
        return replace(self.job.look, synthetic=synthetic)


@dataclass(frozen=True)
class Ran:
    """What the first three tasks of a sweep gave."""

    ingested: Ingested
    processed: Processed
    variants: Variants
    tested: Tested
    plan: VariantsJob
    provenance: dict[str, Any]
    notes: tuple[str, ...]


async def check_grid(request: G, services: Services) -> G:
    """Refuse what can't be run; pin the version of the rules.

    Raises
    ------
    BadRequestError
        Naming setup, period or parameter, with the command put right.
    """
    try:
        spec, _ = await checked(request.backtest, services)
    except BadRequestError as error:
        raise _as_sweep(error, request) from None
    template = await template_of(spec.setup_id, spec.rule_version, services)
    pairs = [(p.name, p.values) for p in request.parameters]
    try:
        await asyncio.to_thread(read_grid, pairs, template)
    except BadRequestError as error:
        raise _with_command(error, request) from None
    return request.model_copy(
        update={"extra": {**request.extra, "rule_version": spec.rule_version}}
    )


def _as_sweep(error: BadRequestError, request: GridRequest) -> BadRequestError:
    """Turn the corrected backtest of a refusal into the sweep that was asked for."""
    if error.corrected:
        begun = error.corrected.replace("/backtest", f"/{request.mode}", 1)
        error.corrected = " ".join([begun, *own_words(request)])
    return error


def _with_command(error: BadRequestError, request: GridRequest) -> BadRequestError:
    """Give a refusal of a parameter the whole command with the closest value in its place."""
    for p in request.parameters:
        if not error.closest or error.value is None:
            break
        if error.field == "parameter" and error.value == p.name:
            error.closest = tuple(f"{name}={p.values}" for name in error.closest)
        elif error.value not in p.values or not error.closest[0].startswith(f"{error.field}="):
            continue
        pair = f"{p.name}={p.values}"
        error.corrected = sweep_command(request, replaced=pair, by=error.closest[0])
        break
    return error


async def template_of(setup_id: str, version: str, services: Services) -> Template:
    """Return the file of a setup's version, as it was kept."""
    for kept in await services.setups.versions(setup_id):
        if kept.rule_version == version:
            return Template(kept.text, f"{setup_id}.yaml", version)
    raise BadRequestError(
        f"The file of {setup_id} {version} is not kept any more.",
        field="setup_id", value=setup_id,
    )  # fmt: skip


async def open_research(request: GridRequest, run: Run, services: Services) -> Research:
    """Look up what the request names, as pinned when the run was accepted."""
    version = str(request.extra.get("rule_version", ""))
    template = await template_of(request.setup_id, version, services)
    pairs = [(p.name, p.values) for p in request.parameters]
    grid = await asyncio.to_thread(read_grid, pairs, template)
    widest = await services.cpu.run(compute.hungriest, template, grid, request.timeframe)
    instrument = await services.instruments.get(request.symbol)
    state = services.state.of_run(run.run_id)
    job = Job(request.backtest, run, services, widest, instrument, state)
    return Research(request, template, grid, job)


async def run_variants(research: Research, runner: Runner) -> Ran:
    """Run the first three tasks: bars, their quality, every variant."""
    job = research.job
    notes = await fit_kept(job)
    ingested = await runner.critical(
        "data_ingest", Ingested, lambda: steps.data_ingest(job), {"request": job.request.symbol}
    )
    plain = replace(job, spec=research.template.plain)
    origin = provenance.provenance(job, ingested, job.services.clock())
    await job.services.runs.set_provenance(job.run.run_id, origin, job.run.claim)
    shown = provenance.provenance(plain, ingested, job.services.clock())
    processed = await runner.critical(
        "data_processor", Processed, lambda: steps.data_processor(job), {"bars": ingested.bars}
    )
    plan = _plan(research, ingested)
    done = await runner.critical(
        "variants",
        Variants,
        lambda: test_variants(plan, job.services, runner),
        {"variants": research.grid.size},
    )
    tested = await asyncio.to_thread(tested_variants, plan, job.state, done)
    return Ran(ingested, processed, done, tested, plan, shown, notes)


def _plan(research: Research, ingested: Ingested) -> VariantsJob:
    job, request = research.job, research.request
    settings = job.services.settings
    since, _ = steps.period_bounds(job.request)
    costs = costs_of(request.options, job.instrument, settings)
    lots = request.options.lots or settings.lots
    made_of = {
        "data": [ingested.data_hash, ingested.m1_hash, ingested.news_hash],
        "rules": [research.template.text, research.template.rule_version],
        "grid": research.grid.model_dump(mode="json"),
        "request": research.job.request.model_dump(mode="json"),
        "costs": [costs.model_dump(mode="json"), lots],
        "run": [job.run.run_id, provenance.code_hash()],
    }
    return VariantsJob(
        key=hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest(),
        template=research.template,
        grid=research.grid,
        symbol=request.symbol,
        trigger=request.timeframe,
        instrument=job.instrument,
        costs=costs,
        options=request.options,
        lots=lots,
        since=since,
        first=ingested.period_start,
        last=ingested.period_end,
        synthetic=ingested.synthetic,
        run_id=job.run.run_id,
        at=job.run.created_at,
    )


def grid_facts(research: Research, ran: Ran, now: Callable[[], Any]) -> dict[str, Any]:
    """Return the fields of a report that every grid's report has."""
    job, request = research.job, research.request
    return {
        "run_id": job.run.run_id,
        **run_times(job.run, now()),
        "request": request.model_dump(mode="json"),
        "setup_id": request.setup_id,
        "rule_version": research.template.rule_version,
        "symbol": request.symbol,
        "timeframe": request.timeframe.value,
        "period_start": ran.ingested.period_start,
        "period_end": ran.ingested.period_end,
        "source": ran.ingested.source,
        "synthetic": ran.ingested.synthetic,
        "data_quality": ran.processed.quality.score,
        "currency": job.instrument.currency,
        "costs": {**ran.plan.costs.model_dump(mode="json"), "fill": request.options.fill.value},
        "provenance": ran.provenance,
        "grid": research.grid,
        "by": request.by.value,
        "min_trades": request.min_trades,
        "variants": ran.variants.variants,
        "failed": ran.variants.failed,
    }


def grid_warnings(research: Research, ran: Ran) -> list[str]:
    """Return what a reader must know of any grid's results."""
    warnings = [*ran.notes, *ran.ingested.warnings, *ran.processed.warnings]
    if ran.ingested.synthetic:
        warnings.append("The bars are SYNTHETIC: a made-up sample, no market.")
    meant = research.template.plain.symbols
    if research.request.symbol not in meant:
        warnings.append(f"The setup is made for {', '.join(meant)}, not for this symbol.")
    if ran.variants.failed:
        warnings.append(f"{ran.variants.failed} variants could not be tested; the table says why.")
    return warnings


async def desk_of(research: Research) -> Desk:
    """Return where the files and messages of a grid's run go."""
    request = research.request
    meta = {
        "setup_id": request.setup_id,
        "rule_version": research.template.rule_version,
        "symbol": request.symbol,
        "timeframe": request.timeframe.value,
        "period": f"{request.start}/{request.end}",
    }
    return await desk_for(research.run, research.services, meta)
