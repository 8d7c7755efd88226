"""The report of a training: put together, kept, and told to who asked or to the owners."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flows.holdings import first_usable, usable
from flows.model_desk import send_card
from flows.owners import owner_chats
from flows.research_report import Desk, Told
from flows.run_facts import run_times
from flows.services import Services
from flows.tasks import Runner, SkipTaskError
from flows.train_compute import Prepared, Windows
from flows.train_deploy import Deployed, Versioned
from flows.train_steps import Evaluated, Training
from flows.train_text import headline, left_out_note, missing_line
from pipeline.domain.model import GateVerdict
from pipeline.domain.report import DeliveryKind, Holding, Interval
from pipeline.domain.request import Channel, Run, TaskRecord
from pipeline.domain.train_report import TrainReport
from pipeline.domain.training import TrainRequest
from pipeline.setups.rules import SetupSpec

_METRICS = ("roc_auc", "accuracy", "precision", "recall", "log_loss", "brier")
_CHANCE = 0.5
_SIGNIFICANCE = ("delong", "bootstrap")


@dataclass(frozen=True)
class Skipped:
    """Too few rows to learn from, and why others were left out."""

    rows: int
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What the tasks of a training gave."""

    prepared: Prepared
    windows: Windows
    evaluated: Evaluated
    kept: Versioned
    deployed: Deployed


def too_few(skipped: Skipped, request: TrainRequest) -> str:
    """Return why nothing was trained, in one line."""
    return f"{skipped.rows} of {request.training_data.min_samples} labelled signals are there"


async def nothing_to_do(why: str) -> Told:
    """Skip the task that is run."""
    raise SkipTaskError(why)


async def report_of(found: Outcome | Skipped, job: Training, now: datetime) -> TrainReport:
    """Return the whole report, before it is kept and told."""
    common: dict[str, Any] = {
        "run_id": job.run.run_id,
        "flow_status": "completed",
        **run_times(job.run, now),
        "request": job.request.model_dump(mode="json"),
        "model_id": job.request.model_type,
        "training_date": now.date(),
        "notification_sent": False,
    }
    if isinstance(found, Skipped):
        return await _skipped(found, job, common)
    return _outcome(found, job, common)


async def _skipped(found: Skipped, job: Training, common: dict[str, Any]) -> TrainReport:
    missing = job.request.training_data.min_samples - found.rows
    line = await label_line(job)
    how = f"Label more past signals: {line}" if line else "Import bars, then label past signals."
    return TrainReport(
        **common,
        new_version="",
        training_data_size=found.rows,
        metrics=dict.fromkeys(_METRICS),
        comparison_with_previous=None,
        deployment_status="skipped_insufficient_data",
        model_path="",
        missing_samples=missing,
        results_summary={"missing_samples": missing, "label_command": line},
        warnings=(*left_out_note(found.left_out), how, *_schedule_note(job)),
    )


def _outcome(found: Outcome, job: Training, common: dict[str, Any]) -> TrainReport:
    evaluated, card = found.evaluated, found.evaluated.judged.card
    verdict, metrics = evaluated.judged.verdict, card.manifest.metrics
    manifest = card.manifest.model_copy(update={"version": found.kept.version})
    refused = f"{evaluated.refused}. It was judged as if none were in use."
    return TrainReport(
        **common,
        new_version=found.kept.version,
        training_data_size=found.prepared.rows,
        metrics={name: _value(getattr(metrics, name)) for name in _METRICS},
        comparison_with_previous=comparison(verdict),
        deployment_status=found.deployed.status,
        model_path=f"models/{found.kept.path}",
        card=card.model_copy(update={"manifest": manifest}),
        results_summary={
            "windows": found.windows.model_dump(mode="json"),
            "previous": found.deployed.previous,
            "removed_versions": list(found.deployed.removed),
        },
        warnings=(
            *([refused] if evaluated.refused else []), *verdict.notes, *found.deployed.notes,
            *left_out_note(found.prepared.left_out), *_schedule_note(job),
        ),
        provenance={
            "data_hash": found.prepared.fingerprint,
            "feature_version": manifest.feature_version,
            "seed": job.request.hyperparams.seed,
        },
    )  # fmt: skip


