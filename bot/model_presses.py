"""What presses on models and /ab do, and the words that tell it."""

from dataclasses import dataclass

from bot import views_models
from bot.commands import rest_of
from bot.keyboards import digest
from bot.keyboards_models import ModelCb
from bot.layout import View
from bot.texts import en_train as en
from flows.ab import ab_report
from flows.models import promote, roll_back, shadow, switch_ab
from flows.services import Services
from pipeline.domain.errors import BadRequestError, GateObjectionError
from pipeline.domain.model import ModelStanding
from pipeline.domain.request import Actor

_SWITCHES = {"on": True, "off": False}


@dataclass(frozen=True)
class Answer:
    """What the person who pressed is told at once, and what the chat is told, if anything."""

    words: str
    view: View | None = None


async def pressed(data: ModelCb, actor: Actor, services: Services) -> Answer:
    """Do what a button says, unless it is older than what is in use now."""
    model_id = await _model_of(data.model, services)
    if model_id is None:
        return Answer(en.GONE_MODEL)
    if data.do == "leave":
        return Answer(en.LEFT)
    standing = await services.models.standing(model_id)
    if data.do == "shadow":
        return await _shadow(standing, data.version, actor, services)
    if why := _too_late(standing, data):
        return Answer(why)
    if data.do == "back":
        now = await roll_back(model_id, actor, services, to=data.version)
        return _told(en.back(now.champion), now)
    return await _promote(standing, data, actor, services)


def _too_late(standing: ModelStanding, data: ModelCb) -> str:
    """Return why a button has nothing left to do; "": it has."""
    if standing.champion == data.version:
        return en.already(data.version)
    return "" if standing.champion == data.was else en.overtaken(standing.champion)


async def _promote(
    standing: ModelStanding, data: ModelCb, actor: Actor, services: Services
) -> Answer:
    model_id, forced = standing.model_id, data.do == "force"
    try:
        now = await promote(model_id, data.version, actor, services, forced=forced)
    except GateObjectionError as error:
        view = views_models.ask(model_id, data.version, standing.champion, error.user_text)
        return Answer(en.ask(data.version), view)
    return _told(en.in_use(now.champion, now.previous), now)


async def _shadow(
    standing: ModelStanding, version: str, actor: Actor, services: Services
) -> Answer:
    if version == standing.challenger and standing.ab:
        return Answer(en.shadows_already(version))
    now = await shadow(standing.model_id, version, actor, services)
    words = en.shadowing(version, now.champion)
    return Answer(words, views_models.changed(words, now))


def _told(words: str, now: ModelStanding) -> Answer:
    return Answer(words, views_models.changed(words, now))


async def compared(text: str, actor: Actor, services: Services) -> View:
    """Do what /ab asks and tell what is compared now.

    Raises
    ------
    BadRequestError
        It is none of on, off and status.
    RequestError
        There is no model, or nothing to compare.
    """
    word = rest_of(text).lower() or "status"
    if word not in (*_SWITCHES, "status"):
        raise BadRequestError(en.AB_WORDS, field="ab", value=word, closest=("on", "off", "status"))
    ids = await services.models.models()
    if word != "status":
        for model_id in ids:
            await switch_ab(model_id, on=_SWITCHES[word], actor=actor, services=services)
    return views_models.comparison([await ab_report(services, i) for i in ids])


async def _model_of(what: str, services: Services) -> str | None:
    """Return the model whose id has that digest."""
    ids = await services.models.models()
    return next((model_id for model_id in ids if digest(model_id) == what), None)
