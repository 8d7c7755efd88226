"""/deployments in the chat: looked at, paused, resumed, started once, added; owners alone."""

import asyncio

from bot.texts import en_deployments as en
from flows.deploying import register
from flows.deployment_file import NAMED, read_file
from pipeline.domain.request import RunStatus
from tests.kit.chat import Chat
from tests.kit.sandbox import buttons_of, text_of

LONG = 40
RUN = 150  # a cold computing process on a busy machine
NEW = (
    "/deployments new nightly nightly_backtest setup=Asia_sweep_engulf_v1 symbol=EURUSD "
    "timeframe=M5 period=2025-05-05..2025-05-20"
)


async def asked(me, text, part):
    sent = await me.send(text)
    return await me.wait_for(lambda m: part in text_of(m), LONG, after=sent["message_id"])


async def pressed(me, message, label, part):
    """Press a button and return the message as it is once `part` is in it."""
    await me.press(message, label)
    number = message["message_id"]
    return await me.wait_for(lambda m: m["message_id"] == number and part in text_of(m), LONG)


def labels(message):
    return [button["text"] for button in buttons_of(message)]


async def test_paused_resumed_and_started_by_taps(running: Chat):
    me, services = running.owner, running.services
    assert en.NONE in text_of(await asked(me, "/deployments", "registered"))
    await register(services)
    listed = await asked(me, "/deployments", "backtest_flow_prod")
    assert "live_scan_flow_prod: */1 * * * * (kept by the scanner)" in text_of(listed)
    assert "nightly: 30 22" not in text_of(listed)
    shown = await asked(me, NEW, "nightly")
    assert "/backtest Asia_sweep_engulf_v1 EURUSD M5 2025-05-05..2025-05-20" in text_of(shown)
    own = services.settings.home / NAMED
    assert [spec.name for spec in read_file(own).specs][-1] == "nightly"
    assert labels(shown) == [en.PAUSE, en.RUN_NOW, en.REFRESH, en.ALL]

    shown = await pressed(me, shown, en.PAUSE, "status: paused")
    assert (await services.schedules.get("nightly")).paused
    assert labels(shown)[0] == en.RESUME
    await running.stop()
    await register(services)
    await running.start()
    shown = await pressed(me, shown, en.RESUME, "status: active")
    assert not (await services.schedules.get("nightly")).paused

    await asyncio.gather(*(me.press(shown, en.RUN_NOW) for _ in range(2)))
    async with asyncio.timeout(RUN):
        while not any(run.status.ended for run in await services.runs.newest()):
            await asyncio.sleep(0.1)
    runs = await services.runs.newest()
    assert [(run.status, run.deployment) for run in runs] == [(RunStatus.COMPLETED, "nightly")]
    assert runs[0].actor.chat_id == me.chat_id
    shown = await pressed(me, shown, en.REFRESH, runs[0].run_id)
    await pressed(me, shown, en.ALL, en.TITLE)
    trail = [e.action for e in await services.audit.newest(20)]
    assert trail.count("deployment") == 2
    assert trail.count("backtest") == 1


async def test_words_do_the_same_and_slips_are_told(running: Chat):
    me = running.owner
    await register(running.services)
    await asked(me, "/deployments pause parity_flow_prod", "status: paused")
    await asked(me, "/deployments resume parity_flow_prod", "status: active")
    await asked(me, "/deployments pause parity_prod", "did you mean parity_flow_prod?")
    await asked(me, "/deployments run backtest_flow_prod", "give text")
    await asked(me, "/deployments new x nightly_backtst", "did you mean nightly_backtest?")
    await asked(me, "/deployments new x nightly_backtest setup=Asia symbol=EURUSD", "Asia")
    await asked(me, "/deployments new", "weekly_train: a training each week")
    assert not (running.services.settings.home / NAMED).exists()
    assert await running.services.runs.newest() == []


async def test_others_are_turned_away(running: Chat):
    await register(running.services)
    trader = await running.sandbox.add_person("Theo")
    await running.services.chats.set_role(trader.user_id, "trader", running.services.clock())
    await asked(trader, "/deployments", "role owner")
    listed = await asked(running.owner, "/deployments train_model_flow_prod", "0 3 * * 0")
    query = await running.owner.press_forged(listed, "dp:pause:aaaaaaaaaaaa")
    await running.owner.wait_for(lambda m: en.GONE in text_of(m), LONG)
    assert query
