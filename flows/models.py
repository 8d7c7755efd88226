"""Which model is in use: promote, shadow, roll back, compare; each step is in the trail."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from flows.roles import role_of
from flows.services import Services
from flows.trail import write_trail
from pipeline.domain.errors import (
    AppError,
    GateObjectionError,
    NotAllowedError,
    RequestError,
    StoreDownError,
)
from pipeline.domain.model import ModelStanding, ModelVersion
from pipeline.domain.request import Actor, Channel
from pipeline.ml.standings import objection, promoted, rolled_back, shadowed, switched

_TRIES = 10
Change = Callable[[ModelStanding], Awaitable[ModelStanding]]


@dataclass(frozen=True)
class ModelShelf:
    """A model's versions, newest first, and which of them are in use."""

    model_id: str
    standing: ModelStanding
    versions: tuple[ModelVersion, ...]


async def shelves(services: Services) -> list[ModelShelf]:
    """Return all models, by id."""
    found = []
    for model_id in await services.models.models():
        versions = tuple(await services.models.versions(model_id))
        found.append(ModelShelf(model_id, await services.models.standing(model_id), versions))
    return found


async def promote(
    model_id: str, version: str, actor: Actor, services: Services, *, forced: bool = False
) -> ModelStanding:
    """Put a version in use and return the standing.

    Parameters
    ----------
    forced
        Also against the gate; for owners only, and the trail has what the gate said.

    Raises
    ------
    GateObjectionError
        Not forced, and the gate has not said that it is better than today's champion.
    ModelRefusedError
        It is missing or damaged.
    NotAllowedError
        Forced by somebody who is no owner.
    RequestError
        It has expired: nothing would score with it.
    """
    what: dict[str, Any] = {"model_id": model_id, "version": version, "forced": forced}

    async def change(standing: ModelStanding) -> ModelStanding:
        if version == standing.champion:
            return standing
        what["objection"] = await _objection(standing, version, services)
        if what["objection"] and not forced:
            raise GateObjectionError(what["objection"])
        if forced and not await is_owner(actor, services):
            raise NotAllowedError("Only an owner can promote a version against the gate.")
        return promoted(standing, version)

    return await _noted(model_id, change, actor, services, action="model_promote", what=what)


async def shadow(model_id: str, version: str, actor: Actor, services: Services) -> ModelStanding:
    """Let a version score every live signal beside the champion; what is done stays the same.

    Raises
    ------
    ModelRefusedError
        It is missing or damaged.
    RequestError
        It is the champion.
    """

    async def change(standing: ModelStanding) -> ModelStanding:
        new = shadowed(standing, version)
        await services.models.get(model_id, version)
        return new

    what = {"model_id": model_id, "version": version}
    return await _noted(model_id, change, actor, services, action="model_shadow", what=what)


async def roll_back(
    model_id: str, actor: Actor, services: Services, *, to: str | None = None
) -> ModelStanding:
    """Put a former champion in use again, the one before if none is named.

    Parameters
    ----------
    to
        Buttons carry what they were shown with, so that a second tap changes nothing. "": none,
        the rules alone decide.

    Raises
    ------
    ModelRefusedError
        It is missing or damaged; what is in use stays.
    RequestError
        No model is in use, or that version never was.
    """
    what: dict[str, Any] = {"model_id": model_id, "to": to}

    async def change(standing: ModelStanding) -> ModelStanding:
        new = rolled_back(standing, await services.models.history(model_id), to)
        if new.champion:
            await services.models.get(model_id, new.champion)
        what["champion"] = new.champion
        return new

    return await _noted(model_id, change, actor, services, action="model_roll_back", what=what)


async def switch_ab(model_id: str, *, on: bool, actor: Actor, services: Services) -> ModelStanding:
    """Turn the challenger's scores on or off.

    Raises
    ------
    RequestError
        There is no challenger.
    """

    async def change(standing: ModelStanding) -> ModelStanding:
        return switched(standing, on=on)

    what = {"model_id": model_id, "on": on}
    return await _noted(model_id, change, actor, services, action="model_ab", what=what)


async def keep_models(model_id: str, count: int, actor: Actor, services: Services) -> list[str]:
    """Remove old versions but the newest `count`; return which. All that ever was in use stays.

    Raises
    ------
    RequestError
        Fewer than one shall stay, or there is no such model.
    """
    what: dict[str, Any] = {"model_id": model_id, "count": count}
    try:
        await _check_known(model_id, services)
        if count < 1:
            raise RequestError(f"At least one version must stay; you asked for {count}.")
        gone = await services.models.keep_last(model_id, count, services.clock())
    except AppError as error:
        await write_trail(services, actor, "model_keep", what, refusal=error)
        raise
    await write_trail(services, actor, "model_keep", {**what, "removed": gone})
    return gone


async def is_owner(actor: Actor, services: Services) -> bool:
    """Whether somebody may do what owners may; who types on this machine may do everything."""
    if actor.channel is Channel.CLI:
        return True
    if actor.user_id is None or actor.channel is not Channel.TELEGRAM:
        return False
    return await role_of(actor.user_id, services) == "owner"


async def _objection(standing: ModelStanding, version: str, services: Services) -> str:
    manifest = (await services.models.get(standing.model_id, version)).manifest
    if manifest.expired(services.clock()):
        raise RequestError(
            f"{version} is older than the {manifest.expiry_days} days it may be used for. "
            "Train a new one: /train."
        )
    rows = await services.models.versions(standing.model_id)
    verdict = next((row.verdict for row in rows if row.version == version), None)
    return objection(standing, version, verdict)


async def _noted(
    model_id: str,
    change: Change,
    actor: Actor,
    services: Services,
    *,
    action: str,
    what: dict[str, Any],
) -> ModelStanding:
    try:
        await _check_known(model_id, services)
        standing = await _changed(model_id, change, actor, services)
    except AppError as error:
        await write_trail(services, actor, action, what, refusal=error)
        raise
    await write_trail(services, actor, action, what)
    return standing


async def _changed(
    model_id: str, change: Change, actor: Actor, services: Services
) -> ModelStanding:
    """Change the standing; who was overtaken looks again at what is in use now."""
    for _ in range(_TRIES):
        read = await services.models.standing(model_id)
        new = await change(read)
        if new == read:
            return read
        by = actor.name or str(actor.user_id or actor.channel.value)
        new = new.model_copy(update={"changed_at": services.clock(), "changed_by": by})
        if await services.models.change(new, read):
            return new
    raise StoreDownError("What is in use changes all the time. Please try again in a moment.")


async def _check_known(model_id: str, services: Services) -> None:
    known = await services.models.models()
    if model_id not in known:
        listed = ", ".join(known) or "none yet: /train makes one"
        raise RequestError(f"There is no model '{model_id}'. Models: {listed}.")
