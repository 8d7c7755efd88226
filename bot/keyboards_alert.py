"""The buttons of alerts and digests.

What stands for a ticket carries the beginning of its hash, so that an answer to other terms
than those shown is refused.
"""

from collections.abc import Sequence
from typing import Final, Literal

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.keyboards import button, copy_button, rows
from bot.texts import en_alert as en

TICKET_SHOWN: Final = 8
"""Digits of a ticket's hash that a button carries."""
_COPIES_IN_LINE: Final = 3


class TicketCb(CallbackData, prefix="tk"):
    """Approve (`a`) or reject (`r`) the ticket whose hash begins so."""

    signal_id: str
    ticket: str
    choice: Literal["a", "r"]


class AnsweredCb(CallbackData, prefix="ad"):
    """Say again what became of the ticket."""

    signal_id: str


class MuteCb(CallbackData, prefix="mu"):
    """Silence the signal's setup in this chat, or open and close the choice."""

    signal_id: str
    how: Literal["menu", "back", "hour", "today", "on", "off"]


class InspectCb(CallbackData, prefix="in"):
    """Show everything about a signal."""

    signal_id: str


class ShowCb(CallbackData, prefix="sw"):
    """Send the alert that was held back."""

    signal_id: str


def open_ticket(
    signal_id: str, ticket: str, prices: Sequence[tuple[str, str]]
) -> InlineKeyboardMarkup:
    """Return the keyboard of a ticket that can still be answered.

    Parameters
    ----------
    prices
        What each copies: (name, price).
    """
    shown = ticket[:TICKET_SHOWN]
    approve = TicketCb(signal_id=signal_id, ticket=shown, choice="a")
    reject = TicketCb(signal_id=signal_id, ticket=shown, choice="r")
    answer = [_styled(en.APPROVE, approve, "success"), _styled(en.REJECT, reject, "danger")]
    return _keyboard(prices, answer, signal_id)


def ended_ticket(
    signal_id: str, said: str, prices: Sequence[tuple[str, str]]
) -> InlineKeyboardMarkup:
    """Return the keyboard of a ticket that was answered or has expired; `said` tells which."""
    return _keyboard(prices, [button(said, AnsweredCb(signal_id=signal_id))], signal_id)


def _keyboard(
    prices: Sequence[tuple[str, str]], answer: Sequence[InlineKeyboardButton], signal_id: str
) -> InlineKeyboardMarkup:
    copies: list[InlineKeyboardButton | None] = [
        copy_button(f"{name} {price}", price) for name, price in prices
    ]
    last = [
        button(en.INSPECT, InspectCb(signal_id=signal_id)),
        button(en.MUTE, MuteCb(signal_id=signal_id, how="menu")),
    ]
    lines = [copies] if len(copies) <= _COPIES_IN_LINE else [copies[:2], copies[2:]]
    made = rows(list(answer), *lines, last)
    return made or InlineKeyboardMarkup(inline_keyboard=[last])


def _styled(text: str, data: CallbackData, style: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(text=text, callback_data=data.pack(), style=style)


def mute_menu(signal_id: str, *, muted: bool) -> InlineKeyboardMarkup | None:
    """Return the choice of how long a setup is silenced, or heard again."""

    def choice(text: str, how: Literal["hour", "today", "on", "off", "back"]) -> (
        InlineKeyboardButton
    ):  # fmt: skip
        return button(text, MuteCb(signal_id=signal_id, how=how))

    first = [
        choice(en.MUTE_HOUR, "hour"), choice(en.MUTE_TODAY, "today"), choice(en.MUTE_ON, "on"),
    ]  # fmt: skip
    again = [choice(en.UNMUTE, "off")] if muted else []
    return rows(first, [*again, choice(en.BACK, "back")])


def unmute(signal_id: str) -> InlineKeyboardMarkup | None:
    """Return the button that ends a mute."""
    return rows([button(en.UNMUTE, MuteCb(signal_id=signal_id, how="off"))])


def shows(signal_ids: Sequence[str]) -> InlineKeyboardMarkup | None:
    """Return a button for each held signal, two in a line."""
    made = [button(f"{en.SHOW} {sid}", ShowCb(signal_id=sid)) for sid in signal_ids]
    return rows(*(made[i : i + 2] for i in range(0, len(made), 2)))
