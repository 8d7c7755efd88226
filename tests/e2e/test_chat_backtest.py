"""A backtest from the chat: asked wrongly, corrected, followed, read, paged, run again."""

import asyncio
from datetime import timedelta

from bot.texts import en
from tests.kit.chat import COMMAND, Chat, at
from tests.kit.sandbox import buttons_of, text_of


def is_report(message) -> bool:
    return any(b["text"] == en.BUTTON_CHANGE for b in buttons_of(message))


async def test_from_command_to_pages_of_trades(running: Chat):
    me = running.owner
    asked = await me.send(COMMAND)
    await me.wait_until(lambda ms: any(m.get("reactions") for m in ms), 1.5)
    first = await me.wait_for(lambda m: "bt_" in text_of(m), after=asked["message_id"])
    report = await me.wait_for(is_report, 60)
    assert "SYNTHETIC" in text_of(report)
    assert "Asia_sweep_engulf_v1" in text_of(report)
    assert "Expectancy" in text_of(report)

    done = await me.wait_until(
        lambda ms: any(m["message_id"] == first["message_id"] and "done" in text_of(m) for m in ms)
    )
    progress = [m for m in done if "Load bars" in text_of(m)]
    assert len(progress) == 1
    assert "✓ Simulate trades" in text_of(progress[0])
    await me.wait_until(lambda ms: sum("document" in m for m in ms) >= 1, 30)

    await me.press(report, en.BUTTON_TRADES)
    page = await me.wait_for(lambda m: "Trade 1 of" in text_of(m), 20)
    assert "photo" in page
    await me.press(page, en.BUTTON_AHEAD)
    turned = await me.wait_for(lambda m: "Trade 2 of" in text_of(m), 20)
    assert turned["message_id"] == page["message_id"]
    await me.press(turned, en.BUTTON_ORIGINAL)
    png = await me.wait_for(
        lambda m: m.get("document", {}).get("file_name", "").endswith("_2.png"), 20
    )
    assert (await me.download(png["document"]["file_id"])).startswith(b"\x89PNG")

    await me.press(report, en.BUTTON_CHANGE)
    change = await me.wait_for(lambda m: en.CHANGE_TITLE in text_of(m))
    assert any("Target 3 R" in b["text"] for b in buttons_of(change))


async def test_a_wrong_word_is_corrected_by_a_press(running: Chat):
    me = running.owner
    await me.send(COMMAND.replace("Asia_sweep_engulf_v1", "Asia_sweep"))
    refusal = await me.wait_for(lambda m: "Asia_sweep" in text_of(m))
    assert en.CORRECTED in text_of(refusal)
    assert any("copy_text" in b for b in buttons_of(refusal))
    assert await running.services.runs.newest(5) == []
    await me.press(refusal, "Asia_sweep_engulf_v1")
    await me.wait_for(is_report, 60)


async def test_two_presses_run_once(running: Chat):
    me = running.owner
    await me.send("/backtest")
    usage = await me.wait_for(lambda m: en.USAGE_BACKTEST in text_of(m))
    token = buttons_of(usage)[0]["callback_data"]
    await asyncio.gather(me.press_forged(usage, token), me.press_forged(usage, token))
    await me.wait_for(lambda m: en.ALREADY_STARTED in text_of(m))
    assert len(await running.services.runs.newest(5)) == 1


async def test_the_phones_dashes_and_quotes_are_understood(running: Chat):
    me = running.owner
    await me.send("/backtest Asia_sweep_engulf_v1 EURUSD M5 2025–05–03..2025–05–28 —dry_run=true")
    plan = await me.wait_for(lambda m: en.DRY_RUN_TITLE in text_of(m))
    assert "Bars needed" in text_of(plan)
    assert await running.services.runs.newest(5) == []


async def test_a_command_that_waited_is_asked_about(running: Chat):
    me = running.owner
    await running.stop()
    await me.send(COMMAND)
    clock = running.services.clock
    running.services = at(running.services, clock=lambda: clock() + timedelta(minutes=2))
    await running.start()
    asked = await me.wait_for(lambda m: en.OLD_COMMAND in text_of(m))
    assert await running.services.runs.newest(5) == []
    await me.press(asked, en.BUTTON_RUN_NOW)
    await me.wait_for(lambda m: "bt_" in text_of(m))
    assert len(await running.services.runs.newest(5)) == 1


async def test_status_runs_cancel_and_rerun(running: Chat):
    me = running.owner
    await me.send("/runs")
    await me.wait_for(lambda m: en.NO_RUNS in text_of(m))
    await me.send(COMMAND)
    first = await me.wait_for(lambda m: "bt_" in text_of(m))
    await me.press(first, en.BUTTON_CANCEL)
    await me.wait_for(lambda m: "stopped" in text_of(m), 15)
    run = (await running.services.runs.newest(1))[0]
    await me.send(f"/status {run.run_id}")
    await me.wait_for(lambda m: "Cancel" in text_of(m) or "cancelled" in text_of(m))
    await me.send(f"/rerun {run.run_id}")
    report = await me.wait_for(is_report, 60)
    assert run.run_id in text_of(report)
    await me.send("/runs")
    listed = await me.wait_for(lambda m: en.RUNS_TITLE in text_of(m))
    await me.press(listed, run.run_id)
    await me.wait_for(is_report, after=listed["message_id"])
    await me.send("/cancel bt_2001_01_01_001")
    await me.wait_for(lambda m: "There is no run" in text_of(m) and "Reference" in text_of(m))
