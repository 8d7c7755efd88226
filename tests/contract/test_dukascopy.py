"""Dukascopy as a source, over HTTP against a loopback that serves true files and misbehaves."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from pipeline.domain.bars import PRICES, validate_bars
from pipeline.domain.errors import (
    BadBarsError,
    BadRequestError,
    FeedDownError,
    FeedRefusedError,
)
from pipeline.domain.market import Timeframe
from pipeline.domain.source import SourceSymbol
from storage.feeds.dukascopy import DukascopySource
from storage.feeds.dukascopy_api import ABSENT, PricesApi, code_of
from storage.feeds.dukascopy_door import Datafeed
from storage.feeds.dukascopy_doors import Doors
from storage.feeds.patient_http import HttpPatience, PatientHttp
from tests.kit.dukascopy import HTML, Fault, Loopback, candles, made_ticks, running_dukascopy

MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
LATER = MONDAY + 30 * DAY
EURUSD = SourceSymbol(symbol="EURUSD", name="EURUSD", scale=0.00001, first=date(2003, 5, 4))
FAST = HttpPatience(first=0.01, gap=0.0, busy_seconds=60.0, request_seconds=5.0)


@pytest.fixture
async def world():
    ticks = made_ticks(MONDAY, 50)
    async with running_dukascopy(Loopback(now=LATER)) as served:
        served.hold("EURUSD", ticks)
        yield served


@asynccontextmanager
async def opened(world, patience=FAST, **options):
    waits: list[float] = []

    async def sleep(seconds):
        waits.append(seconds)

    http = PatientHttp("Dukascopy", patience, sleep=sleep, rng=np.random.default_rng(1))
    source = DukascopySource(Datafeed(http, world.url), **options)
    source.waits = waits
    try:
        yield source
    finally:
        await source.close()


async def no_sleep(_):
    return None


async def load(source, start, end, now, symbol=EURUSD):
    """Ask page by page, as whoever loads does."""
    parts, cursor = [], start
    while cursor < end:
        page = await source.page(symbol, Timeframe.M1, cursor, end, now)
        assert cursor <= page.covered_until <= min(end, now)
        validate_bars(page.bars, Timeframe.M1)
        if len(page.bars):
            assert page.bars["open_time"].iloc[0] >= cursor
            assert page.bars["close_time"].iloc[-1] <= page.covered_until
        parts.append(page.bars)
        if page.covered_until == cursor:
            break
        cursor = page.covered_until
    return pd.concat(parts, ignore_index=True), cursor


def truth(world, start, end):
    """The bars of ticks, minute by minute in plain Python: (open times, prices, volume, spread)."""
    out, day = [], start.replace(hour=0, minute=0)
    while day < end:
        bid = candles(world.ticks["EURUSD"], day.date(), "BID")
        ask = candles(world.ticks["EURUSD"], day.date(), "ASK")
        for b, a in zip(bid, ask, strict=True):
            at = day + timedelta(seconds=int(b[0]))
            if b[5] > 0 and start <= at < end:
                spread = (a[2] - b[2]) / 1e5
                out.append((at, b[1] / 1e5, b[4] / 1e5, b[3] / 1e5, b[2] / 1e5, b[5], spread))
        day += DAY
    names = ["open_time", *PRICES, "volume", "spread"]
    return pd.DataFrame(out, columns=names)


def same(found, wanted):
    assert found["open_time"].tolist() == wanted["open_time"].tolist()
    for name in (*PRICES, "volume", "spread"):
        assert found[name].tolist() == wanted[name].tolist(), name


async def test_bars_are_the_files_without_the_minutes_that_only_fill(world):
    start, end = MONDAY + 3 * HOUR, MONDAY + 2 * DAY + HOUR
    async with opened(world) as source:
        found, reached = await load(source, start, end, LATER)
    assert reached == end
    wanted = truth(world, start, end)
    assert 1500 < len(wanted) < 46 * 60, "a fifth of the minutes had no tick"
    same(found, wanted)
    assert world.asked[0] == "/datafeed/EURUSD/2024/02/04/BID_candles_min_1.bi5", "months from 00"


async def test_a_day_from_its_hours_of_ticks_is_the_day_from_its_candles(world):
    async with opened(world) as source:
        of_files, _ = await load(source, MONDAY, MONDAY + DAY, LATER)
        world.asked.clear()
        world.now = now = MONDAY + DAY + HOUR  # its file of candles is not to be had yet
        of_ticks, reached = await load(source, MONDAY, MONDAY + DAY, now)
    assert reached == MONDAY + DAY
    assert all(path.endswith("h_ticks.bi5") for path in world.asked)
    assert_frame_equal(of_ticks, of_files)


async def test_the_running_day_ends_where_hours_are_final_and_goes_on_later(world):
    async with opened(world) as source:
        world.now = now = MONDAY + 10 * HOUR + timedelta(minutes=50)
        found, reached = await load(source, MONDAY, MONDAY + DAY, now)
        assert reached == MONDAY + 9 * HOUR, "10:00 forms, and 09:00 may still be filled"
        same(found, truth(world, MONDAY, reached))
        again = await source.page(EURUSD, Timeframe.M1, reached, MONDAY + DAY, now)
        assert again.bars.empty
        assert again.covered_until == reached, "nothing final from there on: it can't get on"
        world.now = now = MONDAY + 13 * HOUR
        more, reached = await load(source, reached, MONDAY + DAY, now)
        assert (
            reached == MONDAY + 12 * HOUR - HOUR * (not len(more)) or reached >= MONDAY + 11 * HOUR
        )
    same(pd.concat([found, more], ignore_index=True), truth(world, MONDAY, reached))


async def test_a_future_start_gets_nothing(world):
    async with opened(world) as source:
        page = await source.page(EURUSD, Timeframe.M1, LATER, LATER + DAY, LATER - DAY)
    assert page.bars.empty
    assert page.covered_until == LATER


async def test_weekends_and_days_without_a_file_are_covered_and_empty(world):
    saturday = MONDAY + 5 * DAY
    world.gone.add((saturday + DAY).date())
    async with opened(world) as source:
        found, reached = await load(source, saturday, saturday + 2 * DAY, LATER)
    assert found.empty
    assert reached == saturday + 2 * DAY


async def test_a_day_s_file_that_is_late_is_waited_for_not_taken_for_a_holiday(world):
    world.gone.add(MONDAY.date())
    async with opened(world) as source:
        world.now = now = MONDAY + DAY + 3 * HOUR
        page = await source.page(EURUSD, Timeframe.M1, MONDAY, MONDAY + DAY, now)
        assert page.bars.empty
        assert page.covered_until == MONDAY + 23 * HOUR, "its last hour may still come"


async def test_nothing_before_its_first_day_is_asked(world):
    async with opened(world) as source:
        page = await source.page(
            EURUSD, Timeframe.M1, datetime(1999, 1, 1, tzinfo=UTC), LATER, LATER
        )
    assert page.bars.empty
    assert page.covered_until == datetime(2003, 5, 4, tzinfo=UTC)
    assert not world.asked


async def test_a_page_is_some_days_asked_a_few_at_a_time(world):
    world.always = Fault(slow=0.005)
    async with opened(world) as source:
        page = await source.page(EURUSD, Timeframe.M1, MONDAY, MONDAY + 20 * DAY, LATER)
    assert page.covered_until == MONDAY + 7 * DAY
    assert 2 <= world.most_under_way <= 4


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500), Fault(503), Fault(202, body=""), Fault(body=HTML), Fault(cut=500), Fault(cut=20),
        Fault(429, {"Retry-After": "7"}), Fault(503, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
    ],
    ids=["500", "503", "202", "page", "cut", "stub", "429", "date"],
)  # fmt: skip
async def test_trouble_that_passes_costs_time_and_no_bar(world, fault):
    world.faults = [fault, fault]
    async with opened(world, days=1) as source:
        found, _ = await load(source, MONDAY, MONDAY + DAY, LATER)
        assert source.waits
        assert ("Retry-After" in fault.headers and 7 in source.waits) or max(source.waits) < 1
    same(found, truth(world, MONDAY, MONDAY + DAY))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(500), FeedDownError),
        (Fault(503), FeedDownError),
        (Fault(429, {"Retry-After": "3600"}), FeedDownError),
        (Fault(body=HTML), FeedDownError),
        (Fault(cut=500), FeedDownError),
        (Fault(impossible=True), BadBarsError),
        (Fault(403), FeedRefusedError),
        (Fault(451), FeedRefusedError),
        (Fault(301, {"Location": "/elsewhere"}), FeedRefusedError),
    ],
    ids=["500", "503", "hour", "page", "cut", "impossible", "403", "451", "moved"],
)
async def test_trouble_that_stays_is_told_in_our_words_after_bounded_tries(world, fault, error):
    world.always = fault
    async with opened(world) as source:
        with pytest.raises(error) as told:
            await source.page(EURUSD, Timeframe.M1, MONDAY, MONDAY + 20 * DAY, LATER)
    assert "Dukascopy" in told.value.user_text
    assert world.url not in told.value.user_text
    assert len(world.asked) <= 7 * 5
    assert world.under_way == 0 or world.most_under_way <= 4


async def test_a_host_that_hangs_or_is_gone_is_down(world):
    world.always = Fault(slow=0.5)
    short = HttpPatience(tries=2, first=0.01, gap=0.0, request_seconds=0.05)
    async with opened(world, short) as source:
        with pytest.raises(FeedDownError):
            await source.page(EURUSD, Timeframe.M1, MONDAY, MONDAY + DAY, LATER)
    nobody = Loopback(url="http://127.0.0.1:1")
    async with opened(nobody) as source:
        with pytest.raises(FeedDownError, match="doesn't answer"):
            await source.page(EURUSD, Timeframe.M1, MONDAY, MONDAY + DAY, LATER)


async def test_a_symbol_that_it_does_not_have_is_told_and_an_empty_holiday_is_not(world):
    unknown = EURUSD.model_copy(update={"name": "NOSUCH"})
    async with opened(world) as source:
        for start in (MONDAY, LATER - 2 * HOUR, LATER - 8 * HOUR):
            with pytest.raises(BadRequestError) as told:
                await source.page(unknown, Timeframe.M1, start, start + DAY, LATER)
            assert told.value.field == "symbol"
        world.gone.add(MONDAY.date())
        page = await source.page(EURUSD, Timeframe.M1, MONDAY, MONDAY + DAY, LATER)
    assert page.covered_until == MONDAY + DAY


@pytest.mark.parametrize("name", ["../etc", "eurusd", "EUR/USD", "", "A" * 25])
async def test_a_name_that_is_none_never_reaches_the_host(world, name):
    async with opened(world) as source:
        with pytest.raises(BadRequestError):
            await source.page(
                EURUSD.model_copy(update={"name": name}), Timeframe.M1, MONDAY, LATER, LATER
            )
    assert not world.asked


async def load_through(world, door, start, end, now):
    http = PatientHttp("Dukascopy", FAST, absent=ABSENT, rng=np.random.default_rng(1))
    source = DukascopySource(door(http, world.url))
    try:
        return await load(source, start, end, now)
    finally:
        await source.close()


async def test_the_api_gives_the_same_bars_as_the_files_of_days_and_of_hours(world):
    for hours, now in ((50, LATER), (34, MONDAY + 35 * HOUR)):
        world.now = now
        end = MONDAY + hours * HOUR
        of_files, _ = await load_through(world, Datafeed, MONDAY, end, now)
        world.asked.clear()
        of_api, reached = await load_through(world, PricesApi, MONDAY, end, now)
        assert reached == end
        assert_frame_equal(of_api, of_files)
    assert world.asked[0] == "/v1/candles/minute/EUR-USD/BID/2024/3/4", "months from 1"
    assert "/v1/ticks/EUR-USD/2024/3/5/9" in world.asked


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("EURUSD", "EUR-USD"), ("XAUUSD", "XAU-USD"), ("DEUIDXEUR", "DEU.IDX-EUR"),
        ("USA500IDXUSD", "USA500.IDX-USD"), ("BUNDTREUR", "BUND.TR-EUR"), ("EURTRY", "EUR-TRY"),
    ],
)  # fmt: skip
def test_the_api_s_name_of_a_file_s_name(name, code):
    assert code_of(name) == code


async def test_while_one_door_does_not_answer_the_other_is_asked(world):
    world.dead = ("/v1/",)
    clock = [0.0]
    first, second = (
        PatientHttp("Dukascopy", replace(FAST, tries=2), absent=ABSENT, sleep=no_sleep)
        for _ in range(2)
    )
    doors = Doors([PricesApi(first, world.url), Datafeed(second, world.url)], lambda: clock[0])
    source = DukascopySource(doors)
    try:
        found, _ = await load(source, MONDAY, MONDAY + 2 * DAY, LATER)
        same(found, truth(world, MONDAY, MONDAY + 2 * DAY))
        world.asked.clear()
        await load(source, MONDAY, MONDAY + 2 * DAY, LATER)
        assert not [path for path in world.asked if path.startswith("/v1/")], "it is left alone"
        clock[0] += 1000
        world.dead, world.asked = ("/datafeed/",), []
        again, _ = await load(source, MONDAY, MONDAY + 2 * DAY, LATER)
        assert_frame_equal(again, found)
        world.dead = ("/v1/", "/datafeed/")
        with pytest.raises(FeedDownError):
            await load(source, MONDAY, MONDAY + 2 * DAY, LATER)
    finally:
        await source.close()


@pytest.mark.parametrize(
    "body", ["", "[]", "{}x", '{"times": [0], "volumes": []}', '{"times": ["a"]}', "null"]
)
async def test_an_answer_of_another_shape_is_no_answer(world, body):
    world.always = Fault(body=body)
    http = PatientHttp("Dukascopy", replace(FAST, tries=2), sleep=no_sleep)
    source = DukascopySource(PricesApi(http, world.url))
    with pytest.raises(FeedDownError):
        await source.page(EURUSD, Timeframe.M1, MONDAY, MONDAY + DAY, LATER)
    await source.close()


async def test_what_it_says_of_a_symbol(world):
    http = [PatientHttp("Dukascopy", FAST, absent=ABSENT, sleep=no_sleep) for _ in range(2)]
    doors = Doors([PricesApi(http[0], world.url), Datafeed(http[1], world.url)])
    source = DukascopySource(doors)
    told = await source.facts(EURUSD, LATER)
    assert (told.title, told.currency) == ("Euro vs US Dollar", "USD"), "no marks that turn text"
    assert told.figures == {"price_step": 1e-5}
    assert await source.facts(EURUSD.model_copy(update={"name": "NOSUCH"}), LATER) is None
    await source.close()


async def test_longer_bars_are_refused(world):
    async with opened(world) as source:
        with pytest.raises(BadRequestError) as told:
            await source.page(EURUSD, Timeframe.H1, MONDAY, LATER, LATER)
    assert told.value.closest == (Timeframe.M1,)


async def test_a_revised_day_comes_as_it_is_now(world):
    async with opened(world) as source:
        before, _ = await load(source, MONDAY, MONDAY + DAY, LATER)
        world.revised.add(MONDAY.date())
        after, _ = await load(source, MONDAY, MONDAY + DAY, LATER)
    assert after["open_time"].tolist() == before["open_time"].tolist()
    assert np.allclose(after["open"] - before["open"], 1e-5)


async def test_ticks_of_an_hour(world):
    hour = MONDAY + 5 * HOUR
    async with opened(world) as source:
        found = await source.ticks(EURUSD, hour)
        none = await source.ticks(EURUSD, MONDAY + 6 * DAY)
        with pytest.raises(BadRequestError):
            await source.ticks(EURUSD, hour + timedelta(minutes=5))
    rows = world.ticks["EURUSD"]
    begin = hour.timestamp() * 1000
    rows = rows[(rows[:, 0] >= begin) & (rows[:, 0] < begin + 3_600_000)]
    assert len(found) == len(rows) > 200
    assert (found["time"].astype("int64") // 1000).tolist() == rows[:, 0].tolist()
    assert found["bid"].tolist() == (rows[:, 1] / 1e5).tolist()
    assert found["ask"].tolist() == (rows[:, 2] / 1e5).tolist()
    assert found["bid_volume"].tolist() == rows[:, 3].tolist()
    assert none.empty
    assert none.dtypes.tolist() == found.dtypes.tolist()
