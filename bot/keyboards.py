"""The buttons: what each carries (64 bytes at most) and the role that may press it.

A button holds an id only; what it stands for is looked up, and the right to it checked, when it
is pressed.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from aiogram.filters.callback_data import CallbackData
from aiogram.types import CopyTextButton, InlineKeyboardButton, InlineKeyboardMarkup

from bot.texts import en, en_ask

COPY_LIMIT: Final = 256
CHANGE_TIMEFRAMES: Final = ("M1", "M5", "M15")
CHANGE_RR: Final = (1.0, 1.5, 2.0, 3.0)


class TradeCb(CallbackData, prefix="t"):
    """Show trade `index` of a run: a new picture, or (`turn`) in place of the one pressed on."""

    run_id: str
    index: int
    turn: bool = True


class OriginalCb(CallbackData, prefix="o"):
    """Send a picture unshrunk, as a document; index −1 is the equity curve."""

    run_id: str
    index: int


class RunCb(CallbackData, prefix="r"):
    """Show a run: its report if it has one, else how far it is."""

    run_id: str


class RerunCb(CallbackData, prefix="rr"):
    """Run it again."""

    run_id: str


class AskCb(CallbackData, prefix="aq"):
    """Ask for a question about a run's trades."""

    run_id: str


class CancelCb(CallbackData, prefix="x"):
    """Stop it."""

    run_id: str


class ChangeCb(CallbackData, prefix="ch"):
    """Offer variants of the run's command."""

    run_id: str


class CommandCb(CallbackData, prefix="c"):
    """Run the command that is kept under `token`."""

    token: str


class AnswerCb(CallbackData, prefix="a"):
    """Answer the import question kept under `token` with its option `index`; −1 drops it."""

    token: str
    index: int


class SetupCb(CallbackData, prefix="s"):
    """Show the setup whose id has this digest."""

    digest: str


class TryCb(CallbackData, prefix="pt"):
    """Try suggestion `number` (from 1) of a rule profile as a new version."""

    run_id: str
    number: int


class AddSetupCb(CallbackData, prefix="as"):
    """Add the checked setup file that is kept under `token`."""

    token: str


class ToolCb(CallbackData, prefix="tl"):
    """Show the tool of that name."""

    name: str


ROLE_OF_PRESS: Final[dict[str, str]] = {
    "t": "viewer",
    "o": "viewer",
    "r": "viewer",
    "s": "viewer",
    "as": "trader",
    "pt": "trader",
    "tl": "viewer",
    "ch": "viewer",
    "c": "trader",
    "rr": "trader",
    "aq": "trader",
    "x": "trader",
    "a": "trader",
    "lv": "viewer",
    "ls": "trader",
    "tk": "trader",
    "ad": "viewer",
    "mu": "trader",
    "sw": "viewer",
    "in": "viewer",
    "md": "owner",
    "mds": "viewer",
    "sd": "trader",
    "dp": "owner",
    "dps": "owner",
}
"""The role each kind of button needs; a kind that isn't here is nobody's."""


def digest(setup_id: str) -> str:
    """Return a short stand-in for a setup id, which may be too long for a button."""
    return hashlib.sha256(setup_id.encode()).hexdigest()[:12]


def button(text: str, data: CallbackData) -> InlineKeyboardButton:
    """Return a button that calls back."""
    return InlineKeyboardButton(text=text, callback_data=data.pack())


def copy_button(text: str, copied: str) -> InlineKeyboardButton | None:
    """Return a button that copies, or None where Telegram could not copy that much."""
    if not 0 < len(copied.encode("utf-16-le")) // 2 <= COPY_LIMIT:
        return None
    return InlineKeyboardButton(text=text, copy_text=CopyTextButton(text=copied))


def rows(*lines: Sequence[InlineKeyboardButton | None]) -> InlineKeyboardMarkup | None:
    """Return a keyboard of the lines, without the absent buttons; None if nothing is left."""
    kept = [[b for b in line if b is not None] for line in lines]
    kept = [line for line in kept if line]
    return InlineKeyboardMarkup(inline_keyboard=kept) if kept else None


def report(run_id: str, *, has_trades: bool) -> InlineKeyboardMarkup | None:
    """Return what one can do with a finished backtest."""
    first = [
        button(en.BUTTON_TRADES, TradeCb(run_id=run_id, index=0, turn=False)),
        button(en_ask.BUTTON, AskCb(run_id=run_id)),
    ]
    second = [
        button(en.BUTTON_RERUN, RerunCb(run_id=run_id)),
        button(en.BUTTON_CHANGE, ChangeCb(run_id=run_id)),
    ]
    third = [button(en.BUTTON_ORIGINAL, OriginalCb(run_id=run_id, index=-1))]
    return rows(first, second, third) if has_trades else rows(second)


def trade(run_id: str, index: int, count: int) -> InlineKeyboardMarkup | None:
    """Return the pager under a trade's picture; it goes round at both ends."""
    back, ahead = (index - 1) % max(count, 1), (index + 1) % max(count, 1)
    pager = [
        button(en.BUTTON_BACK, TradeCb(run_id=run_id, index=back)),
        button(en.BUTTON_AHEAD, TradeCb(run_id=run_id, index=ahead)),
    ]
    original = [button(en.BUTTON_ORIGINAL, OriginalCb(run_id=run_id, index=index))]
    return rows(pager if count > 1 else [], original)


def progress(run_id: str, *, status: str) -> InlineKeyboardMarkup | None:
    """Return the buttons of a progress message: stop while it can be stopped, else run again."""
    if status in ("queued", "running"):
        return rows([button(en.BUTTON_CANCEL, CancelCb(run_id=run_id))])
    if status in ("failed", "cancelled"):
        return rows([button(en.BUTTON_RERUN, RerunCb(run_id=run_id))])
    return None


def commands(offers: Sequence[tuple[str, str]], to_copy: str = "") -> InlineKeyboardMarkup | None:
    """Return a line for each (text, token of a kept command), and one that copies `to_copy`."""
    lines = [[button(text[:60], CommandCb(token=token))] for text, token in offers]
    return rows(*lines, [copy_button(en.BUTTON_COPY, to_copy)])


def answers(token: str, options: Sequence[str]) -> InlineKeyboardMarkup | None:
    """Return a line for each option of an import question, and one that drops the file."""
    lines = [
        [button(option[:60], AnswerCb(token=token, index=i))] for i, option in enumerate(options)
    ]
    return rows(*lines, [button(en.BUTTON_DROP, AnswerCb(token=token, index=-1))])


def runs(run_ids: Sequence[tuple[str, str]]) -> InlineKeyboardMarkup | None:
    """Return a line for each (run id, text)."""
    return rows(*([button(text[:60], RunCb(run_id=run_id))] for run_id, text in run_ids))


def troubled(found: Sequence[tuple[str, bool]]) -> InlineKeyboardMarkup | None:
    """Return a row for each run in trouble: its details, and a rerun where it can be asked for."""
    return rows(
        *(
            [
                button(run_id[:40], RunCb(run_id=run_id)),
                button(en.BUTTON_RERUN, RerunCb(run_id=run_id)) if rerun else None,
            ]
            for run_id, rerun in found
        )
    )


def setups(setup_ids: Sequence[str]) -> InlineKeyboardMarkup | None:
    """Return a line for each setup."""
    return rows(*([button(sid[:60], SetupCb(digest=digest(sid)))] for sid in setup_ids))
