"""The buttons of schedules: pause or resume, run now, delete, and the question before."""

from collections.abc import Sequence
from typing import Literal

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardMarkup

from bot.keyboards import button, digest, rows
from bot.texts import en_schedules as en
from flows.schedule_desk import Line

Deed = Literal["pause", "resume", "run", "delete", "gone"]
MOST = 20
"""Schedules that get buttons."""


class ScheduleCb(CallbackData, prefix="sd"):
    """Do something with the schedule whose name has this digest."""

    do: Deed
    name: str


def schedules(found: Sequence[Line]) -> InlineKeyboardMarkup | None:
    """Return a line of buttons for each schedule that the reader may change."""
    lines = []
    for line in [line for line in found if line.own][:MOST]:
        name, paused = line.schedule.name, line.schedule.paused
        key = digest(name)
        did: Deed = "resume" if paused else "pause"
        buttons = [
            button(f"{en.RESUME if paused else en.PAUSE} {name}", ScheduleCb(do=did, name=key)),
            button(en.RUN_NOW, ScheduleCb(do="run", name=key)),
        ]
        if not line.schedule.deployment:
            buttons.append(button(en.DELETE, ScheduleCb(do="delete", name=key)))
        lines.append(buttons)
    return rows(*lines)


def really(name: str) -> InlineKeyboardMarkup | None:
    """Return the answer to whether it is deleted."""
    return rows([button(f"{en.YES} {name}", ScheduleCb(do="gone", name=digest(name)))])
