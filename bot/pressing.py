"""Answering a press with what came of it, or at once where the work takes long."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aiogram.exceptions import TelegramBadRequest
from aiogram.types import CallbackQuery

from bot.replies import say
from bot.texts import en_alert
from bot.views_runs import notice

SOON: Final = 1.0  # seconds that the work may take before the press is answered without it
LONGEST: Final = 200  # characters of an answer


@dataclass(frozen=True)
class Outcome:
    """What a person is told of their press; `stays`: until they have read it."""

    text: str
    stays: bool = False


async def tell(press: CallbackQuery, work: Awaitable[Outcome]) -> None:
    """Do the work and tell the person what came of it, as an answer to the press.

    If the work takes long the press is answered at once and the outcome comes as a message.
    A press that is too old to be answered is no failure: what was done shows at the message.
    """
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait([task], timeout=SOON)
    if done:
        outcome = task.result()
        await _answer(press, outcome.text[:LONGEST], stays=outcome.stays)
        return
    await _answer(press, en_alert.WORKING)
    outcome = await task
    await say(press, notice(outcome.text))


async def _answer(press: CallbackQuery, text: str, *, stays: bool = False) -> None:
    with suppress(TelegramBadRequest):
        await press.answer(text, show_alert=stays)
