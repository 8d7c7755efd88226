"""A trained model kept as a version, and put in use where it is really better."""

from typing import Literal

from flows.backtest_compute import Frozen
from flows.model_use import Made, Versioned, keep_version, put_in_use
from flows.services import Services
from flows.train_compute import Grown
from flows.train_steps import Evaluated, Training
from pipeline.domain.model import ModelStanding
from storage.model_ports import StoredModel

__all__ = ["Deployed", "Versioned", "deploy_if_better", "keep_version", "made_of"]


class Deployed(Frozen):
    """Output of deploy_if_better; `notes` say what happened besides."""

    status: Literal["deployed", "kept_previous"]
    previous: str
    removed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def made_of(job: Training, grown: Grown, evaluated: Evaluated) -> Made:
    """Return what a training made, to be kept and maybe put in use."""
    judged = evaluated.judged
    return Made(
        run_id=job.run.run_id,
        model=StoredModel(judged.manifest, grown.trees),
        verdict=judged.verdict,
        standing=evaluated.standing,
        refused=evaluated.refused,
    )


async def deploy_if_better(made: Made, kept: Versioned, services: Services) -> Deployed:
    """Put the version in use if the gate says so and its rival is still the one it beat."""
    deployed = await _deployed(made, kept.version, services)
    count, model_id = services.settings.models_kept, made.standing.model_id
    removed = await services.models.keep_last(model_id, count, services.clock())
    return deployed.model_copy(update={"removed": tuple(removed)})


async def _deployed(made: Made, version: str, services: Services) -> Deployed:
    judged = made.standing.champion
    if not made.verdict.promoted:
        return Deployed(status="kept_previous", previous=judged)
    came = await put_in_use(made, version, services)
    if came is not None:
        return _overtaken(judged, came)
    return Deployed(status="deployed", previous=judged)


def _overtaken(judged: str, now: ModelStanding) -> Deployed:
    """Keep what came into use meanwhile: the model was never held against it."""
    was, then = judged or "no model", now.champion or "none"
    note = (
        f"It was better than {was}, but while it was trained {then} came into use. It was not "
        "judged against that one and stays aside: train again, or promote it by hand."
    )
    return Deployed(status="kept_previous", previous=now.champion, notes=(note,))