def comparison(verdict: GateVerdict) -> dict[str, Any]:
    """Return how the model compares with the one it was judged against; the first with chance.

    `significant`: both DeLong's test and the days drawn anew say that the gain is no chance.
    """
    new = _value(verdict.challenger.roc_auc)
    old = _CHANCE if verdict.champion is None else _value(verdict.champion.roc_auc)
    gain = None if new is None or old is None else round(new - old, 6)
    return {
        "previous_version": verdict.against or None,
        "previous_auc": old,
        "improvement": gain,
        "significant": all(c.passed for c in verdict.conditions if c.name in _SIGNIFICANCE),
    }


def _value(figure: Interval | None) -> float | None:
    return None if figure is None else figure.value


def _schedule_note(job: Training) -> tuple[str, ...]:
    own = job.services.settings.train_schedule
    if job.request.schedule in (own, TrainRequest().schedule):
        return ()
    return (f"It is trained by TRAIN_SCHEDULE ({own}), not by the request's schedule.",)


async def label_line(job: Training) -> str:
    """Return the /label command that brings rows: of the setup that has fewest; "": no bars."""
    data, services = job.request.training_data, job.services
    counts = await services.labels.count()
    held = await services.bars.holdings()
    setups = [
        s for s in await services.setups.active() if s.setup_id in (data.setups or (s.setup_id,))
    ]
    for spec in sorted(setups, key=lambda s: counts.get(s.setup_id, 0)):
        for symbol in data.symbols or (*spec.symbols, *sorted({h.symbol for h in held})):
            line = _line(spec, [h for h in held if h.symbol == symbol])
            if line:
                return line
    return ""


def _line(spec: SetupSpec, held: list[Holding]) -> str:
    if not held:
        return ""
    timeframe = first_usable(held, (spec.timeframe, *spec.timeframes))
    fitting = usable(held, timeframe)
    if not fitting:
        return ""
    best = max(fitting, key=lambda h: h.last - h.first)
    period = f"{best.first:%Y-%m-%d}..{best.last:%Y-%m-%d}"
    return f"/label {spec.setup_id} {best.symbol} {timeframe} {period}"


async def chats_to_tell(run: Run, services: Services, rows: int) -> tuple[int, ...]:
    """Return who hears of it: the chat that asked; of a scheduled training the owners.

    Owners who never labelled anything are not told each week that there is nothing to learn from.
    """
    if run.actor.chat_id is not None:
        return (run.actor.chat_id,)
    if run.actor.channel is not Channel.SCHEDULE or not rows:
        return ()
    return await owner_chats(services.settings.owner_ids, services.chats)


async def keep_report(desk: Desk, report: TrainReport, runner: Runner) -> TrainReport:
    """Write the report as it is once it is told, and return it with where it lies."""
    chats = await chats_to_tell(desk.run, desk.services, report.training_data_size)
    status = "success" if chats else "skipped"
    last = TaskRecord.model_validate({"task": "notification", "status": status})
    whole = report.model_copy(
        update={
            "artifacts": {"report_json": f"archive/{desk.path('.json')}"},
            "tasks_completed": (*runner.records.values(), last),
            "notification_sent": bool(chats),
        }
    )
    data = whole.model_dump_json(indent=2).encode()
    await desk.keep(".json", data, "report_json", "application/json")
    return whole


async def notify(report: TrainReport, desk: Desk) -> Told:
    """Owe the report to who asked, or a few lines to the owners of a scheduled training."""
    run, services = desk.run, desk.services
    if run.actor.chat_id is not None:
        told = await desk.tell(report, None, ((desk.path(".json"), "The whole report"),))
        if report.card is not None:
            await send_card(report.card, desk)
        return told
    chats = await chats_to_tell(run, services, report.training_data_size)
    if not chats:
        raise SkipTaskError("nobody waits for a message")
    for chat in chats:
        await services.outbox.put(
            chat, DeliveryKind.NOTICE, {"text": _words(report), "silent": True},
            dedupe_key=f"training:{run.run_id}:{run.asked}:{chat}", now=services.clock(),
            claim=run.claim,
        )  # fmt: skip
    return Told()


def _words(report: TrainReport) -> str:
    lines = [f"Weekly training: {headline(report)}.", missing_line(report)]
    lines += [report.card.sentence] if report.card else []
    return "\n".join([line for line in (*lines, *report.warnings) if line]
                     + [f"All of it: /status {report.run_id}"])  # fmt: skip
