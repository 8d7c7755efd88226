"""Presses at alerts: answer the ticket, silence the setup, ask for what was held; comments."""

from contextlib import suppress

from aiogram import Router
from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.types import (
    CallbackQuery,
    InlineKeyboardMarkup,
    Message,
    ReactionTypeEmoji,
    ReplyParameters,
)

from bot import signal_presses as presses
from bot.alert_places import alert_here, alert_replied_to
from bot.commands import RANK, word_of
from bot.keyboards_alert import AnsweredCb, MuteCb, ShowCb, TicketCb
from bot.pressing import tell
from bot.replies import heard, rewrite, say
from bot.sending import is_gone, is_unchanged
from bot.texts import en_alert as en
from bot.views_runs import notice
from flows.alert_replies import comment_on, show_alert
from flows.services import Services
from pipeline.domain.live import AlertSent
from pipeline.domain.request import Actor

router = Router(name="signals")


@router.callback_query(TicketCb.filter())
async def answered(
    press: CallbackQuery, callback_data: TicketCb, actor: Actor, services: Services
) -> None:
    """Approve or reject; the alert itself is edited by its delivery."""
    await tell(press, presses.answer(callback_data, actor, services))


@router.callback_query(AnsweredCb.filter())
async def asked_again(press: CallbackQuery, callback_data: AnsweredCb, services: Services) -> None:
    """Say what became of the ticket."""
    await tell(press, presses.state(callback_data.signal_id, services))


@router.callback_query(MuteCb.filter())
async def muted(
    press: CallbackQuery, callback_data: MuteCb, actor: Actor, services: Services
) -> None:
    """Open the choice, close it, or do what was chosen and tell the chat."""
    signal_id = callback_data.signal_id
    if callback_data.how == "menu":
        await heard(press)
        await _turn(press, await presses.menu(signal_id, actor.chat_id, services))
        return
    view = None
    if callback_data.how != "back":
        view = await presses.mute(callback_data, actor, services)
    await heard(press, view.text[:200] if view else None)
    here = await alert_here(signal_id, actor.chat_id, services)
    if here is None or (press.message and press.message.message_id == here.message_id):
        await _turn(press, await presses.keyboard(signal_id, services))
        await say(press, view)
    elif view is not None:
        await rewrite(press, view)


@router.callback_query(ShowCb.filter())
async def shown(
    press: CallbackQuery, callback_data: ShowCb, actor: Actor, services: Services
) -> None:
    """Send the alert that was held back, or point at it where it stands."""
    here = await alert_here(callback_data.signal_id, actor.chat_id, services)
    if here is not None and press.bot is not None and actor.chat_id is not None:
        await heard(press)
        await press.bot.send_message(
            actor.chat_id, en.SHOWN_ABOVE, parse_mode=None,
            reply_parameters=ReplyParameters(
                message_id=here.message_id, allow_sending_without_reply=True
            ),
        )  # fmt: skip
        return
    known = await show_alert(callback_data.signal_id, actor.chat_id or 0, services)
    await heard(press, en.SHOWING if known else en.NO_SIGNAL)


async def to_alert(message: Message, services: Services) -> bool | dict[str, AlertSent]:
    """Let a text through that answers an alert and is no command."""
    if not message.text or word_of(message.text) is not None:
        return False
    alert = await alert_replied_to(message, services)
    return {"alert": alert} if alert else False


@router.message(to_alert)
async def commented(
    message: Message, alert: AlertSent, role: str, actor: Actor, services: Services
) -> None:
    """Keep a comment; the pen shows that it was."""
    if RANK[role] < RANK["trader"]:
        await say(message, notice(en.COMMENT_ROLE))
        return
    text, number = message.text or "", message.message_id
    await comment_on(alert.signal_id, text, number, actor, services)
    with suppress(AiogramError):
        await message.react([ReactionTypeEmoji(emoji="✍")])


async def _turn(press: CallbackQuery, keyboard: InlineKeyboardMarkup | None) -> None:
    """Change the buttons of the message that was pressed on."""
    if press.message is None or press.bot is None or keyboard is None:
        return
    try:
        await press.bot.edit_message_reply_markup(
            chat_id=press.message.chat.id, message_id=press.message.message_id,
            reply_markup=keyboard,
        )  # fmt: skip
    except TelegramBadRequest as error:
        if not (is_unchanged(error) or is_gone(error)):
            raise
