"""The story of a retraining on an exchange's bars, and the plain call that needs no Prefect.

from flows.model_retraining import retrain
result = retrain("BTC/USDT", days=30)
"""

import asyncio
from dataclasses import replace

from flows import retraining_steps as steps
from flows.exchange_bars import Collected, collect, exchange_of
from flows.launcher import InProcessLauncher
from flows.model_use import Versioned
from flows.research_report import Told, desk_for, keep_report
from flows.retraining_compute import Prepared
from flows.run_facts import run_times
from flows.services import Services, open_services
from flows.settings import Settings
from flows.story import Story
from flows.tasks import Runner
from pipeline.domain.errors import AppError
from pipeline.domain.exchange import RetrainingResult, RetrainRequest, market_named
from pipeline.domain.request import Actor, Channel, Run
from pipeline.retraining_commands import parse_retraining

RETRAINING_TASKS = (
    "data_collection", "validation", "feature_preparation", "model_training", "model_saving",
    "evaluation", "comparison", "activation", "telegram_notify",
)  # fmt: skip
"""The tasks of a retraining under their fixed names, in their order."""
SCRIPT = Actor(channel=Channel.CLI, name="script")


async def run_retraining(
    request: RetrainRequest, run: Run, services: Services, runner: Runner
) -> RetrainingResult:
    """Run the tasks; a model that is no better is a result, not an error."""
    collected = await runner.critical(
        "data_collection", Collected, lambda: collect(request.symbol, request.days, services),
        {"symbol": request.symbol, "days": request.days},
    )  # fmt: skip
    job = steps.Retraining(collected, run, services)
    valid = await runner.critical("validation", steps.Validated, lambda: steps.validate(job))
    prepared = await runner.critical(
        "feature_preparation", Prepared, lambda: steps.prepare(job, valid)
    )
    trained = await runner.critical(
        "model_training", steps.Trained, lambda: steps.learn(job, valid), {"rows": prepared.rows}
    )
    saved = await runner.critical("model_saving", Versioned, lambda: steps.save(job, trained))
    figures = await runner.critical(
        "evaluation", steps.Evaluated, lambda: steps.evaluate(job, trained, prepared)
    )
    await runner.critical("comparison", steps.Compared, lambda: steps.compare(trained))
    active = await runner.critical(
        "activation", steps.Activated, lambda: steps.activate(job, trained, saved)
    )
    result = _result(request, job, (trained, saved, figures, active), prepared)
    desk = await desk_for(run, services, {"symbol": collected.stored_as})
    result = await keep_report(desk, result, {"model": f"models/{saved.path}"}, runner)
    await runner.optional("telegram_notify", Told, lambda: desk.tell(result, None, ()), keep=False)
    return result.model_copy(update={"tasks_completed": tuple(runner.records.values())})


def _result(
    request: RetrainRequest,
    job: steps.Retraining,
    outcome: tuple[steps.Trained, Versioned, steps.Evaluated, steps.Activated],
    prepared: Prepared,
) -> RetrainingResult:
    trained, saved, figures, active = outcome
    collected = job.collected
    refused = [f"The model in use was not judged against: {trained.refused}"]
    return RetrainingResult(
        run_id=job.run.run_id,
        **run_times(job.run, job.services.clock()),
        request=request.model_dump(mode="json"),
        success=True,
        version=saved.version,
        metrics=figures.metrics,
        activated=active.activated,
        model_id=job.order.model_id,
        model_path=f"models/{saved.path}",
        exchange=collected.market.exchange,
        symbol=collected.market.symbol,
        stored_as=collected.stored_as,
        rows=prepared.rows,
        bars=collected.bars,
        gaps=collected.gaps,
        comparison=trained.learnt.verdict,
        worth=figures.worth,
        results_summary={"version": saved.version, "activated": active.activated},
        warnings=(*collected.notes, *active.notes, *(refused if trained.refused else [])),
    )


async def check_retraining(request: RetrainRequest, services: Services) -> RetrainRequest:
    """Refuse where no exchange is set; what it has is found out by the run."""
    exchange_of(services)
    return request


def asked_for(symbol: str, days: int) -> RetrainRequest:
    """Return the request of a script or a schedule; BadRequestError names what is wrong."""
    return parse_retraining(f"/train {market_named(symbol)} days={days}", None, None)


async def model_retraining(
    symbol: str, days: int = 30, *, services: Services | None = None, actor: Actor = SCRIPT
) -> RetrainingResult:
    """Retrain a market's model here, without a Prefect server, and return how it went.

    Parameters
    ----------
    symbol
        Like BTC/USDT.
    days
        How many days up to now are learnt from.
    services
        None opens those of the settings and closes them at the end.

    Returns
    -------
    RetrainingResult
        `success` False with `error` where it could not be done; nothing is raised for that.
    """
    if services is None:
        async with open_services(Settings(use_prefect=False)) as own:
            return await model_retraining(symbol, days, services=own, actor=actor)
    from flows.control import launch  # noqa: PLC0415  (which knows this story too)

    launcher = InProcessLauncher(1)
    try:
        run = await launch(asked_for(symbol, days), actor, replace(services, launcher=launcher))
        await launcher.wait(run.run_id)
    except AppError as error:
        return RetrainingResult(success=False, flow_status="failed", error=error.user_text)
    finally:
        await launcher.close()
    ended = await services.runs.get(run.run_id)
    if ended is not None and ended.report:
        return RetrainingResult.model_validate(ended.report)
    why = ended.error if ended is not None else "the run is gone"
    return RetrainingResult(success=False, flow_status="failed", error=why, run_id=run.run_id)


def retrain(symbol: str, days: int = 30) -> RetrainingResult:
    """Do the same from a script that has no event loop."""
    return asyncio.run(model_retraining(symbol, days))


RETRAINING = Story(
    flow_type="model_retraining",
    prefix="train",
    command="train",
    request=RetrainRequest,
    tasks=RETRAINING_TASKS,
    parse=parse_retraining,
    check=check_retraining,
    title=lambda request: f"Training {request.symbol}, {request.days} days",
    tell=run_retraining,
)
