"""The buttons of deployments: details, pause, resume, run now."""

from typing import Literal

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.keyboards import button, digest, rows
from bot.texts import en_deployments as en
from flows.deployments import DeploymentLine

Deed = Literal["show", "pause", "resume", "run"]


class DeploymentCb(CallbackData, prefix="dp"):
    """Do something with the deployment whose name has this digest."""

    do: Deed
    of: str


class DeploymentsCb(CallbackData, prefix="dps"):
    """Show the list of deployments again, in place."""

    of: Literal["all"] = "all"


def listed(lines: list[DeploymentLine]) -> InlineKeyboardMarkup | None:
    """Return a line for each deployment, and one that looks again."""
    each = ([_deed("show", line, line.entry.name), *_deeds(line)] for line in lines)
    return rows(*each, [button(en.REFRESH, DeploymentsCb())])


def one(line: DeploymentLine) -> InlineKeyboardMarkup | None:
    """Return what one can do with a deployment."""
    return rows(
        _deeds(line),
        [_deed("show", line, en.REFRESH), button(en.ALL, DeploymentsCb())],
    )


def _deeds(line: DeploymentLine) -> list[InlineKeyboardButton]:
    paused = line.entry.status == "paused"
    found = [_deed("resume", line, en.RESUME) if paused else _deed("pause", line, en.PAUSE)]
    if not line.lacking:
        found.append(_deed("run", line, en.RUN_NOW))
    return found


def _deed(do: Deed, line: DeploymentLine, words: str) -> InlineKeyboardButton:
    return button(words, DeploymentCb(do=do, of=digest(line.entry.name)))
