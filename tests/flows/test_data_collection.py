"""Collecting an exchange's bars: only what is missing, all of it or nothing, holes told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.reports import report_view
from flows import control
from flows.cli_reports import lines_of_report
from flows.exchange_apart import ApartHistory
from flows.exchange_bars import collect, missing_stretches
from pipeline.domain.bars import bar_frame, epoch_seconds
from pipeline.domain.errors import (
    BadBarsError,
    BadRequestError,
    FeedDownError,
    NoBarsError,
    StaleBarsError,
)
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Actor, Channel, RunStatus
from tests.kit.exchange import running_exchange
from tests.kit.exchange_services import END, STEP, exchange_services, later, market_of
from tests.kit.plain_services import plain_services

ASKER = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
FLOOR = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
NAME = "BTCUSDT.BINANCE"


async def held(services):
    return await services.bars.read(NAME, Timeframe.M5)


async def test_the_last_days_are_held_whole_under_their_own_name(tmp_path):
    world = market_of()
    async with exchange_services(tmp_path, world) as services:
        found = await collect("btc/usdt", 30, services)
        bars = await held(services)
    assert (found.stored_as, found.bars, found.fetched, found.missing) == (NAME, 8640, 8640, 0)
    assert bars["open_time"].iloc[0].to_pydatetime() == FLOOR - timedelta(days=30)
    assert bars["close_time"].iloc[-1].to_pydatetime() == FLOOR
    assert world.refused == []


async def test_only_what_the_store_lacks_is_asked_for(tmp_path):
    world = market_of(40)
    async with exchange_services(tmp_path, world, END - timedelta(days=1)) as services:
        world.now -= 86_400_000
        await collect("BTC/USDT", 30, services)
        world.asked.clear()
        again = later(world, services, 1440)
        found = await collect("BTC/USDT", 30, again)
        assert (found.bars, found.fetched) == (8640, 288)
        assert len(world.asked) == 1
        world.asked.clear()
        assert (await collect("BTC/USDT", 30, again)).fetched == 0
        assert world.asked == []


async def test_a_gap_is_told_and_healed_once_the_exchange_has_it(tmp_path):
    world = market_of()
    kept = dict(world.klines["BTCUSDT", "5m"])
    gap = [int(FLOOR.timestamp() * 1000) - n * STEP for n in range(1000, 1040)]
    for at in gap:
        del world.klines["BTCUSDT", "5m"][at]
    async with exchange_services(tmp_path, world) as services:
        found = await collect("BTC/USDT", 30, services)
        assert (found.bars, found.missing) == (8600, 40)
        assert found.gaps[0].missing == 40
        assert found.gaps[0].start == FLOOR - 1039 * timedelta(minutes=5)
        world.klines["BTCUSDT", "5m"] = kept
        healed = await collect("BTC/USDT", 30, services)
    assert (healed.bars, healed.fetched, healed.missing) == (8640, 40, 0)


async def test_too_few_bars_name_the_days_there_are_and_nothing_is_kept(tmp_path):
    async with exchange_services(tmp_path, market_of(12)) as services:
        with pytest.raises(NoBarsError, match=r"from 2026-11-08 on\. Ask for days=1\d"):
            await collect("BTC/USDT", 30, services)
        assert (await held(services)).empty
        assert (await collect("BTC/USDT", 11, services)).bars == 3168


async def test_a_market_that_stands_still_is_refused(tmp_path):
    world = market_of()
    for at in list(world.klines["BTCUSDT", "5m"]):
        if at > world.now - 86_400_000:
            del world.klines["BTCUSDT", "5m"][at]
    async with exchange_services(tmp_path, world) as services:
        with pytest.raises(StaleBarsError, match="still traded"):
            await collect("BTC/USDT", 30, services)
        assert (await held(services)).empty


async def test_frozen_bars_are_refused(tmp_path):
    async with exchange_services(
        tmp_path, market_of(prices=np.full((8928, 4), 100.0))
    ) as services:
        with pytest.raises(BadBarsError, match="8640 frozen"):
            await collect("BTC/USDT", 30, services)
        assert (await held(services)).empty


async def test_an_exchange_that_breaks_off_leaves_nothing_half_written(tmp_path):
    world = market_of()
    async with exchange_services(tmp_path, world) as services:
        ask, pages = services.exchange._page, []

        async def breaking(*asked):
            pages.append(asked)
            if len(pages) == 5:
                world.answers += [(502, {}, "")] * 9
            return await ask(*asked)

        services.exchange._page = breaking
        with pytest.raises(FeedDownError):
            await collect("BTC/USDT", 30, services)
        assert (await held(services)).empty
        world.answers.clear()
        assert (await collect("BTC/USDT", 30, services)).bars == 8640


async def test_the_run_tells_chat_and_command_line(tmp_path):
    async with exchange_services(tmp_path, market_of()) as services:
        run = await control.launch_text("/collect BTC/USDT days=30", ASKER, services)
        await services.launcher.wait(run.run_id)
        ended = await services.runs.get(run.run_id)
        assert ended.status is RunStatus.COMPLETED, ended.error
        card = report_view(ended.report).text
        assert "BTC/USDT at binance: 8640 bars, 8640 new" in card
        assert NAME in card
        lines = lines_of_report(ended.report, tmp_path)
        assert any("No bar is missing" in line for line in lines)
        with pytest.raises(BadRequestError, match="EXCHANGE"):
            await control.launch_text("/collect BTC/USDT", ASKER, replace(services, exchange=None))


async def test_the_process_apart_gives_the_same_bars_and_the_same_errors(tmp_path):
    from functools import partial

    from flows.cpu import CpuPool
    from storage.feeds.ccxt_exchange import CcxtHistory

    world = market_of(3)
    cpu = CpuPool(1, timeout=120)
    async with running_exchange(world), plain_services(tmp_path):
        apart = ApartHistory("binance", partial(CcxtHistory, "binance", world.url), cpu)
        bars = await apart.bars("BTC/USDT", Timeframe.M5, FLOOR - timedelta(days=2), FLOOR)
        assert len(bars) == 576
        assert (await apart.market("BTC/USDT")).symbol == "BTC/USDT"
        with pytest.raises(BadRequestError) as wrong:
            await apart.market("BTC/USD")
        assert wrong.value.closest[0] == "BTC/USDT"
        await cpu.close()


@given(st.lists(st.booleans(), min_size=1, max_size=2000), st.integers(0, 299))
@settings(max_examples=60)
def test_stretches_cover_exactly_what_is_missing(there, offset):
    start = FLOOR + timedelta(seconds=offset)
    first = int(FLOOR.timestamp()) + (300 if offset else 0)
    wanted = first + 300 * np.arange(len(there), dtype="int64")
    have = wanted[np.array(there)]
    import pandas as pd

    times = pd.DatetimeIndex(have.astype("datetime64[s]")).tz_localize("UTC")
    frame = bar_frame(times, Timeframe.M5, np.ones((len(have), 4)))
    end = datetime.fromtimestamp(int(wanted[-1]) + 300, UTC)
    parts = missing_stretches(frame, start, end)
    asked = {t for a, b in parts for t in range(int(a.timestamp()), int(b.timestamp()), 300)}
    lacking = set(wanted.tolist()) - set(epoch_seconds(frame["open_time"]).tolist())
    assert lacking <= asked <= set(wanted.tolist())
    assert bool(parts) == bool(lacking)
    for a, b in parts:
        assert int(a.timestamp()) in lacking
        assert int(b.timestamp()) - 300 in lacking
