"""Telegram at its worst: nothing is lost, nothing comes out of order, hardly anything twice."""

import asyncio
import shutil

from bot.delivery import LEASE
from bot.texts import en
from pipeline.domain.report import DeliveryKind
from tests.kit.chat import at, chat, settings_of
from tests.kit.sandbox import text_of


async def owe(running, *texts, chat_id=0):
    for text in texts:
        await running.services.outbox.put(
            chat_id or running.owner.chat_id,
            DeliveryKind.NOTICE,
            {"run_id": "r", "text": text},
            dedupe_key=f"notice:{text}",
            now=running.services.clock(),
        )


def texts_of(messages) -> list[str]:
    return [text_of(m) for m in messages if m["from"]["is_bot"]]


async def arrive(running, *texts, seconds=12):
    await running.owner.wait_until(lambda ms: set(texts) <= set(texts_of(ms)), seconds)
    return [t for t in texts_of(await running.owner.messages()) if t in texts]


async def nothing_owed(running, seconds=5):
    """Wait until the outbox is empty: a message shows before the bot has its acknowledgement."""
    async with asyncio.timeout(seconds):
        while await running.services.outbox.pending():
            await asyncio.sleep(0.03)


async def test_429_502_and_dropped_connections(running):
    wanted = ["one", "two", "three"]
    await running.sandbox.fault("too_many", "sendMessage", seconds=1)
    await running.sandbox.fault("bad_gateway", "sendMessage")
    await running.sandbox.fault("drop_before", "sendMessage")
    await owe(running, *wanted)
    assert await arrive(running, *wanted) == wanted
    await nothing_owed(running)


async def test_a_drop_after_acceptance_repeats_once_and_keeps_the_order(running):
    await running.sandbox.fault("drop_after", "sendMessage")
    await owe(running, "one", "two")
    await arrive(running, "one", "two")
    assert texts_of(await running.owner.messages()) == ["one", "one", "two"]


async def test_a_reader_who_blocked_the_bot_does_not_hold_up_others(running):
    other = await running.sandbox.add_person("Bo")
    await other.send("hello")
    await other.block()
    await owe(running, "gone", chat_id=other.chat_id)
    await owe(running, "here")
    assert await arrive(running, "here") == ["here"]
    await nothing_owed(running)


async def test_replies_survive_faults(running):
    await running.sandbox.fault("bad_gateway", "sendMessage", times=2)
    await running.owner.send("/whoami")
    await running.owner.wait_for(lambda m: "owner" in text_of(m))
    await running.sandbox.fault("drop_before", "sendMessage")
    await running.owner.send("/runs")
    await running.owner.wait_for(lambda m: en.NO_RUNS in text_of(m))


async def test_polling_survives_faults(running):
    await running.sandbox.fault("bad_gateway", "getUpdates", times=2)
    await running.sandbox.fault("drop_after", "getUpdates")
    await running.owner.send("/runs")
    await running.owner.wait_for(lambda m: en.NO_RUNS in text_of(m), 10)
    assert len(texts_of(await running.owner.messages())) == 1


async def test_telegram_down_at_the_start(tmp_path, sample_home):
    shutil.copytree(sample_home, tmp_path / "scout")
    async with chat(tmp_path, start=False) as running:
        for method in ("getMe", "setMyCommands", "getUpdates"):
            await running.sandbox.fault("bad_gateway", method, times=2)
        await running.sandbox.fault("drop_before", "sendMessage", times=2)
        await owe(running, "owed")
        await running.start()
        assert await arrive(running, "owed") == ["owed"]
        await running.owner.send("/runs")
        await running.owner.wait_for(lambda m: en.NO_RUNS in text_of(m), 10)


async def test_a_crash_in_the_middle_loses_nothing(running):
    await running.sandbox.fault("drop_before", "sendMessage", times=2)
    await running.sandbox.fault("delay", "sendMessage", seconds=1.0, times=4)
    await running.owner.send("/whoami")
    await owe(running, "one", "two")
    await asyncio.sleep(0.4)
    await running.crash()
    assert await running.services.outbox.pending() == 2
    clock = running.services.clock
    running.services = at(running.services, clock=lambda: clock() + 2 * LEASE)  # leases ran out
    await running.start()
    await running.owner.wait_for(lambda m: "Your Telegram id" in text_of(m), 15)
    found = await arrive(running, "one", "two")
    assert found.index("two") > found.index("one")


async def test_sigterm_lets_replies_arrive(running):
    await running.sandbox.fault("delay", "sendMessage", seconds=1.0)
    await running.owner.send("/whoami")
    await running.sandbox.all_struck()
    await running.stop()
    assert len(texts_of(await running.owner.messages())) == 1
    await running.start()
    await asyncio.sleep(1.0)
    assert len(texts_of(await running.owner.messages())) == 1, "the update was confirmed"


async def test_the_second_bot_stands_by(running, tmp_path):
    from bot.app import build

    second = build(running.services)
    await second.turn.renew()
    assert not second.turn.ours
    await running.stop()
    await second.turn.renew()
    assert second.turn.ours
    await second.close()
    assert settings_of(tmp_path, "http://x").telegram_api_base == "http://x"


async def test_progress_is_edited_in_place_and_ends_final(running):
    async def tell(percent, *, final=False):
        await running.services.outbox.put(
            running.owner.chat_id,
            DeliveryKind.PROGRESS,
            {
                "run_id": "bt_2025_10_31_001",
                "title": "T",
                "status": "completed" if final else "running",
                "percent": percent,
                "tasks": [],
                "final": final,
            },
            dedupe_key="progress:x:1",
            now=running.services.clock(),
        )

    for percent in range(0, 100, 10):
        await tell(percent)
        await asyncio.sleep(0.15)
    await tell(100, final=True)
    await running.owner.wait_for(lambda m: "done" in text_of(m))
    assert len(texts_of(await running.owner.messages())) == 1


async def test_a_deleted_progress_message_comes_back(running):
    await running.services.outbox.put(
        running.owner.chat_id,
        DeliveryKind.PROGRESS,
        {"run_id": "r", "title": "T", "status": "running", "percent": 10, "tasks": []},
        dedupe_key="progress:y:1",
        now=running.services.clock(),
    )
    message = await running.owner.wait_for(lambda m: "10 %" in text_of(m))
    bot = running.sandbox.bot()
    await bot.delete_message(running.owner.chat_id, message["message_id"])
    await running.services.outbox.put(
        running.owner.chat_id,
        DeliveryKind.PROGRESS,
        {"run_id": "r", "title": "T", "status": "completed", "tasks": [], "final": True},
        dedupe_key="progress:y:1",
        now=running.services.clock(),
    )
    await running.owner.wait_for(lambda m: "done" in text_of(m))
