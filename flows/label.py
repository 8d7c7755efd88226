"""The story of labelling: what past signals of a setup came to, as rows to learn from."""

import asyncio
from collections.abc import Sequence
from typing import Any

from flows import label_steps as steps
from flows.holdings import first_usable
from flows.label_steps import (
    FoundSets,
    IngestedSets,
    LabelledSets,
    OutcomeSets,
    ProcessedSets,
    backtests_of,
)
from flows.research_report import Told, desk_for, keep_report
from flows.run_facts import run_times
from flows.services import Services
from flows.start_checks import checked
from flows.story import Story
from flows.tasks import Runner
from pipeline.domain.errors import AppError, BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Run
from pipeline.domain.train_report import LabelReport
from pipeline.domain.training import ALL_SETUPS, LabelRequest, TrainingData
from pipeline.label_commands import parse_label
from pipeline.setups.rules import SetupSpec

LABEL_TASKS = (
    "data_ingest",
    "data_processor",
    "setup_manager",
    "outcomes",
    "features",
    "labels",
    "telegram_notify",
)
"""The tasks of labelling under their fixed names, in their order."""


async def run_label(
    request: LabelRequest, run: Run, services: Services, runner: Runner
) -> LabelReport:
    """Run the tasks and return the report; a completed run that is run again labels anew."""
    desk = await desk_for(run, services, {"setup_id": request.setup_id, "symbol": request.symbol})
    if desk.again:
        await asyncio.to_thread(runner.state.clear)
    jobs = await steps.open_jobs(request, run, services)
    ingested = await runner.critical(
        "data_ingest", IngestedSets, lambda: steps.data_ingest(jobs, runner), {"setups": len(jobs)}
    )
    processed = await runner.critical(
        "data_processor", ProcessedSets, lambda: steps.data_processor(jobs, runner)
    )
    found = await runner.critical(
        "setup_manager", FoundSets, lambda: steps.setup_manager(jobs, processed, runner)
    )
    ended = await runner.critical(
        "outcomes", OutcomeSets, lambda: steps.outcomes(jobs, found, runner)
    )
    featured = await runner.critical(
        "features", OutcomeSets, lambda: steps.features(jobs, found, ended, runner)
    )
    labelled = await runner.critical(
        "labels", LabelledSets, lambda: steps.labels(jobs, featured, runner)
    )
    report = _report(request, run, (ingested, processed, labelled), services)
    report = await keep_report(desk, report, {}, runner)
    documents = ((desk.path(".json"), "The whole report"),)
    await runner.optional(
        "telegram_notify", Told, lambda: desk.tell(report, None, documents), keep=False
    )
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


def _report(
    request: LabelRequest,
    run: Run,
    done: tuple[IngestedSets, ProcessedSets, LabelledSets],
    services: Services,
) -> LabelReport:
    ingested, processed, labelled = done
    sets, everything = labelled.sets, labelled.all
    versions, timeframes = ({getattr(s, n) for s in sets} for n in ("rule_version", "timeframe"))
    return LabelReport(
        run_id=run.run_id,
        flow_status="completed",
        **run_times(run, services.clock()),
        request=request.model_dump(mode="json"),
        setup_id=request.setup_id,
        rule_version=", ".join(sorted(versions)),
        symbol=request.symbol,
        timeframe=", ".join(t.value for t in Timeframe if t.value in timeframes),
        period_start=min(one.period_start for one in ingested.sets),
        period_end=max(one.period_end for one in ingested.sets),
        signals=sum(one.signals for one in sets),
        labelled=everything.labelled,
        positives=everything.positives,
        unfilled=everything.unfilled,
        **{n: sum(getattr(one, n) for one in sets) for n in ("added", "updated", "removed")},
        total_labelled=labelled.total,
        min_samples=TrainingData().min_samples,
        sets=sets,
        left_out=request.extra.get("left_out", {}),
        synthetic=any(one.synthetic for one in ingested.sets),
        results_summary={"labelled": everything.labelled, "positives": everything.positives},
        warnings=_warnings(ingested, processed),
        provenance={"data_hash": {s.setup_id: i.data_hash
                                  for s, i in zip(sets, ingested.sets, strict=True)}},
    )  # fmt: skip


def _warnings(ingested: IngestedSets, processed: ProcessedSets) -> tuple[str, ...]:
    found = [warning for one in ingested.sets for warning in one.warnings]
    found += [warning for each in processed.sets for warning in each.warnings]
    if any(one.synthetic for one in ingested.sets):
        found.append("The bars are SYNTHETIC: a model learns nothing about a market from them.")
    return tuple(dict.fromkeys(found))


async def check_label(request: LabelRequest, services: Services) -> LabelRequest:
    """Refuse what can't be labelled; of all setups, leave those out, and pin the others' rules.

    Raises
    ------
    AppError
        Nothing can be labelled: what is wrong with the (first) setup.
    """
    everything = request.setup_id == ALL_SETUPS
    specs = await _specs(request, services)
    pinned: dict[str, Any] = {"rule_versions": {}, "timeframes": {}, "left_out": {}}
    refusals = []
    for spec in specs:
        timeframe = request.timeframe or await _timeframe(spec, request.symbol, services)
        one = {"rule_versions": {spec.setup_id: spec.rule_version},
               "timeframes": {spec.setup_id: timeframe.value}}  # fmt: skip
        [backtest] = backtests_of(request.model_copy(update={"extra": one}))
        try:
            await checked(backtest, services)
        except AppError as error:
            refusals.append(error)
            pinned["left_out"][spec.setup_id] = error.user_text
            continue
        for name, value in one.items():
            pinned[name] |= value
    if pinned["rule_versions"]:
        return request.model_copy(update={"extra": {**request.extra, **pinned}})
    raise _as_label(refusals[0], everything=everything)


async def _specs(request: LabelRequest, services: Services) -> Sequence[SetupSpec]:
    if request.setup_id == ALL_SETUPS:
        return await services.setups.active()
    return [await services.setups.get(request.setup_id)]


async def _timeframe(spec: SetupSpec, symbol: str, services: Services) -> Timeframe:
    """Return the setup's own timeframe, or the first of its others that held bars give."""
    own = [h for h in await services.bars.holdings() if h.symbol == symbol]
    return first_usable(own, (spec.timeframe, *spec.timeframes))


def _as_label(error: AppError, *, everything: bool) -> AppError:
    """Return a backtest's refusal as one of /label."""
    if isinstance(error, BadRequestError):
        error.corrected = "" if everything else error.corrected.replace("/backtest", "/label", 1)
    return error


def label_title(request: LabelRequest) -> str:
    """Return a run's title: what is labelled."""
    setup = "all setups" if request.setup_id == ALL_SETUPS else request.setup_id
    where = f"{request.symbol} {request.timeframe or ''}".rstrip()
    return f"Labels · {setup} · {where} · {request.start} – {request.end}"


LABEL = Story(
    flow_type="label_flow",
    prefix="run",
    command="label",
    request=LabelRequest,
    tasks=LABEL_TASKS,
    parse=parse_label,
    check=check_label,
    title=label_title,
    tell=run_label,
)
