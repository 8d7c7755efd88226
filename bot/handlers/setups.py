"""Setups: the list, and one in words and drawn."""

from collections.abc import Sequence

import structlog
from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import drawing, views_data
from bot.commands import rest_of
from bot.keyboards import SetupCb, digest
from bot.layout import View
from bot.references import note_refusal
from bot.replies import heard, picture, say
from flows.services import Services
from pipeline.command_words import closest_words, squeeze
from pipeline.domain.errors import UnknownSetupError
from pipeline.setups.rules import SetupSpec
from pipeline.setups.words import rules_in_words

log = structlog.get_logger(__name__)
router = Router(name="setups")


@router.message(Command("setups", "setup", ignore_case=True))
async def setups(message: Message, services: Services) -> None:
    """List the active setups, or show the named one."""
    name = rest_of(message.text or "")
    await services.setups.sync(services.clock())
    active = await services.setups.active()
    if not name:
        found = [(s.setup_id, s.rule_version, s.title) for s in active]
        await say(message, views_data.setups(found, await services.setups.problems()))
        return
    try:
        await _show(message, await services.setups.get(_meant(name, active)), services)
    except UnknownSetupError as error:
        who = message.from_user.id if message.from_user else None
        near = closest_words(name, [s.setup_id for s in active])
        await say(message, views_data.no_setup(error.user_text, near, note_refusal(error, who)))


def _meant(name: str, active: Sequence[SetupSpec]) -> str:
    """Return the id of the setup that a name means: its case and underscores don't matter."""
    same = (s.setup_id for s in active if squeeze(s.setup_id) == squeeze(name))
    return next(same, name)


@router.callback_query(SetupCb.filter())
async def setup_pressed(press: CallbackQuery, callback_data: SetupCb, services: Services) -> None:
    """Show the setup of a button."""
    await heard(press)
    for spec in await services.setups.active():
        if digest(spec.setup_id) == callback_data.digest:
            await _show(press, spec, services)
            return
    raise UnknownSetupError("This setup is not active any more. /setups lists those that are.")


async def _show(event: Message | CallbackQuery, spec: SetupSpec, services: Services) -> None:
    await say(event, await _words(spec, services))
    try:
        theme = services.settings.chart_theme
        png = await services.cpu.run(drawing.schematic, spec, theme=theme)
    except Exception as error:  # noqa: BLE001  (the words are there; the picture is extra)
        log.warning("schematic_not_drawn", setup_id=spec.setup_id, error=repr(error))
        return
    await picture(event, png, f"{spec.setup_id}.png", View(spec.setup_id))


async def _words(spec: SetupSpec, services: Services) -> View:
    versions = [
        {"version": v.rule_version, "at": v.at, "author": v.author, "reason": v.reason}
        for v in await services.setups.versions(spec.setup_id)
    ]
    title = f"{spec.setup_id} v{spec.rule_version.removeprefix('v')}: {spec.title}"
    return views_data.setup(title, spec.description, rules_in_words(spec), versions)
