"""Sources in a process of their own: the same answers, and no process left behind."""

import asyncio
import os
import sys
from datetime import timedelta
from functools import partial

import pytest

from flows.settings import Settings
from flows.source_adapters import make_sources
from flows.source_apart import ApartSource
from pipeline.domain.errors import BadRequestError, FeedDownError, FeedRefusedError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import SourceSymbol
from storage.feeds import yahoo
from tests.kit.massive import KEY, bars_of, running_massive
from tests.kit.source_worlds import ALWAYS, NOW, Fault, walk_bars
from tests.kit.yahoo import Listing, rows_of, running_yahoo

EURUSD = SourceSymbol(symbol="EURUSD", name="EURUSD=X")
START = NOW.replace(second=0) - timedelta(hours=3)


def apart_over(url, **how):
    return ApartSource(yahoo.CARD, partial(yahoo.YahooSource, url, seconds=5.0), **how)


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def gone(pid):
    for _ in range(100):
        if not lives(pid):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_bars_and_errors_come_over_and_the_process_ends_when_idle():
    bars = walk_bars(START, NOW)
    async with running_yahoo(NOW) as fake:
        fake.listings["EURUSD=X"] = Listing(rows={"1m": rows_of(bars)})
        source = apart_over(fake.url, idle_seconds=0.3)
        page = await source.page(EURUSD, Timeframe.M1, START, NOW, NOW)
        assert page.bars["open_time"].tolist() == bars["open_time"].tolist()[: len(page.bars)]
        assert len(page.bars) >= len(bars) - 1
        (pid,) = source.pids()
        wrong = EURUSD.model_copy(update={"name": "NOSUCH"})
        with pytest.raises(BadRequestError) as caught:
            await source.page(wrong, Timeframe.M1, START, NOW, NOW)
        assert caught.value.field == "symbol"
        assert source.pids() == [pid], "what it learnt, like the crumb, is kept"
        assert len([path for path in fake.asked if "NOSUCH" in path]) == 1
        assert await gone(pid)
        assert source.pids() == []
        assert (await source.page(EURUSD, Timeframe.M1, START, NOW, NOW)).bars.equals(page.bars)
        (pid,) = source.pids()
        await source.close()
        await source.close()
        assert await gone(pid)


async def test_a_cancelled_or_overdue_question_leaves_no_process():
    async with running_yahoo(NOW) as fake:
        fake.listings["EURUSD=X"] = Listing(rows={"1m": rows_of(walk_bars(START, NOW))})
        source = apart_over(fake.url, seconds=8.0)
        fake.faults.add(Fault.BUSY, ALWAYS)  # it waits seven seconds
        asked = asyncio.create_task(source.page(EURUSD, Timeframe.M1, START, NOW, NOW))
        while not fake.asked:
            await asyncio.sleep(0.02)
        (pid,) = source.pids()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert await gone(pid)
        hasty = apart_over(fake.url, seconds=1.5)
        with pytest.raises(FeedDownError, match="in time"):
            await hasty.page(EURUSD, Timeframe.M1, START, NOW, NOW)
        assert hasty.pids() == []
        await source.close()
        await hasty.close()


async def test_a_source_without_its_setting_is_listed_and_says_what_it_lacks(tmp_path):
    sources = make_sources(Settings(home=tmp_path, _env_file=None))
    lacking = {name: one.card.lacks for name, one in sources.items() if one.card.lacks}
    assert lacking == {
        "mt5": "FEED", "alpaca": "ALPACA_KEY and ALPACA_SECRET", "massive": "MASSIVE_API_KEY",
    }  # fmt: skip
    for name, lacks in lacking.items():
        with pytest.raises(FeedRefusedError, match=lacks):
            await sources[name].page(EURUSD, Timeframe.M1, START, NOW, NOW)
        with pytest.raises(FeedRefusedError, match=lacks):
            await sources[name].facts(EURUSD, NOW)
    for name, one in sources.items():
        assert one.card.name == name
        await one.close()


async def test_a_key_that_is_set_reaches_its_source_and_no_text(tmp_path):
    async with running_massive(NOW) as fake:
        fake.details["C:EURUSD"] = {"ticker": "C:EURUSD", "market": "fx"}
        given = {"massive_api_key": KEY, "source_urls": f"massive={fake.url}", "exchange": "none"}
        sources = make_sources(Settings(home=tmp_path, _env_file=None, **given))
        assert sources["ccxt"].card.lacks == "EXCHANGE"
        pair = SourceSymbol(symbol="EURUSD", name="C:EURUSD")
        fake.bars["C:EURUSD", 1, "minute"] = bars_of(walk_bars(START, NOW))
        page = await sources["massive"].page(pair, Timeframe.M1, START, NOW, NOW)
        assert len(page.bars) > 100
        wrong = make_sources(Settings(home=tmp_path, _env_file=None, **given | {
            "massive_api_key": "a-wrong-one"}))  # fmt: skip
        with pytest.raises(FeedRefusedError, match="Check MASSIVE_API_KEY") as refused:
            await wrong["massive"].page(pair, Timeframe.M1, START, NOW, NOW)
        assert "a-wrong-one" not in f"{refused.value} {refused.value.facts}"
        for source in (*sources.values(), *wrong.values()):
            await source.close()


async def test_a_program_that_is_killed_takes_the_process_with_it():
    code = """
import asyncio, sys
from datetime import datetime
from functools import partial
from flows.source_apart import ApartSource
from pipeline.domain.market import Timeframe
from pipeline.domain.source import SourceSymbol
from storage.feeds import yahoo

async def main(url, start, now):
    source = ApartSource(yahoo.CARD, partial(yahoo.YahooSource, url))
    symbol = SourceSymbol(symbol="EURUSD", name="EURUSD=X")
    asked = asyncio.create_task(source.page(symbol, Timeframe.M1, start, now, now))
    while not source.pids():
        await asyncio.sleep(0.02)
    print(source.pids()[0], flush=True)
    await asked

asyncio.run(main(sys.argv[1], *map(datetime.fromisoformat, sys.argv[2:])))
"""
    async with running_yahoo(NOW) as fake:
        fake.listings["EURUSD=X"] = Listing(rows={"1m": rows_of(walk_bars(START, NOW))})
        fake.faults.add(Fault.BUSY, ALWAYS)
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, fake.url, START.isoformat(), NOW.isoformat(),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert program.stdout is not None
        pid = int(await program.stdout.readline())
        while not fake.asked:
            await asyncio.sleep(0.02)
        assert lives(pid)
        program.kill()
        await program.wait()
        assert await gone(pid)
