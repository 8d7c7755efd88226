"""The scan crew: processes say what a thread says; one that dies names what is lost."""

import asyncio
import os
import signal

import numpy as np
import pandas as pd
import pytest

from flows.scan_crew import InlineScanCrew, ProcessScanCrew, make_scan_crew
from flows.scan_desk import Assignment, ScanStateLostError
from pipeline.domain.errors import BadBarsError
from pipeline.domain.market import Timeframe
from tests.kit.setups import LIBRARY, TOY, random_bars

SYMBOLS = ("ONE", "TWO", "THREE")
SEEDED = 4000
ENOUGH = 240


def assignment(symbol):
    instrument = TOY.model_copy(update={"symbol": symbol})
    setups = [(LIBRARY["Asia_fvg_break_v2"], t) for t in (Timeframe.M1, Timeframe.M5)]
    return Assignment(instrument, setups)


@pytest.fixture(scope="module")
def market():
    bars = random_bars(np.random.default_rng(5), Timeframe.M1, 9)
    morning = bars["open_time"].dt.hour == 7
    first = int(np.flatnonzero(morning & (bars.index > SEEDED))[0])
    return bars[:first], bars[first : first + ENOUGH].reset_index(drop=True)


@pytest.fixture(params=["thread", "processes"])
async def crew(request):
    made = make_scan_crew(2 if request.param == "processes" else 0)
    yield made
    await made.close()


@pytest.fixture
async def processes():
    made = ProcessScanCrew(2)
    yield made
    await made.close()


async def seeded(crew, market):
    for symbol in SYMBOLS:
        await crew.seed(symbol, assignment(symbol), market[0])


async def told(crew, market, symbol):
    """Return what a symbol's closes bring, the bars being sent in three pieces."""
    found = []
    for part in (slice(0, 1), slice(1, 100), slice(100, None)):
        found += await crew.advance(symbol, market[1][part].reset_index(drop=True))
    return found


async def test_a_crew_scans_as_a_symbol_scan_does(crew, market):
    await seeded(crew, market)
    found = await asyncio.gather(*(told(crew, market, symbol) for symbol in SYMBOLS))
    for symbol, scanned in zip(SYMBOLS, found, strict=True):
        alone = assignment(symbol).scan()
        alone.seed(market[0])
        assert scanned == alone.advance(market[1])
        assert {s.symbol for one in scanned for s, _ in one.signals} == {symbol}
    assert crew.lost == ()
    window = await crew.window("ONE", Timeframe.M1, 50)
    pd.testing.assert_frame_equal(window, market[1][-50:].reset_index(drop=True))


async def test_the_clock_and_the_pause_reach_the_scan(crew, market):
    await crew.seed("ONE", assignment("ONE"), market[0])
    alone = assignment("ONE").scan()
    alone.seed(market[0])
    until = (market[1]["close_time"].iloc[99] + pd.Timedelta(minutes=5)).to_pydatetime()
    bars = market[1][:100]
    wanted = alone.advance(bars, until, paused=True)
    assert await crew.advance("ONE", bars, until, paused=True) == wanted
    assert wanted[-1].close > market[1]["close_time"].iloc[99]


async def test_bars_that_are_held_are_refused_and_nothing_is_lost(crew, market):
    await crew.seed("ONE", assignment("ONE"), market[0])
    with pytest.raises(BadBarsError, match="held already"):
        await crew.advance("ONE", market[0][-1:])
    assert crew.lost == ()
    assert await told(crew, market, "ONE")


async def test_a_symbol_without_bars_asks_to_be_seeded(crew, market):
    with pytest.raises(ScanStateLostError) as caught:
        await crew.advance("ONE", market[1])
    assert caught.value.symbols == ("ONE",)
    await crew.seed("ONE", assignment("ONE"), market[0])
    await crew.drop("ONE")
    await crew.drop("ONE")
    with pytest.raises(ScanStateLostError):
        await crew.window("ONE", Timeframe.M1, 5)


async def test_what_was_cut_off_is_lost_and_found_again_after_a_seed(crew, market):
    await crew.seed("ONE", assignment("ONE"), market[0])
    wanted = await crew.advance("ONE", market[1])
    await crew.seed("ONE", assignment("ONE"), market[0])
    call = asyncio.create_task(crew.advance("ONE", market[1]))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert crew.lost == ("ONE",)
    with pytest.raises(ScanStateLostError):
        await crew.advance("ONE", market[1])
    await crew.seed("ONE", assignment("ONE"), market[0])
    assert crew.lost == ()
    assert await crew.advance("ONE", market[1]) == wanted


async def test_a_killed_process_names_its_symbols_and_is_replaced(processes, market):
    await seeded(processes, market)
    calls = [asyncio.create_task(told(processes, market, s)) for s in SYMBOLS]
    await asyncio.sleep(0.05)
    victim = processes.pids()[0]
    os.kill(victim, signal.SIGKILL)
    found = dict(zip(SYMBOLS, await asyncio.gather(*calls, return_exceptions=True), strict=True))
    failed = {s: e for s, e in found.items() if isinstance(e, Exception)}
    assert 0 < len(failed) < len(SYMBOLS), "the others go on"
    assert processes.lost == tuple(sorted(failed))
    assert all(isinstance(e, ScanStateLostError) for e in failed.values())
    assert all(set(e.symbols) == set(failed) for e in failed.values())
    for symbol in processes.lost:
        await processes.seed(symbol, assignment(symbol), market[0])
    assert processes.lost == ()
    assert victim not in processes.pids()
    assert len(processes.pids()) == 2
    again = [await told(processes, market, symbol) for symbol in failed]
    inline = InlineScanCrew()
    await seeded(inline, market)
    assert again == [await told(inline, market, symbol) for symbol in failed]
    await inline.close()


async def test_one_killed_while_idle_is_noticed(processes, market):
    await seeded(processes, market)
    for pid in processes.pids():
        os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(30):
        while processes.lost != tuple(sorted(SYMBOLS)):
            await asyncio.sleep(0.01)
    with pytest.raises(ScanStateLostError) as caught:
        await processes.advance("ONE", market[1])
    assert set(caught.value.symbols) == set(SYMBOLS)


async def test_a_call_that_hangs_costs_the_process_and_says_so(market):
    crew = ProcessScanCrew(1, timeout=60)
    try:
        await crew.seed("ONE", assignment("ONE"), market[0])
        os.kill(crew.pids()[0], signal.SIGSTOP)
        crew._timeout = 0.3
        with pytest.raises(ScanStateLostError):
            await crew.advance("ONE", market[1])
        assert crew.lost == ("ONE",)
        assert crew.pids() == []
    finally:
        await crew.close()
