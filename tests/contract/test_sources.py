"""BarSource: one suite over memory and every real adapter with the fake it asks over HTTP."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.bars import validate_bars
from pipeline.domain.errors import BadBarsError, BadRequestError, FeedDownError, FeedRefusedError
from pipeline.domain.market import Timeframe
from tests.kit.source_registry import WORLDS
from tests.kit.source_worlds import ALWAYS, NOW, Fault, walk_bars

MINUTE = timedelta(minutes=1)
START = datetime(2025, 3, 6, 22, 10, tzinfo=UTC)  # a Thursday: there is a week end before NOW
FRIDAY, SUNDAY = datetime(2025, 3, 7, 21, tzinfo=UTC), datetime(2025, 3, 9, 22, tzinfo=UTC)


@pytest.fixture(params=sorted(WORLDS))
async def world(request):
    async with WORLDS[request.param](NOW) as made:
        made.put(walk_bars(START, NOW))  # the bar that forms is among them
        yield made


async def pages_of(world, start, end):
    """Ask as a caller does; each page must keep the port's promises."""
    pages, cursor, limit = [], start, min(end, world.final)
    while cursor < limit:
        page = await world.source.page(world.symbol, Timeframe.M1, cursor, end, NOW)
        assert cursor < page.covered_until <= limit, "it advances, and never too far"
        validate_bars(page.bars, Timeframe.M1)
        assert (page.bars["open_time"] >= cursor).all()
        assert (page.bars["open_time"] < page.covered_until).all()
        pages.append(page.bars)
        cursor = page.covered_until
        assert len(pages) < 200
    return pd.concat(pages, ignore_index=True)


def same(world, got, wanted):
    assert got["open_time"].tolist() == wanted["open_time"].tolist()
    for name in ("open", "high", "low", "close"):
        np.testing.assert_allclose(got[name], wanted[name], rtol=0, atol=0.6 * 10**-world.digits)


def closed(start, end):
    bars = walk_bars(START, NOW)
    inside = (bars["open_time"] >= start) & (bars["open_time"] < end) & (bars["close_time"] <= NOW)
    return bars[inside].reset_index(drop=True)


async def test_pages_add_up_to_the_closed_bars_held(world):
    got = await pages_of(world, START, NOW + timedelta(days=1))
    same(world, got, closed(START, world.final))
    assert got["close_time"].iloc[-1] <= NOW, "the bar that forms is left out"


async def test_start_counts_and_end_does_not_wherever_they_lie(world):
    rng = np.random.default_rng(3)
    for _ in range(4):
        start = FRIDAY - timedelta(seconds=int(rng.integers(0, 60_000)))
        end = SUNDAY + timedelta(seconds=int(rng.integers(0, 60_000)))
        same(world, await pages_of(world, start, end), closed(start, end))


async def test_an_empty_week_end_is_an_empty_page_that_advances(world):
    start, end = FRIDAY + 3 * MINUTE, SUNDAY - timedelta(hours=2)
    assert (await pages_of(world, start, end)).empty


async def test_where_nothing_is_final_yet_nothing_is_given(world):
    start = world.final
    page = await world.source.page(world.symbol, Timeframe.M1, start, start + MINUTE, NOW)
    assert page.bars.empty
    assert page.covered_until == start


async def test_volume_and_spread_keep_the_contract(world):
    got = await pages_of(world, SUNDAY, SUNDAY + timedelta(hours=2))
    assert (got["volume"] >= 0).all()
    assert not (got["spread"] < 0).any()


async def test_a_symbol_it_does_not_have(world):
    wrong = world.symbol.model_copy(update={"name": world.unknown})
    with pytest.raises(BadRequestError) as caught:
        await world.source.page(wrong, Timeframe.M1, FRIDAY - MINUTE, FRIDAY, NOW)
    assert caught.value.field == "symbol"


async def test_a_timeframe_it_does_not_give(world):
    missing = [t for t in Timeframe if t not in world.source.card.timeframes]
    for timeframe in missing[:1]:
        with pytest.raises(BadRequestError) as caught:
            await world.source.page(world.symbol, timeframe, START, NOW, NOW)
        assert caught.value.field == "timeframe"


@pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.FORBIDDEN])
async def test_who_won_t_answer_us_is_not_asked_again_and_again(world, fault):
    world.fail(fault, ALWAYS)
    with pytest.raises(FeedRefusedError):
        await world.source.page(world.symbol, Timeframe.M1, FRIDAY - 9 * MINUTE, FRIDAY, NOW)
    assert not any(world.waits.seconds)


async def test_a_limit_is_waited_for_as_long_as_it_says(world):
    world.fail(Fault.BUSY, 1)
    start = FRIDAY - 9 * MINUTE
    same(world, await pages_of(world, start, FRIDAY), closed(start, FRIDAY))
    assert max(world.waits.seconds) >= 7


async def test_a_wait_longer_than_patience_is_told_at_once(world):
    world.fail(Fault.BUSY_LONG, ALWAYS)
    with pytest.raises(FeedDownError):
        await world.source.page(world.symbol, Timeframe.M1, FRIDAY - 9 * MINUTE, FRIDAY, NOW)
    assert max(world.waits.seconds, default=0) < 1000


@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.SLOW, Fault.CUT])
async def test_a_fault_that_passes_is_got_over_and_one_that_stays_is_told(world, fault):
    start = FRIDAY - 9 * MINUTE
    world.fail(fault, 1)
    same(world, await pages_of(world, start, FRIDAY), closed(start, FRIDAY))
    world.fail(fault, ALWAYS)
    with pytest.raises(FeedDownError):
        await world.source.page(world.symbol, Timeframe.M1, start, FRIDAY, NOW)


async def test_bars_that_break_the_contract_are_refused(world):
    world.fail(Fault.IMPOSSIBLE, 1)
    with pytest.raises(BadBarsError):
        await world.source.page(world.symbol, Timeframe.M1, FRIDAY - 9 * MINUTE, FRIDAY, NOW)


async def test_closing_twice_does_no_harm(world):
    await pages_of(world, FRIDAY - MINUTE, FRIDAY)
    await world.source.close()
    await world.source.close()


def test_the_card_says_what_a_trader_must_know(world):
    card = world.source.card
    assert card.timeframes == tuple(sorted(card.timeframes, key=lambda t: t.minutes))
    assert card.clock
    assert card.reach
    assert card.bars_a_second > 0
