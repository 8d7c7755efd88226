"""A trained model kept as a version, and put in use where it is really better."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from flows.backtest_compute import Frozen
from flows.services import Services
from flows.train_compute import Grown
from flows.train_steps import Evaluated
from pipeline.domain.model import ModelStanding
from pipeline.domain.request import Run
from pipeline.ml.standings import promoted
from storage.model_ports import StoredModel
from storage.telemetry import get_logger

log = get_logger(__name__)
_TRIES = 10  # of a change that others overtake
_PAUSE = 0.05


class Versioned(Frozen):
    """Output of model_versioning."""

    version: str
    path: str


class Deployed(Frozen):
    """Output of deploy_if_better; `notes` say what happened besides."""

    status: Literal["deployed", "kept_previous"]
    previous: str
    removed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A trained model of a run, and what it was judged against."""

    run: Run
    model_id: str
    grown: Grown
    evaluated: Evaluated


async def keep_version(of: Candidate, services: Services) -> Versioned:
    """Keep the model as a version, better or not; a run makes one, however often it is begun."""
    for kept in await services.models.versions(of.model_id):
        if kept.run_id == of.run.run_id:
            return Versioned(version=kept.version, path=kept.path)
    version = await services.models.next_version(of.model_id)
    named = {"version": version, "run_id": of.run.run_id}
    manifest = of.evaluated.judged.manifest.model_copy(update=named)
    model = StoredModel(manifest, of.grown.trees)
    kept = await services.models.put(model, of.evaluated.judged.verdict, services.clock())
    return Versioned(version=kept.version, path=kept.path)


async def deploy_if_better(of: Candidate, kept: Versioned, services: Services) -> Deployed:
    """Put the version in use if the gate says so and its rival is still the one it beat."""
    deployed = await _deployed(of, kept.version, services)
    count = services.settings.models_kept
    removed = await services.models.keep_last(of.model_id, count, services.clock())
    return deployed.model_copy(update={"removed": tuple(removed)})


async def _deployed(of: Candidate, version: str, services: Services) -> Deployed:
    judged = of.evaluated.standing.champion
    if not of.evaluated.judged.verdict.promoted:
        return Deployed(status="kept_previous", previous=judged)
    for past in await services.models.history(of.model_id):
        if past.champion == version:  # an earlier attempt of this run did it
            return Deployed(status="deployed", previous=judged)
    for _ in range(_TRIES):
        before = await services.models.standing(of.model_id)
        if before.champion != judged:
            return _overtaken(judged, before)
        if await services.models.change(_after(before, version, of, services), before):
            log.info("model_deployed", model=of.model_id, version=version, previous=judged)
            return Deployed(status="deployed", previous=judged)
        await asyncio.sleep(_PAUSE)
    raise RuntimeError("the standing changes faster than it can be read")


def _overtaken(judged: str, now: ModelStanding) -> Deployed:
    """Keep what came into use meanwhile: the model was never held against it."""
    was, then = judged or "no model", now.champion or "none"
    note = (
        f"It was better than {was}, but while it was trained {then} came into use. It was not "
        "judged against that one and stays aside: train again, or promote it by hand."
    )
    return Deployed(status="kept_previous", previous=now.champion, notes=(note,))


def _after(
    before: ModelStanding, version: str, of: Candidate, services: Services
) -> ModelStanding:
    """Return the standing with the version in use; a damaged champion is no way back."""
    way_back = before.previous if of.evaluated.refused else before.champion
    change = {
        "previous": way_back,
        "changed_at": services.clock(),
        "changed_by": of.run.run_id,
    }
    return promoted(before, version).model_copy(update=change)
