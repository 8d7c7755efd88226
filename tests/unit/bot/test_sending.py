"""The progress board on a bot that notes what it is asked: edits are few, the end is shown."""

import asyncio
from datetime import UTC, datetime

import pytest
from aiogram.exceptions import TelegramBadRequest
from aiogram.methods import EditMessageText

from bot import sending
from bot.sending import ProgressBoard, Sender
from pipeline.domain.report import Delivery, DeliveryKind
from storage.memory import MemoryArchive

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Message:
    def __init__(self, message_id):
        self.message_id = message_id


class NotingBot:
    def __init__(self, *failures):
        self.calls: list[tuple[str, str]] = []
        self.failures = list(failures)

    async def send_message(self, chat_id, text, **more):
        self.calls.append(("send", text))
        return Message(len(self.calls))

    async def edit_message_text(self, *, chat_id, message_id, text, **more):
        if self.failures:
            raise TelegramBadRequest(EditMessageText(text="x"), self.failures.pop(0))
        self.calls.append(("edit", text))


def state(percent: int, ids=(1,), *, final=False) -> Delivery:
    status = "completed" if final else "running"
    payload = {"run_id": "r", "status": status, "percent": percent, "tasks": [], "final": final}
    return Delivery(
        chat_id=1, kind=DeliveryKind.PROGRESS, payload=payload, dedupe_key="progress:r:1",
        created_at=NOW, message_ids=ids,
    )  # fmt: skip


async def test_states_that_come_fast_are_shown_late_and_only_the_newest(monkeypatch):
    monkeypatch.setattr(sending, "EDIT_EVERY", 0.2)
    bot, clock = NotingBot(), asyncio.get_running_loop().time
    board = ProgressBoard(bot, clock)
    ids = await board.show(state(0, ()), 1)
    for percent in (10, 20, 30):
        assert await board.show(state(percent, ids), 1) == ids
    assert [kind for kind, _ in bot.calls] == ["send"]
    await asyncio.sleep(0.3)
    assert [kind for kind, _ in bot.calls] == ["send", "edit"]
    assert "30 %" in bot.calls[-1][1]


async def test_the_final_state_waits_for_nothing_and_is_the_last():
    bot = NotingBot()
    board = ProgressBoard(bot, lambda: 100.0)
    ids = await board.show(state(0, ()), 1)
    await board.show(state(50, ids), 1)
    await board.show(state(100, ids, final=True), 1)
    await asyncio.sleep(0.05)
    assert [kind for kind, _ in bot.calls] == ["send", "edit"]
    assert "done" in bot.calls[-1][1]


@pytest.mark.parametrize(
    ("failure", "kinds", "ids"),
    [
        ("Bad Request: message is not modified: specified new message", [], (1,)),
        ("Bad Request: message to edit not found", ["send"], (1,)),
        ("Bad Request: message can't be edited", ["send"], (1,)),
    ],
)
async def test_what_an_edit_meets(failure, kinds, ids):
    bot = NotingBot(failure)
    board = ProgressBoard(bot, lambda: 100.0)
    assert await board.show(state(50), 1) == ids
    assert [kind for kind, _ in bot.calls] == kinds


async def test_a_text_whose_entities_are_refused_goes_out_plain():
    class Picky(NotingBot):
        async def send_message(self, chat_id, text, **more):
            if more.get("entities") is not None:
                raise TelegramBadRequest(EditMessageText(text="x"), "can't parse entities")
            return await super().send_message(chat_id, text)

    bot = Picky()
    notice = Delivery(
        chat_id=1, kind=DeliveryKind.NOTICE, payload={"text": "t", "reference": "E-1"},
        dedupe_key="n", created_at=NOW,
    )  # fmt: skip
    assert await Sender(bot, MemoryArchive(lambda: NOW)).send(notice, 1) == (1,)
