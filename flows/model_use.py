"""A made model on its way into use: its rival, its version, and the champion's place."""

import asyncio
from dataclasses import dataclass

from flows.backtest_compute import Frozen
from flows.services import Services
from pipeline.domain.errors import ModelRefusedError
from pipeline.domain.model import GateVerdict, ModelStanding
from pipeline.ml.standings import promoted
from storage.model_ports import StoredModel
from storage.telemetry import get_logger

log = get_logger(__name__)
_TRIES = 10  # of a change that others overtake
_PAUSE = 0.05


class Versioned(Frozen):
    """A version as it is kept."""

    version: str
    path: str


@dataclass(frozen=True)
class Made:
    """A model that a run made, its version not given yet, and what it was judged against.

    `standing` says what was in use then; `refused` why its champion could not be judged against
    ("": it could, or there is none).
    """

    run_id: str
    model: StoredModel
    verdict: GateVerdict
    standing: ModelStanding
    refused: str = ""


async def champion_of(
    standing: ModelStanding, services: Services
) -> tuple[StoredModel | None, str]:
    """Return the model in use, or None and, where there is one, why it is refused."""
    if not standing.champion:
        return None, ""
    try:
        return await services.models.get(standing.model_id, standing.champion), ""
    except ModelRefusedError as error:
        return None, error.user_text


async def keep_version(made: Made, services: Services) -> Versioned:
    """Keep the model as a version, better or not; a run makes one, however often it is begun."""
    model_id = made.standing.model_id
    for kept in await services.models.versions(model_id):
        if kept.run_id == made.run_id:
            return Versioned(version=kept.version, path=kept.path)
    named = {"version": await services.models.next_version(model_id), "run_id": made.run_id}
    model = StoredModel(made.model.manifest.model_copy(update=named), made.model.trees)
    kept = await services.models.put(model, made.verdict, services.clock())
    return Versioned(version=kept.version, path=kept.path)


async def put_in_use(made: Made, version: str, services: Services) -> ModelStanding | None:
    """Make the version champion if its rival is still in use.

    None: it was put in use, now or by an earlier attempt of the run. Else what came into use
    meanwhile, which it was never judged against; nothing changes.
    """
    models, judged = services.models, made.standing
    if any(past.champion == version for past in await models.history(judged.model_id)):
        return None
    for _ in range(_TRIES):
        before = await models.standing(judged.model_id)
        if before.champion != judged.champion:
            return before
        if await models.change(_after(before, version, made, services), before):
            log.info(
                "model_deployed", model=judged.model_id, version=version, previous=judged.champion
            )
            return None
        await asyncio.sleep(_PAUSE)
    raise RuntimeError("the standing changes faster than it can be read")


def _after(before: ModelStanding, version: str, made: Made, services: Services) -> ModelStanding:
    """Return the standing with the version in use; a damaged champion is no way back."""
    change = {
        "previous": before.previous if made.refused else before.champion,
        "changed_at": services.clock(),
        "changed_by": made.run_id,
    }
    return promoted(before, version).model_copy(update=change)
