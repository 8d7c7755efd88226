"""The buttons of the status card of /live, and its pages of sounds and mutes."""

from collections.abc import Sequence
from typing import Final, Literal, get_args

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.keyboards import CommandCb, button, digest, rows
from bot.texts import en_live as en
from flows.live_text import KIND_WORDS
from pipeline.domain.watch import AlertKind, Loudness, Watch
from pipeline.live.routing import loudness

Page = Literal["main", "sound", "mute", "long"]
Deed = Literal["on", "off", "sound", "hour", "today", "forever", "unmute"]

_LOUDER: Final[dict[Loudness, Loudness]] = {"loud": "silent", "silent": "off", "off": "loud"}


class LiveSeeCb(CallbackData, prefix="lv"):
    """Turn the card to a page; `what`: digest of the setup it is about."""

    page: Page
    what: str = ""


class LiveSetCb(CallbackData, prefix="ls"):
    """Change this chat's settings; `what`: the kind for a sound, the setup's digest for a mute.

    `to` is what a sound shall be, so that a second tap on an old card changes nothing.
    """

    do: Deed
    what: str = ""
    to: str = ""


def main(watch: Watch, replay: str, token: str) -> InlineKeyboardMarkup | None:
    """Return the card's buttons.

    Parameters
    ----------
    replay, token
        The replay to offer and the token of its kept command; empty: none.
    """
    switch = LiveSetCb(do="off" if watch.on else "on")
    first = [button(en.SWITCH_OFF if watch.on else en.SWITCH_ON, switch)]
    second = [
        button(en.SOUND, LiveSeeCb(page="sound")),
        button(en.MUTE, LiveSeeCb(page="mute")),
        button(en.REFRESH, LiveSeeCb(page="main")),
    ]
    day = " ".join(replay.split()[2:4])
    third = [button(f"{en.REPLAY} {day}", CommandCb(token=token))] if token else []
    return rows(first, second, third)


def sound(watch: Watch) -> InlineKeyboardMarkup | None:
    """Return a button for each kind that says how loud it is and changes it."""
    lines = []
    for kind in get_args(AlertKind):
        now = loudness(watch, kind)
        change = LiveSetCb(do="sound", what=kind, to=next_loudness(kind, now))
        lines.append([button(f"{KIND_WORDS[kind]}: {now}", change)])
    return rows(*lines, [_back("main")])


def next_loudness(kind: AlertKind, now: Loudness) -> Loudness:
    """Return what comes after loud, silent and off; a digest is never off."""
    then = _LOUDER[now]
    return "loud" if kind == "digest" and then == "off" else then


def mute(setup_ids: Sequence[str], muted: Sequence[str]) -> InlineKeyboardMarkup | None:
    """Return a button for each setup; those that are muted can be heard again."""
    lines = [
        [
            button(f"{en.UNMUTE} {sid}"[:60], LiveSetCb(do="unmute", what=digest(sid)))
            if sid in muted
            else button(sid[:60], LiveSeeCb(page="long", what=digest(sid)))
        ]
        for sid in setup_ids
    ]
    return rows(*lines, [_back("main")])


def long(setup_id: str) -> InlineKeyboardMarkup | None:
    """Return how long a setup may be silenced."""
    what = digest(setup_id)
    return rows(
        [
            button(en.HOUR, LiveSetCb(do="hour", what=what)),
            button(en.TODAY, LiveSetCb(do="today", what=what)),
            button(en.FOREVER, LiveSetCb(do="forever", what=what)),
        ],
        [_back("mute")],
    )


def _back(page: Page) -> InlineKeyboardButton:
    return button(en.BACK, LiveSeeCb(page=page))
