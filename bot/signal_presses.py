"""What presses at alerts do, and the words that tell it."""

from datetime import timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from aiogram.types import InlineKeyboardMarkup
from aiogram.utils.formatting import Text

from bot import keyboards_alert, views_alert
from bot.alert_places import alert_here
from bot.caption import short
from bot.keyboards_alert import MuteCb, TicketCb
from bot.layout import View, fit
from bot.pressing import Outcome
from bot.texts import en_alert as en
from bot.ticket_words import Prices
from flows.answering import Answered, answer_signal
from flows.services import Services
from flows.tickets import end_ticket
from flows.watching import change_watch, watch_of
from pipeline.domain.errors import AppError
from pipeline.domain.live import LiveSignal
from pipeline.domain.request import Actor
from pipeline.domain.watch import Watch
from pipeline.live.routing import is_muted
from pipeline.live.wishes import MuteFor, MuteSetup, UnmuteSetup

CHOICES: Final[dict[str, Literal["approved", "rejected"]]] = {"a": "approved", "r": "rejected"}
"""What a ticket's buttons stand for."""
HOW_LONG: Final[dict[str, MuteFor]] = {
    "hour": timedelta(hours=1), "today": "today", "on": "forever",
}  # fmt: skip


async def answer(ticket: TicketCb, actor: Actor, services: Services) -> Outcome:
    """Answer a ticket for a person; nothing changes unless it is theirs to answer and open."""
    if await alert_here(ticket.signal_id, actor.chat_id, services) is None:
        return Outcome(en.NOT_HERE, stays=True)
    said = await answer_signal(
        ticket.signal_id, ticket.ticket, CHOICES[ticket.choice], actor, services
    )
    if said.verdict == "expired":
        await end_ticket(ticket.signal_id, said.why, services)
    return outcome_of(said, CHOICES[ticket.choice])


def outcome_of(said: Answered, choice: Literal["approved", "rejected"]) -> Outcome:
    """Return what a person is told of their answer."""
    if said.verdict == "accepted":
        return Outcome(en.ACCEPTED[choice])
    return Outcome(f"{said.why} {en.NOTHING_CHANGED}", stays=True)


async def state(signal_id: str, services: Services) -> Outcome:
    """Say again what became of a ticket."""
    record = await services.signals.get(signal_id)
    if record is None:
        return Outcome(en.NO_SIGNAL, stays=True)
    lines = [
        *views_alert.answer_lines(record.answer), *views_alert.ticket_lines(record),
        *views_alert.state_lines(record, Prices(record.signal, record.plan, None)),
    ]  # fmt: skip
    return Outcome("\n".join(Text(line).render()[0] for line in lines), stays=True)


async def mute(press: MuteCb, actor: Actor, services: Services) -> View:
    """Silence the setup of a signal in a chat, or hear of it again."""
    record = await services.signals.get(press.signal_id)
    if record is None or actor.chat_id is None:
        return fit(Text(en.NO_SIGNAL))
    setup = record.signal.setup_id
    how = HOW_LONG.get(press.how)
    wish = UnmuteSetup(setup) if how is None else MuteSetup(setup, how)
    watch = await change_watch(actor.chat_id, wish, actor, services)
    who = f" ({short(actor.name, 32)})" if actor.chat_id < 0 else ""
    if how is None:
        return fit(Text(en.unmuted(setup), who))
    words = en.muted(setup, until_words(watch, setup))
    return fit(Text(words, who), keyboards_alert.unmute(press.signal_id))


def until_words(watch: Watch, setup: str) -> str:
    """Return how long a setup is muted, by the chat's own clock."""
    kept = watch.muted.get(setup)
    if kept is None or kept.until is None:
        return en.UNTIL_SAID
    return f"until {kept.until.astimezone(ZoneInfo(watch.zone)):%a %H:%M} ({watch.zone})"


async def menu(signal_id: str, chat_id: int | None, services: Services) -> (
    InlineKeyboardMarkup | None
):  # fmt: skip
    """Return the choice of how long to mute."""
    record = await services.signals.get(signal_id)
    if record is None or chat_id is None:
        return None
    watch = await watch_of(chat_id, services)
    muted = is_muted(watch, record.signal.setup_id, services.clock())
    return keyboards_alert.mute_menu(signal_id, muted=muted)


async def keyboard(signal_id: str, services: Services) -> InlineKeyboardMarkup | None:
    """Return an alert's own buttons."""
    record = await services.signals.get(signal_id)
    return await _keyboard(record, services) if record else None


async def _keyboard(record: LiveSignal, services: Services) -> InlineKeyboardMarkup:
    try:
        thing = await services.instruments.get(record.signal.symbol)
    except AppError:
        thing = None
    return views_alert.keyboard(record, Prices(record.signal, record.plan, thing))
