"""The buttons of models: promote, shadow, roll back, and the question before."""

from typing import Literal

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.keyboards import RunCb, button, digest, rows
from bot.texts import en_train as en
from flows.model_list import ModelLines

Deed = Literal["promote", "force", "leave", "shadow", "back"]
_OFFERED = 4  # versions that get buttons


class ModelCb(CallbackData, prefix="md"):
    """Change which version of a model is in use.

    `model`: digest of its id. `version`: what is promoted, shadowed or rolled back to; empty: the
    rules alone. `was`: the champion when the button was shown.
    """

    do: Deed
    model: str
    version: str = ""
    was: str = ""


class ModelsCb(CallbackData, prefix="mds"):
    """Show the list of models again, in place."""

    of: Literal["all"] = "all"


def trained(model_id: str, version: str, was: str) -> InlineKeyboardMarkup | None:
    """Return what one can do with a version that is not in use."""
    return rows(
        [_deed("promote", model_id, version, was), _deed("shadow", model_id, version, was)]
    )


def deployed(model_id: str, version: str, previous: str) -> InlineKeyboardMarkup | None:
    """Return the way back from a version that is in use."""
    return rows([_back(model_id, previous, version)])


def insist(model_id: str, version: str, was: str) -> InlineKeyboardMarkup | None:
    """Return the answers to whether a version is promoted against the gate."""
    return rows([_deed("force", model_id, version, was)], [_deed("leave", model_id, version, was)])


def models(shelves: list[ModelLines]) -> InlineKeyboardMarkup | None:
    """Return the buttons of the list: newest versions that are not in use, the way back."""
    lines: list[list[InlineKeyboardButton]] = []
    for shelf in shelves:
        was = shelf.standing.champion
        lines += [_of_version(shelf, line.version, line.role, line.run_id)
                  for line in shelf.versions[:_OFFERED]]  # fmt: skip
        if was:
            lines.append([_back(shelf.model_id, shelf.standing.previous, was)])
    return rows(*lines, [button(en.REFRESH, ModelsCb())])


def _of_version(
    shelf: ModelLines, version: str, role: str, run_id: str
) -> list[InlineKeyboardButton]:
    was = shelf.standing.champion
    line = [button(f"{en.CARD} {version}", RunCb(run_id=run_id))] if run_id else []
    if role != "champion":
        line.append(_deed("promote", shelf.model_id, version, was))
    if role not in ("champion", "challenger"):
        line.append(_deed("shadow", shelf.model_id, version, was))
    return line


def _deed(do: Deed, model_id: str, version: str, was: str) -> InlineKeyboardButton:
    words = {
        "promote": f"{en.PROMOTE} {version}", "force": en.FORCE, "leave": en.LEAVE,
        "shadow": f"{en.SHADOW} {version}",
    }  # fmt: skip
    data = ModelCb(do=do, model=digest(model_id), version=version, was=was)
    return button(words[do], data)


def _back(model_id: str, to: str, was: str) -> InlineKeyboardButton:
    data = ModelCb(do="back", model=digest(model_id), version=to, was=was)
    return button(f"{en.ROLL_BACK} {to or en.THE_RULES}", data)
