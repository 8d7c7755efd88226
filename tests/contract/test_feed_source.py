"""A live market as a source: MetaTrader simulated, directly and behind the bridge, and a replay."""

from contextlib import asynccontextmanager
from datetime import timedelta

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from pipeline.domain.bars import validate_bars
from pipeline.domain.errors import BadRequestError, FeedRefusedError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import SourceSymbol
from storage.feeds import feed_source
from storage.feeds.feed_source import REPLAY_CARD, FeedSource
from storage.feeds.replay import ReplayFeed
from storage.market_ports import FeedClock
from storage.memory_bars import MemoryBarStore
from tests.kit.mt5 import NOON, feed_over, simulated, terminal_over

EURUSD = SourceSymbol(symbol="EURUSD", name="EURUSD.r")
HOUR = timedelta(hours=1)


@asynccontextmanager
async def source_over(how, sim, folder):
    if how != "replay":
        with terminal_over(sim, how) as terminal:
            async with feed_over(sim, terminal, folder) as feed:
                await feed.clock(sim.now)
                yield FeedSource(feed)
        return
    store = MemoryBarStore()
    await store.merge("EURUSD", Timeframe.M1, sim.truth["EURUSD"], source="test", now=NOON)
    yield FeedSource(ReplayFeed(store, {"EURUSD": Timeframe.M1}), REPLAY_CARD)


@pytest.fixture(params=["direct", "bridge", "replay"])
async def opened(request, tmp_path):
    sim = simulated()
    async with source_over(request.param, sim, tmp_path) as source:
        yield source, sim


def truth(sim, start, end):
    bars = sim.truth["EURUSD"]
    return bars[(bars["open_time"] >= start) & (bars["open_time"] < end)].reset_index(drop=True)


async def load(source, start, end, now):
    pages, cursor = [], start
    while cursor < end:
        page = await source.page(EURUSD, Timeframe.M1, cursor, end, now)
        validate_bars(page.bars, Timeframe.M1)
        assert cursor <= page.covered_until <= min(end, now)
        if page.covered_until == cursor:
            break
        pages.append(page)
        cursor = page.covered_until
    return pages, cursor


@pytest.mark.parametrize("most", [50_000, 500])
async def test_pages_add_up_to_its_closed_bars(opened, monkeypatch, most):
    source, sim = opened
    monkeypatch.setattr(feed_source, "MOST", most)
    start, end = NOON - 40 * HOUR + timedelta(seconds=20), NOON + HOUR
    pages, reached = await load(source, start, end, NOON)
    assert NOON - timedelta(minutes=2) <= reached <= NOON
    rows = np.concatenate([page.bars["open_time"].to_numpy() for page in pages])
    wanted = truth(sim, start, reached)
    assert rows.tolist() == wanted["open_time"].to_numpy().tolist()
    assert len(pages) == 1 if most == 50_000 else len(pages) > 4
    if most == 50_000:
        assert_frame_equal(pages[0].bars, wanted, check_exact=False, atol=1e-9)


async def test_an_end_in_the_past_is_the_end(opened):
    source, sim = opened
    start, end = NOON - 20 * HOUR, NOON - 10 * HOUR
    pages, reached = await load(source, start, end, NOON)
    assert reached == end
    assert len(pages[0].bars) == len(truth(sim, start, end)) > 500


async def test_nothing_has_closed_yet_from_now_on(opened):
    source, _ = opened
    page = await source.page(EURUSD, Timeframe.M1, NOON + HOUR, NOON + 2 * HOUR, NOON)
    assert page.bars.empty
    assert page.covered_until == NOON + HOUR


async def test_what_it_does_not_have_is_refused(opened):
    source, _ = opened
    with pytest.raises(BadRequestError):
        await source.page(
            SourceSymbol(symbol="NOSUCH", name="x"), Timeframe.M1, NOON - HOUR, NOON, NOON
        )
    with pytest.raises(BadRequestError) as told:
        await source.page(EURUSD, Timeframe.M5, NOON - HOUR, NOON, NOON)
    assert told.value.field == "timeframe"


async def test_what_lies_before_its_history_is_not_taken_for_a_rest_of_the_market(opened):
    source, _ = opened
    for start in (NOON - timedelta(days=400), NOON - timedelta(days=14)):
        with pytest.raises(FeedRefusedError, match="bars begin on 2025-03"):
            await source.page(EURUSD, Timeframe.M1, start, NOON, NOON)
    with pytest.raises(FeedRefusedError):
        await source.page(
            EURUSD, Timeframe.M1, NOON - timedelta(days=400), NOON - timedelta(days=300), NOON
        )
    page = await source.page(EURUSD, Timeframe.M1, NOON - timedelta(days=5), NOON, NOON)
    assert len(page.bars) > 1000


async def test_while_its_clock_is_in_doubt_it_ends_with_its_last_bar_and_says_why():
    store = MemoryBarStore()
    held = simulated().truth["EURUSD"]
    until = NOON - 5 * HOUR
    await store.merge(
        "EURUSD", Timeframe.M1, held[held["close_time"] <= until], source="test", now=NOON
    )

    class Doubtful(ReplayFeed):
        async def clock(self, now):
            return FeedClock(now, "No price has moved.")

    source = FeedSource(Doubtful(store, {"EURUSD": Timeframe.M1}))
    page = await source.page(EURUSD, Timeframe.M1, NOON - 9 * HOUR, NOON, NOON)
    assert page.covered_until == page.bars["close_time"].iloc[-1]
    assert page.notes == ("No price has moved.",)
    again = await source.page(EURUSD, Timeframe.M1, page.covered_until, NOON, NOON)
    assert again.bars.empty
    assert again.covered_until == page.covered_until, "it can't get on"


async def test_its_card_says_whose_bars_these_are(opened):
    source, _ = opened
    assert source.card.side == "bid"
    assert source.card.volume == "ticks"
    assert await source.facts(EURUSD, NOON) is None
