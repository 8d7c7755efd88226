"""What is Massive's own: answers cut by base bars, delayed plans, five a minute, new names."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.domain.errors import BadBarsError, FeedDownError, FeedRefusedError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import SourceSymbol
from tests.kit.massive import bars_of, running_massive, source_of
from tests.kit.source_worlds import LAST_CLOSE, NOW, Waits, walk_bars

EURUSD = SourceSymbol(symbol="EURUSD", name="C:EURUSD")
META = SourceSymbol(symbol="META", name="META")
START = datetime(2025, 3, 3, tzinfo=UTC)


@pytest.fixture
async def massive():
    async with running_massive(NOW) as fake:
        fake.details["C:EURUSD"] = {"ticker": "C:EURUSD", "market": "fx"}
        yield fake
        assert not fake.refused


@pytest.fixture
async def waits():
    return Waits()


@pytest.fixture
async def source(massive, waits):
    made = source_of(massive, waits)
    yield made
    await made.close()


def bar(moment, price=1.1):
    return {"v": 5, "o": price, "h": price + 1, "l": price - 1, "c": price, "n": 2,
            "t": int(moment.timestamp() * 1000)}  # fmt: skip


async def test_hours_cut_at_base_minutes_go_on_where_the_last_whole_one_ended(massive, source):
    hours = [bar(START + timedelta(hours=i)) for i in range(200)]
    massive.bars["C:EURUSD", 1, "hour"] = hours
    massive.base_limit = 3000  # of minutes: fifty hours
    got, cursor, pages = [], START, 0
    while cursor < START + timedelta(hours=200):
        page = await source.page(EURUSD, Timeframe.H1, cursor, START + timedelta(hours=200), NOW)
        got += page.bars["open_time"].tolist()
        cursor, pages = page.covered_until, pages + 1
    assert got == [START + timedelta(hours=i) for i in range(200)]
    assert pages == 4
    assert "limit=50000" in massive.asked[0]
    assert "adjusted=false" in massive.asked[0]


async def test_an_empty_answer_that_goes_on_is_followed(massive, source):
    massive.bars["C:EURUSD", 1, "minute"] = [bar(START)]
    massive.empty_first = 3
    page = await source.page(EURUSD, Timeframe.M1, START, START + timedelta(hours=1), NOW)
    assert len(page.bars) == 1
    massive.empty_first = 1000
    with pytest.raises(FeedDownError, match="empty answer"):
        await source.page(EURUSD, Timeframe.M1, START, START + timedelta(hours=1), NOW)


async def test_a_delayed_plan_s_newest_hours_are_asked_again_later(massive, source):
    start = NOW.replace(second=0) - timedelta(hours=3)
    massive.bars["C:EURUSD", 1, "minute"] = bars_of(walk_bars(start, NOW))
    massive.delay = timedelta(minutes=15)
    page = await source.page(EURUSD, Timeframe.M1, start, NOW, NOW)
    assert page.covered_until == page.bars["close_time"].iloc[-1] <= LAST_CLOSE
    assert page.covered_until > NOW - timedelta(minutes=20)
    rest = await source.page(EURUSD, Timeframe.M1, page.covered_until, NOW, NOW)
    assert rest.bars.empty
    assert rest.covered_until == page.covered_until, "not final yet"


async def test_five_a_minute_are_waited_for_though_it_does_not_say_how_long(
    massive, source, waits
):
    massive.minute_limit = 5
    massive.bars["C:EURUSD", 1, "minute"] = [bar(START)]
    for _ in range(12):
        await source.page(EURUSD, Timeframe.M1, START, START + timedelta(hours=1), NOW)
    assert waits.seconds == [15.0, 15.0]


async def test_before_the_plan_s_reach_it_says_so_in_its_words(massive, source):
    massive.since = START
    with pytest.raises(FeedRefusedError, match=r"plan doesn't include.*MASSIVE_API_KEY"):
        await source.page(EURUSD, Timeframe.M1, START - timedelta(days=9), NOW, NOW)


async def test_cut_json_is_never_taken_for_no_bars(massive, source):
    """The vendor's client would log it and give none: a hole that looks like a week end."""
    massive.bars["C:EURUSD", 1, "minute"] = bars_of(walk_bars(START, NOW))
    whole = '{"status": "OK", "queryCount": 2, "results": [{"v": 5, "o": 1.1'
    massive.faults.bodies = [whole]
    page = await source.page(EURUSD, Timeframe.M1, START, NOW, NOW)
    assert len(page.bars) > 9000
    massive.faults.bodies = [whole] * 3
    with pytest.raises(FeedDownError):
        await source.page(EURUSD, Timeframe.M1, START, NOW, NOW)
    for told in ("[]", "7", "null"):
        massive.faults.bodies = [told] * 3
        with pytest.raises(FeedDownError):
            await source.page(EURUSD, Timeframe.M1, START, NOW, NOW)


async def test_bars_without_prices_are_refused(massive, source):
    for price in (None, "much", [1], float("nan")):
        massive.bars["C:EURUSD", 1, "minute"] = [bar(START) | {"o": price}]
        with pytest.raises(BadBarsError):
            await source.page(EURUSD, Timeframe.M1, START, NOW, NOW)


async def test_shares_days_are_new_york_s_and_currencies_utc_s(massive, source):
    massive.details["META"] = {"ticker": "META", "market": "stocks"}
    massive.bars["META", 1, "day"] = [bar(datetime(2025, 3, d, 5, tzinfo=UTC)) for d in (6, 7)]
    massive.bars["C:EURUSD", 1, "day"] = [bar(datetime(2025, 3, d, tzinfo=UTC)) for d in (6, 7)]
    for symbol in (META, EURUSD):
        page = await source.page(symbol, Timeframe.D1, datetime(2025, 3, 5, tzinfo=UTC), NOW, NOW)
        assert [t.day for t in page.bars["open_time"]] == [6, 7]
        assert (page.bars["open_time"].dt.hour == 0).all()


async def test_facts_tell_the_company_its_splits_and_its_new_name(massive, source):
    massive.details["FB"] = {
        "ticker": "FB", "name": "Facebook", "market": "stocks", "active": False, "locale": "us",
        "currency_name": "usd", "primary_exchange": "XNAS", "market_cap": 1.0e12,
        "sic_description": "SERVICES-COMPUTER PROGRAMMING",
    }  # fmt: skip
    massive.splits = [{"execution_date": "2020-08-31", "split_from": 1, "split_to": 4}]
    massive.events = [
        {"type": "ticker_change", "date": "2022-06-09", "ticker_change": {"ticker": "META"}},
        {"type": "ticker_change", "date": "2012-05-18", "ticker_change": {"ticker": "FB"}},
    ]
    said = await source.facts(META.model_copy(update={"name": "FB"}), NOW)
    assert (said.title, said.currency, said.active) == ("Facebook", "USD", False)
    assert said.splits == ((date(2020, 8, 31), 4.0),)
    assert said.renamed_to == "META"
    assert said.figures == {"market_cap": 1.0e12}
