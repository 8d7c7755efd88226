"""A press is answered with its outcome, or at once where the outcome takes long."""

import asyncio

import pytest
from aiogram.exceptions import TelegramBadRequest
from aiogram.methods import AnswerCallbackQuery

from bot import pressing
from bot.alert_places import alert_here, alert_replied_to
from bot.pressing import Outcome, tell
from bot.texts import en_alert as en
from pipeline.domain.live import AlertFor
from tests.kit.live_chat import COOLDOWN
from tests.kit.live_signals import hand_made
from tests.kit.plain_services import NOW, plain_services


class Press:
    """A press that notes how it is answered."""

    def __init__(self, failure=None):
        self.failure, self.answers, self.said = failure, [], []
        self.bot, self.message = self, self
        self.chat, self.message_id, self.id = self, 5, 7

    async def answer(self, text, *, show_alert=False):
        self.answers.append((text, show_alert))
        if self.failure:
            raise self.failure

    async def send_message(self, chat_id, *, text, **more):
        self.said.append((chat_id, text))


async def outcome(seconds=0.0, **more):
    await asyncio.sleep(seconds)
    return Outcome("x" * 300, **more)


async def test_the_outcome_is_the_answer():
    press = Press()
    await tell(press, outcome(stays=True))
    assert press.answers == [("x" * 200, True)]
    assert press.said == []


async def test_slow_work_is_answered_at_once_and_its_outcome_is_a_message(monkeypatch):
    monkeypatch.setattr(pressing, "SOON", 0.02)
    press = Press()
    await tell(press, outcome(0.2))
    assert press.answers == [(en.WORKING, False)]
    assert press.said == [(7, "x" * 300)]


async def test_a_press_too_old_to_be_answered_is_no_failure():
    too_old = TelegramBadRequest(AnswerCallbackQuery(callback_query_id="1"), "query is too old")
    await tell(Press(too_old), outcome())


async def test_failing_work_fails_the_press():
    async def fails():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await tell(Press(), fails())


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path) as found:
        yield found


async def sent(services, chat_id):
    kept = await services.signals.admit(
        hand_made(), [AlertFor(chat_id=chat_id)], cooldown=COOLDOWN, now=NOW
    )
    signal_id = kept.record.signal_id
    await services.signals.accepted(signal_id, chat_id, 5, NOW)
    return signal_id


async def test_an_alert_is_found_in_its_chat_alone_and_after_the_group_moved(services):
    signal_id = await sent(services, -7)
    assert (await alert_here(signal_id, -7, services)).message_id == 5
    for chat_id in (7, -1007, None):
        assert await alert_here(signal_id, chat_id, services) is None
    await services.chats.remember("migrated:-7", {"chat_id": -1007}, NOW)
    assert (await alert_here(signal_id, -1007, services)).chat_id == -7
    assert await alert_here("sig_live_999", -7, services) is None


class Reply:
    """A message that answers another."""

    def __init__(self, text, *, author=42, message_id=5, chat_id=7):
        self.bot, self.chat = Named(42), Named(chat_id)
        self.reply_to_message = self
        self.from_user = Named(author)
        self.caption, self.text, self.message_id = text, None, message_id


class Named:
    def __init__(self, number):
        self.id = number


async def test_a_reply_belongs_to_an_alert_only_if_the_store_agrees(services):
    signal_id = await sent(services, 7)
    words = f"APPROVED\n{signal_id}"
    assert (await alert_replied_to(Reply(words), services)).signal_id == signal_id
    for other in (
        Reply(words, author=43),
        Reply(words, message_id=6),
        Reply(words, chat_id=8),
        Reply("sig_live_999"),
        Reply("no id here"),
    ):
        assert await alert_replied_to(other, services) is None
