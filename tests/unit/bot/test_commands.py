"""What people type, as phones send it, and what buttons may carry."""

from datetime import UTC, datetime, timedelta

import pytest
from aiogram.types import CallbackQuery, Chat, Message, User
from hypothesis import given
from hypothesis import strategies as st

from bot import keyboards
from bot.access import claim_ownership, needed_role
from bot.commands import COMMANDS, menu, normalise, rest_of, run_id_in, user_change, word_of
from bot.launching import corrected, is_old, offered
from flows.owners import CODE_KEY, issue_owner_code
from pipeline.domain.errors import BadRequestError
from storage.memory import MemoryChatStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
USER = User(id=1, is_bot=False, first_name="A")
CHAT = Chat(id=1, type="private")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("/backtest A —spread=1", "/backtest A --spread=1"),
        ("2025–05–01", "2025-05-01"),
        ("“Frank” ‘x’", "\"Frank\" 'x'"),
        ("a\u00a0b", "a b"),
        ("run_2025_01_01_001", "run_2025_01_01_001"),
    ],
)
def test_normalise(typed, meant):
    assert normalise(typed) == meant


def test_words():
    assert word_of("/Help@scout_bot") == "help"
    assert word_of("help") is None
    assert rest_of("/users  add 5 viewer") == "add 5 viewer"
    assert run_id_in("/cancel bt_2025_10_31_001 please") == "bt_2025_10_31_001"
    assert user_change("add 5 TRADER").role == "trader"
    assert user_change("remove 5").role is None
    for wrong in ("add x viewer", "add 5 king", "5", "remove", "add ² viewer"):
        assert user_change(wrong) is None


def test_the_menu_is_valid_for_telegram():
    for command in menu():
        assert command.command.islower()
        assert 1 <= len(command.description) <= 256
    assert len({c.word for c in COMMANDS}) == len(COMMANDS)


@given(st.text(max_size=200), st.integers(0, 10**6))
def test_buttons_hold_any_run_and_setup(setup_id, index):
    run_id = "train_2025_10_31_123456"
    datas = [
        keyboards.TradeCb(run_id=run_id, index=index),
        keyboards.OriginalCb(run_id=run_id, index=-1),
        keyboards.CancelCb(run_id=run_id),
        keyboards.SetupCb(digest=keyboards.digest(setup_id)),
        keyboards.AnswerCb(token="x" * 12, index=index),
    ]
    for data in datas:
        assert len(data.pack().encode()) <= 64
        assert type(data).unpack(data.pack()) == data


def press(data: str) -> CallbackQuery:
    return CallbackQuery(id="1", from_user=USER, chat_instance="c", data=data)


def message(text: str) -> Message:
    return Message(message_id=1, date=NOW, chat=CHAT, from_user=USER, text=text)


def test_every_button_has_a_role_and_the_unknown_is_nobodys():
    for kind in keyboards.CallbackData.__subclasses__():
        if kind.__module__ == keyboards.__name__:
            assert needed_role(press(f"{kind.__prefix__}:x")) in ("viewer", "trader")
    assert needed_role(press("nonsense")) is None
    assert needed_role(message("/users add 1 owner")) == "owner"
    assert needed_role(message("/USERS@bot add 1 owner")) == "owner"
    assert needed_role(message("/setups")) == "viewer"
    assert needed_role(message("/backtest x")) == "trader"


async def test_the_owner_code_is_used_up_by_one():
    chats = MemoryChatStore()
    code = await issue_owner_code((), chats, NOW)
    assert await issue_owner_code((), chats, NOW) == code
    for _ in range(5):
        assert not await claim_ownership("wrong", 7, chats, NOW)
    assert not await claim_ownership(code, 7, chats, NOW), "too many tries"
    assert await claim_ownership(code, 8, chats, NOW)
    assert await chats.role(8) == "owner"
    assert not await claim_ownership(code, 9, chats, NOW)
    assert await chats.recall(CODE_KEY) is None
    assert await issue_owner_code((), chats, NOW) is None


def test_offers_put_each_closest_value_in_place_of_the_first():
    error = BadRequestError(
        "unknown symbol", field="symbol", closest=("GER40", "EURUSD"),
        corrected="/backtest GER40_x GER40 M1 last 90d",
    )  # fmt: skip
    assert offered(error) == [
        "/backtest GER40_x GER40 M1 last 90d",
        "/backtest GER40_x EURUSD M1 last 90d",
    ]
    period = BadRequestError(
        "which", field="period", closest=("last 90d", "2025"), corrected="/backtest A B last 90d"
    )
    assert offered(period)[1] == "/backtest A B 2025"
    assert offered(BadRequestError("no", field="x")) == []


def test_a_refusal_without_a_command_gets_one():
    error = BadRequestError("not H1", field="timeframe", value="H1", closest=("M1", "M5"))
    assert corrected("/backtest A EURUSD h1 2025", error) == "/backtest A EURUSD M1 2025"
    assert corrected("/backtest A EURUSD", error) == ""


def test_a_minute_makes_a_command_old():
    assert not is_old(NOW - timedelta(seconds=59), NOW)
    assert is_old(NOW - timedelta(seconds=61), NOW)
