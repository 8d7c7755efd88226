"""How /live and /health read in the chat."""

from collections.abc import Sequence
from datetime import datetime

from aiogram.utils.formatting import Bold, Code, Text, as_list

from bot import keyboards_live
from bot.layout import View, fit
from bot.texts import en_live as en
from flows.health import Health
from flows.live_status import LiveStatus
from flows.live_text import status_lines
from pipeline.domain.watch import Watch
from pipeline.live.routing import is_muted


def status(found: LiveStatus, token: str = "") -> View:
    """Return the status card; `token` is that of the kept replay, if one is offered."""
    title = en.TITLE_ON if found.watch.on else en.TITLE_OFF
    lines = [Text(Bold(name), f": {line}") for name, line in status_lines(found)]
    body = as_list(Bold(title), *lines, "", en.HOW)
    return fit(body, keyboards_live.main(found.watch, found.replay, token))


def words() -> View:
    """Return what can be said to /live, to copy."""
    lines = [Text(Code(command), f"\n    {meaning}") for command, meaning in en.WORDS]
    return fit(as_list(Bold(en.WORDS_TITLE), *lines))


def changed(title: str, line: str) -> View:
    """Confirm a change by the line that it changed."""
    return fit(Text(Bold(title), f": {line}"))


def sound(watch: Watch) -> View:
    """Return the page of sounds."""
    return fit(Text(en.SOUND_PAGE), keyboards_live.sound(watch))


def mute(watch: Watch, setup_ids: Sequence[str], now: datetime) -> View:
    """Return the page of mutes."""
    muted = [setup_id for setup_id in watch.muted if is_muted(watch, setup_id, now)]
    shown = [*setup_ids, *(s for s in muted if s not in setup_ids)]
    text = en.MUTE_PAGE if shown else en.NO_SETUPS
    return fit(Text(text), keyboards_live.mute(shown, muted))


def long(setup_id: str) -> View:
    """Return the page that asks how long a setup is silenced."""
    return fit(Text(en.long_page(setup_id)), keyboards_live.long(setup_id))


def health(found: Health) -> View:
    """Return one message with a light and a reason for each thing."""
    lines = [
        Text(f"{en.LIGHTS[line.light]} ", Bold(line.name), f": {line.words}")
        for line in found.lines
    ]
    return fit(as_list(Bold(en.HEALTH_TITLES[found.light]), *lines))
