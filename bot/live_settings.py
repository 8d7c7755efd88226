"""Doing what a /live command or a press on its card wishes, and what is said of it."""

from datetime import timedelta
from typing import Final, cast, get_args

from bot import views_live
from bot.commands import RANK, word_of
from bot.keyboards import digest
from bot.keyboards_live import LiveSeeCb, LiveSetCb, Page
from bot.launching import Launches
from bot.layout import View
from bot.texts import en, en_live
from flows.live_status import live_status
from flows.live_text import rules_said, watch_said
from flows.services import Services
from flows.watching import change_watch, obey, watch_of
from pipeline.domain.errors import BadRequestError, NotAllowedError, UnknownSetupError
from pipeline.domain.request import Actor
from pipeline.domain.watch import AlertKind, LiveRules, Loudness
from pipeline.live.wishes import (
    MuteFor,
    MuteSetup,
    RuleWish,
    SetSound,
    SwitchOff,
    SwitchOn,
    UnmuteSetup,
    Wish,
)
from pipeline.live_commands import is_replay
from pipeline.live_settings_words import Look, role_needed

_MUTES: Final[dict[str, MuteFor]] = {
    "hour": timedelta(hours=1),
    "today": "today",
    "forever": "forever",
}

_PAGES: Final[dict[str, Page]] = {"on": "main", "off": "main", "sound": "sound"}


def is_settings(text: str) -> bool:
    """Tell whether a text is a /live command, but no replay."""
    return word_of(text) == "live" and not is_replay(text)


async def answer(
    text: str, role: str, actor: Actor, services: Services, launches: Launches
) -> View:
    """Do what a /live command wishes in the actor's chat, and say so.

    The role is looked at here too: a corrected command may come from a button, which anybody
    with a lower role can press.
    """
    needed = role_needed(text)
    if RANK.get(role, 0) < RANK[needed]:
        raise NotAllowedError(en.not_allowed(role, needed))
    chat_id = actor.chat_id or 0
    try:
        wish, now = await obey(text, chat_id, actor, services)
    except BadRequestError as error:
        return await launches.refused(error, text, actor)
    if isinstance(wish, Look):
        return views_live.words() if wish.words else await card(actor, services, launches)
    if isinstance(now, LiveRules):
        return views_live.changed(*rules_said(cast("RuleWish", wish), now))
    return views_live.changed(*watch_said(cast("Wish", wish), now, services.clock()))


async def card(actor: Actor, services: Services, launches: Launches) -> View:
    """Return the status card; while no market is connected it offers a replay."""
    found = await live_status(actor.chat_id or 0, services)
    offered = found.replay and not found.connected
    token = await launches.keep(found.replay, actor) if offered else ""
    return views_live.status(found, token)


async def page(data: LiveSeeCb, actor: Actor, services: Services, launches: Launches) -> View:
    """Return the page of the card that a press turns to."""
    if data.page == "main":
        return await card(actor, services, launches)
    if data.page == "long":
        return views_live.long(await _setup_of(data.what, actor, services))
    watch = await watch_of(actor.chat_id or 0, services)
    if data.page == "sound":
        return views_live.sound(watch)
    setups = [spec.setup_id for spec in await services.setups.active()]
    return views_live.mute(watch, setups, services.clock())


async def pressed(data: LiveSetCb, actor: Actor, services: Services, launches: Launches) -> View:
    """Make the change that a press stands for; return the page it belongs to."""
    wish = await _wish_of(data, actor, services)
    await change_watch(actor.chat_id or 0, wish, actor, services)
    back = LiveSeeCb(page=_PAGES.get(data.do, "mute"))
    return await page(back, actor, services, launches)


async def _wish_of(data: LiveSetCb, actor: Actor, services: Services) -> Wish:
    match data.do:
        case "on":
            return SwitchOn()
        case "off":
            return SwitchOff()
        case "sound":
            return _sound(data)
        case "unmute":
            return UnmuteSetup(await _setup_of(data.what, actor, services))
        case how:
            return MuteSetup(await _setup_of(data.what, actor, services), _MUTES[how])


def _sound(data: LiveSetCb) -> SetSound:
    if data.what not in get_args(AlertKind) or data.to not in get_args(Loudness):
        raise UnknownSetupError(en.STALE_BUTTON)
    return SetSound(((cast("AlertKind", data.what), cast("Loudness", data.to)),))


async def _setup_of(what: str, actor: Actor, services: Services) -> str:
    """Return the setup with that digest: an active one, or one that is muted here."""
    watch = await watch_of(actor.chat_id or 0, services)
    known = (*(spec.setup_id for spec in await services.setups.active()), *watch.muted)
    found = next((setup_id for setup_id in known if digest(setup_id) == what), None)
    if found is None:
        raise UnknownSetupError(en_live.GONE_SETUP)
    return found
