"""The replay feed: every held bar once, in order, none before its close."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.minutes import as_minutes
from pipeline.domain.bars import validate_bars
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from storage.feeds.replay import ReplayFeed
from storage.memory_bars import MemoryBarStore
from tests.kit.bar_strategies import bar_frames

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def some_bars(max_size):
    return bar_frames(max_size=max_size).filter(lambda market: len(market[0]))


async def feed_of(bars, base):
    store = MemoryBarStore()
    await store.merge("EURUSD", base, bars, source="test", now=NOW)
    return ReplayFeed(store, {"EURUSD": base})


@settings(max_examples=40, deadline=None)
@given(some_bars(150), st.randoms(use_true_random=False))
async def test_every_bar_comes_once_and_none_before_its_close(market, random):
    bars, base, _ = market
    feed = await feed_of(bars, base)
    wanted = as_minutes(bars, base)
    after = wanted["open_time"].iloc[0].to_pydatetime() - timedelta(minutes=1)
    now, last = after, wanted["close_time"].iloc[-1].to_pydatetime()
    due, given_out = [], []
    while now < last or len(due) == 7:
        now = min(last, now + timedelta(minutes=random.choice([1, 1, 5, 60, 4000])))
        due = await feed.bars("EURUSD", after, now, limit=7)
        validate_bars(due, Timeframe.M1)
        if len(due):
            assert due["open_time"].iloc[0] > after
            assert due["close_time"].iloc[-1] <= now
            after = due["open_time"].iloc[-1].to_pydatetime()
            given_out.append(due)
    pd.testing.assert_frame_equal(pd.concat(given_out, ignore_index=True), wanted)


@settings(max_examples=20, deadline=None)
@given(some_bars(60), st.integers(1, 70))
async def test_without_a_mark_the_newest_closed_bars_come(market, limit):
    bars, base, _ = market
    feed = await feed_of(bars, base)
    minutes = as_minutes(bars, base)
    now = minutes["close_time"].iloc[len(minutes) // 2].to_pydatetime()
    wanted = minutes[minutes["close_time"] <= now].tail(limit).reset_index(drop=True)
    pd.testing.assert_frame_equal(await feed.bars("EURUSD", None, now, limit=limit), wanted)


async def test_it_names_what_it_has():
    feed = ReplayFeed(MemoryBarStore(), {"EURUSD": Timeframe.M1})
    assert await feed.offers() == ("EURUSD",)
    assert (await feed.clock(NOW)).now == NOW
    assert (await feed.bars("EURUSD", None, NOW)).empty
    with pytest.raises(BadRequestError, match="no GER40") as refused:
        await feed.bars("GER40", None, NOW)
    assert refused.value.closest == ("EURUSD",)
