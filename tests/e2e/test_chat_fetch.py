"""Bars from a source by chat: the offer under a backtest, progress, the test; a revised day."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from bot.texts import en
from tests.kit.chat import chat
from tests.kit.dukascopy import Loopback, made_ticks, running_dukascopy
from tests.kit.sandbox import buttons_of, text_of

WAIT = 150
BACKTEST = "/backtest Asia_sweep_engulf_v1 GBPUSD M5 2025-05-19..2025-05-23"
pytestmark = pytest.mark.timeout(400)


async def test_a_backtest_without_bars_fetches_them_and_runs_and_a_revised_day_waits(tmp_path):
    world = Loopback(now=datetime.now(UTC))
    weeks = [
        made_ticks(datetime(2025, 5, day, tzinfo=UTC), 5 * 24, seed=day, level=132_000, a_minute=4)
        for day in (5, 12, 19)
    ]
    world.hold("GBPUSD", np.concatenate(weeks))
    async with (
        running_dukascopy(world) as served,
        chat(tmp_path, sources=("dukascopy",), source_urls={"dukascopy": served.url}) as running,
    ):
        me = running.owner
        listed = await me.send("/source GBPUSD")
        told = await me.wait_for(
            lambda m: "Where bars of GBPUSD come from" in text_of(m),
            30,
            after=listed["message_id"],
        )
        assert "dukascopy: GBPUSD, since 2003-05-04" in text_of(told)
        sent = await me.send(BACKTEST)
        refused = await me.wait_for(
            lambda m: "No bars of GBPUSD are held" in text_of(m), 30, after=sent["message_id"]
        )
        offer = buttons_of(refused)[0]["text"]
        assert offer.startswith("Fetch from Dukascopy, about ") and offer.endswith(", then run it")
        await me.press(refused, offer)
        card = await me.wait_for(
            lambda m: "GBPUSD M1: " in text_of(m) and "bars held" in text_of(m),
            WAIT,
            after=refused["message_id"],
        )
        assert "Started then: bt_" in text_of(card)
        await me.wait_for(
            lambda m: "Expectancy" in text_of(m) or "No trades" in text_of(m),
            WAIT,
            after=refused["message_id"],
        )
        runs = {run.flow_type: run for run in await running.services.runs.newest(5)}
        assert set(runs) == {"fetch_flow", "backtest_flow"}
        assert runs["backtest_flow"].report["source"] == "dukascopy"
        await me.press(refused, offer)
        await me.wait_for(
            lambda m: (
                "all of it was fetched before" in text_of(m) or en.ALREADY_STARTED in text_of(m)
            ),
            WAIT,
            after=card["message_id"],
        )
        world.revised.add(date(2025, 5, 20))
        sent = await me.send("/fetch GBPUSD M1 2025-05-20..2025-05-20 again=yes")
        card = await me.wait_for(
            lambda m: "wait in quarantine" in text_of(m), WAIT, after=sent["message_id"]
        )
        assert "nothing new" in text_of(card)
        waiting = await running.services.quarantine.waiting("GBPUSD")
        assert {bar.open_time.date() for bar in waiting} == {date(2025, 5, 20)}
        sent = await me.send("/quarantine")
        listed = await me.wait_for(
            lambda m: "in quarantine; none is used" in text_of(m), 30, after=sent["message_id"]
        )
        await me.press(listed, f"Accept {len(waiting):,} of GBPUSD M1")
        done = await me.wait_for(
            lambda m: "accepted: 0 added" in text_of(m), 30, after=listed["message_id"]
        )
        assert f"{len(waiting):,} replaced" in text_of(done)
        assert await running.services.quarantine.waiting() == []
        sent = await me.send("/fetch GBPUSD source=dukascpy")
        await me.wait_for(
            lambda m: "is no source that is set up" in text_of(m), 30, after=sent["message_id"]
        )
        sent = await me.send("/quality GBPUSD")
        card = await me.wait_for(
            lambda m: "Quality of 1 holding" in text_of(m), WAIT, after=sent["message_id"]
        )
        assert "second source: no other source has it" in text_of(card)
