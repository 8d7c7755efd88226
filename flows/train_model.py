"""The story of a training: labelled signals in, a model that is used only if it is better."""

from flows import train_deploy as deploy
from flows import train_report as reports
from flows import train_steps as steps
from flows.research_report import Told, desk_for
from flows.services import Services
from flows.story import Story
from flows.tasks import Runner
from flows.train_compute import Grown, Prepared, Windows
from flows.train_deploy import Deployed, Versioned
from flows.train_report import Outcome, Skipped
from flows.train_steps import Collected, Evaluated, Training
from pipeline.domain.request import Run
from pipeline.domain.train_report import TrainReport
from pipeline.domain.training import TrainRequest
from pipeline.train_commands import parse_train
from pipeline.train_requests import checked_request

TRAIN_TASKS = (
    "data_collection", "feature_engineering", "train_test_split", "model_training", "evaluation",
    "model_versioning", "deploy_if_better", "notification",
)  # fmt: skip
"""The tasks of a training under their fixed names, in their order."""


async def run_train(
    request: TrainRequest, run: Run, services: Services, runner: Runner
) -> TrainReport:
    """Run the eight tasks; with too few rows all but the first and the last are skipped."""
    job = Training(request, run, services)
    collected = await runner.critical(
        "data_collection", Collected, lambda: steps.collect(job),
        {"query": request.training_data.query},
    )  # fmt: skip
    outcome = await _trained(job, collected, runner)
    report = await reports.report_of(outcome, job, services.clock())
    desk = await desk_for(run, services, {"model_id": request.model_type})
    report = await reports.keep_report(desk, report, runner)
    told = await runner.optional(
        "notification", Told, lambda: reports.notify(report, desk), keep=False
    )
    tasks = tuple(runner.records.values())
    done = {"tasks_completed": tasks, "notification_sent": told is not None}
    return report.model_copy(update=done)


async def _trained(job: Training, collected: Collected, runner: Runner) -> Outcome | Skipped:
    """Run the tasks between reading the rows and telling what became of them."""
    rows, wanted = collected.rows, job.request.training_data.min_samples
    if len(rows) < wanted:
        return await _skipped(job, Skipped(rows=len(rows)), runner)
    prepared = await runner.critical(
        "feature_engineering", Prepared, lambda: steps.prepare(job, rows), {"rows": rows}
    )
    if prepared.rows < wanted:
        return await _skipped(job, Skipped(prepared.rows, prepared.left_out), runner)
    windows = await runner.critical(
        "train_test_split", Windows, lambda: steps.windows(job, rows), {"rows": prepared.rows}
    )
    grown = await runner.critical(
        "model_training", Grown, lambda: steps.grow(job, rows), {"rows": windows.training}
    )
    evaluated = await runner.critical(
        "evaluation", Evaluated, lambda: steps.evaluate(job, rows, grown),
        {"rows": windows.holdout},
    )  # fmt: skip
    made = deploy.made_of(job, grown, evaluated)
    kept = await runner.critical(
        "model_versioning", Versioned, lambda: deploy.keep_version(made, job.services)
    )
    deployed = await runner.critical(
        "deploy_if_better", Deployed, lambda: deploy.deploy_if_better(made, kept, job.services),
        {"version": kept.version},
    )  # fmt: skip
    return Outcome(prepared, windows, evaluated, kept, deployed)


async def _skipped(job: Training, skipped: Skipped, runner: Runner) -> Skipped:
    """Record that the remaining tasks had nothing to do, and why."""
    why = reports.too_few(skipped, job.request)
    for task in TRAIN_TASKS[1:-1]:
        if task not in runner.records:
            await runner.optional(task, Told, lambda: reports.nothing_to_do(why), keep=False)
    return skipped


async def check_train(request: TrainRequest, services: Services) -> TrainRequest:  # noqa: ARG001
    """Take the query over into the fields; BadRequestError where it can't be trained."""
    return checked_request(request)


def train_title(request: TrainRequest) -> str:
    """Return a run's title: which model learns from what."""
    data = request.training_data
    what = [", ".join(data.setups) or "all setups", ", ".join(data.symbols) or "all symbols"]
    if data.start is not None or data.end is not None:
        what.append(f"{data.start or 'the beginning'} – {data.end or 'today'}")
    return f"Training {request.model_type} · {' · '.join(what)}"


TRAIN = Story(
    flow_type="train_model_flow",
    prefix="train",
    command="train",
    request=TrainRequest,
    tasks=TRAIN_TASKS,
    parse=parse_train,
    check=check_train,
    title=train_title,
    tell=run_train,
)
