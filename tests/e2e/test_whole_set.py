"""`make run` as a newcomer meets it: start, chat, a part dies, Ctrl-C, carry on."""

import asyncio
import os
import signal

import pytest

from tests.kit.sandbox import buttons_of, text_of
from tests.kit.whole_set import whole_set

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.timeout(600)]
COMMAND = "/backtest Frank_raid_v1 EURUSD M5 2025-02..2025-06"


async def report(person, after):
    return await person.wait_for(lambda m: "win rate" in text_of(m).lower(), 90, after=after)


async def test_a_newcomers_first_evening(tmp_path):
    home = tmp_path / "home"
    async with whole_set(home) as running:
        await running.says("Setup Scout is up", 240)
        person = await running.person()
        sent = await person.send(COMMAND)
        first = await report(person, sent["message_id"])
        assert "SYNTHETIC" in text_of(first)
        assert any("Trades" in button["text"] for button in buttons_of(first))
        messages = await person.wait_until(
            lambda ms: (
                sum("document" in m for m in ms) >= 2 and sum("photo" in m for m in ms) >= 3
            ),
            60,
        )
        names = {m["document"]["file_name"] for m in messages if "document" in m}
        assert any(n.endswith(".csv") for n in names) and any(n.endswith(".json") for n in names)

        os.kill(running.pid("worker"), signal.SIGKILL)
        await running.says("worker ended")
        await running.says("worker is up again", 120)
        again = await person.send(COMMAND)
        await report(person, again["message_id"])
        assert await running.stop() <= 15.0
        assert running.process.returncode == 0
        await running.says("everything has stopped")
        assert not any("killed" in line for line in running.screen), running.screen

    async with whole_set(home) as running:
        await running.says("Setup Scout is up", 240)
        person = await running.person()
        asked = await person.send("/runs")
        answer = await person.wait_for(
            lambda m: "bt_" in text_of(m), 20, after=asked["message_id"]
        )
        assert text_of(answer).count("bt_") >= 2


async def test_a_second_set_in_the_same_home_is_refused_and_another_home_is_not(tmp_path):
    async with whole_set(tmp_path / "a") as first:
        await first.says("starting in", 30)
        async with whole_set(tmp_path / "a") as second:
            await second.says("already runs in", 30)
            assert await asyncio.wait_for(second.process.wait(), 10) != 0


async def test_a_wrong_setting_is_one_line(tmp_path):
    async with whole_set(tmp_path, MAX_PARALLEL_RUNS="many") as running:
        await running.says(r"Setting MAX_PARALLEL_RUNS: .*\.env\.example", 30)
        assert await asyncio.wait_for(running.process.wait(), 10) != 0
        assert not any("Traceback" in line for line in running.screen)
