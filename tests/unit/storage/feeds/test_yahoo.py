"""What is Yahoo's own: its limits, days, live rows, splits, cookies and crumbs."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from pipeline.domain.errors import BadBarsError, BadRequestError, FeedDownError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import SourceSymbol
from storage.feeds.ccxt_calls import Patience
from storage.feeds.yahoo import YahooSource
from tests.kit.source_worlds import NOW, Fault, Waits
from tests.kit.yahoo import Listing, running_yahoo

APPLE = SourceSymbol(symbol="AAPL", name="AAPL")
MIDNIGHT = NOW.replace(hour=0, minute=0, second=0)


@pytest.fixture
async def yahoo():
    async with running_yahoo(NOW) as fake:
        fake.listings["AAPL"] = Listing(zone="America/New_York", kind="EQUITY")
        yield fake
        assert not fake.refused


@pytest.fixture
async def source(yahoo):
    made = YahooSource(yahoo.url, patience=Patience(tries=3), sleep=Waits(),
                       rng=np.random.default_rng(1))  # fmt: skip
    yield made
    await made.close()


def row(moment, price=212.3300018310547, volume=100):
    return [int(moment.timestamp()), price, price + 1, price - 1, price, volume]


async def test_each_day_s_bar_lies_on_the_exchange_s_own_day(yahoo, source):
    """09:30 New York is 14:30 UTC before the clocks change on 9 March 2025, 13:30 after."""
    days = [datetime(2025, 3, d, 14 if d < 9 else 13, 30, tzinfo=UTC) for d in (6, 7, 10, 11)]
    live = row(datetime(2025, 3, 11, 20, 0, 1, tzinfo=UTC), 300.0)
    yahoo.listings["AAPL"].rows["1d"] = [*(row(d) for d in days), live, row(NOW)]
    page = await source.page(APPLE, Timeframe.D1, MIDNIGHT - timedelta(days=9), NOW, NOW)
    assert [t.date() for t in page.bars["open_time"]] == [d.date() for d in days]
    assert (page.bars["open_time"].dt.hour == 0).all()
    assert page.covered_until == MIDNIGHT, "the running day is not over"
    assert page.bars["close"].tolist() == [212.33] * 4, "as written, not as 32 bits hold it"


async def test_hours_that_begin_at_half_past_are_not_ours(yahoo, source):
    opened = MIDNIGHT - timedelta(days=1) + timedelta(hours=13, minutes=30)
    yahoo.listings["AAPL"].rows["1h"] = [row(opened), row(opened + timedelta(hours=1))]
    with pytest.raises(BadRequestError, match="ask for M15") as caught:
        await source.page(APPLE, Timeframe.H1, MIDNIGHT - timedelta(days=2), NOW, NOW)
    assert caught.value.field == "timeframe"


async def test_rows_without_prices_and_the_live_row_are_no_bars(yahoo, source):
    start = MIDNIGHT - timedelta(hours=4)
    empty = [int((start + timedelta(minutes=5)).timestamp()), None, None, None, None, None]
    yahoo.listings["AAPL"].rows["5m"] = [row(start), empty, row(start + timedelta(minutes=10))]
    yahoo.listings["AAPL"].live = row(start + timedelta(minutes=11, seconds=17))
    page = await source.page(APPLE, Timeframe.M5, start, MIDNIGHT, NOW)
    assert page.bars["open_time"].tolist() == [start, start + timedelta(minutes=10)]


async def test_a_few_bars_that_cannot_be_are_left_out_and_told(yahoo, source):
    start = MIDNIGHT - timedelta(hours=10)
    rows = [row(start + timedelta(minutes=i)) for i in range(300)]
    rows[7][1] = 500.0
    yahoo.listings["AAPL"].rows["1m"] = rows
    page = await source.page(APPLE, Timeframe.M1, start, MIDNIGHT, NOW)
    assert len(page.bars) == 299
    assert "1 bars of AAPL" in page.notes[0]
    for one in rows[:20]:
        one[1] = 500.0
    with pytest.raises(BadBarsError):
        await source.page(APPLE, Timeframe.M1, start, MIDNIGHT, NOW)


@pytest.mark.parametrize(("timeframe", "days"), [("M1", 30), ("M5", 60), ("M15", 60), ("H1", 730)])
async def test_what_yahoo_no_longer_has_is_not_asked_for(yahoo, source, timeframe, days):
    start, cursor, pages = NOW - timedelta(days=days + 20), NOW - timedelta(days=days + 20), []
    while cursor < NOW - timedelta(hours=1):
        page = await source.page(APPLE, Timeframe(timeframe), cursor, NOW, NOW)
        assert page.covered_until > cursor
        pages.append(page)
        cursor = page.covered_until
    assert f"{days} days" in pages[0].notes[0]
    assert pages[0].covered_until > start
    assert len(yahoo.asked) == {"M1": 5, "M5": 1, "M15": 1, "H1": 2}[timeframe]


async def test_a_crumb_that_is_no_longer_good_is_fetched_anew(yahoo, source):
    start = MIDNIGHT - timedelta(hours=4)
    yahoo.listings["AAPL"].rows["5m"] = [row(start)]
    await source.page(APPLE, Timeframe.M5, start, MIDNIGHT, NOW)
    yahoo.crumb = "another"
    page = await source.page(APPLE, Timeframe.M5, start, MIDNIGHT, NOW)
    assert len(page.bars) == 1


async def test_a_page_for_people_is_no_answer(yahoo, source):
    yahoo.faults.texts[Fault.BROKEN] = "<html>Will be right back</html>"
    yahoo.faults.always = Fault.BROKEN
    with pytest.raises(FeedDownError, match="doesn't answer"):
        await source.page(APPLE, Timeframe.M5, MIDNIGHT - timedelta(hours=4), MIDNIGHT, NOW)


@pytest.mark.parametrize("told", ['{"chart": {"result": [{"meta"', "[]", "7", "{}",
                                  '{"chart": {"result": [7]}}', '{"chart": 1}'])  # fmt: skip
async def test_json_of_another_shape_is_no_answer(yahoo, source, told):
    yahoo.faults.bodies = [told] * 3
    with pytest.raises(FeedDownError):
        await source.page(APPLE, Timeframe.M5, MIDNIGHT - timedelta(hours=4), MIDNIGHT, NOW)


async def test_facts_are_words_figures_splits_and_a_new_name(yahoo, source):
    apple = yahoo.listings["AAPL"]
    at = int(datetime(2020, 8, 31, 13, 30, tzinfo=UTC).timestamp())
    apple.rows["3mo"] = [row(datetime(2020, 7, 1, tzinfo=UTC))]
    apple.splits, apple.called = {at: (4.0, 1.0)}, "AAPL.NEW"
    apple.summary = {
        "price": {"longName": "Apple Inc.", "quoteType": "EQUITY", "currency": "USD",
                  "exchangeName": "NasdaqGS", "marketCap": 3.2e12},
        "assetProfile": {"sector": "Technology", "country": "United States"},
        "defaultKeyStatistics": {"sharesOutstanding": 15_000_000_000, "beta": {}},
    }  # fmt: skip
    said = await source.facts(APPLE, NOW)
    assert (said.title, said.kind, said.sector) == ("Apple Inc.", "equity", "Technology")
    assert said.figures == {"shares": 15e9, "market_cap": 3.2e12}
    assert said.splits == ((date(2020, 8, 31), 4.0),)
    assert (said.zone, said.renamed_to) == ("America/New_York", "AAPL.NEW")
    with pytest.raises(BadRequestError):
        await source.facts(APPLE.model_copy(update={"name": "GONE"}), NOW)


def test_nothing_heavy_is_imported_before_it_is_asked():
    code = ("import sys; from storage.feeds.yahoo import YahooSource; YahooSource(); "
            "print([m for m in ('yfinance', 'curl_cffi', 'lxml') if m in sys.modules])")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_nothing_is_kept_on_disk(yahoo, tmp_path):
    """yfinance would keep pickled cookies in the user's cache."""
    start = MIDNIGHT - timedelta(hours=4)
    yahoo.listings["AAPL"].rows["5m"] = [row(start)]
    code = f"""
import asyncio, datetime
from pipeline.domain.market import Timeframe
from pipeline.domain.source import SourceSymbol
from storage.feeds.yahoo import YahooSource
start = datetime.datetime.fromisoformat("{start.isoformat()}")
now = datetime.datetime.fromisoformat("{NOW.isoformat()}")
asked = YahooSource("{yahoo.url}").page(
    SourceSymbol(symbol="AAPL", name="AAPL"), Timeframe.M5, start, now, now)
print(len(asyncio.run(asked).bars))
"""
    places = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "TMPDIR", "LOCALAPPDATA"), str(tmp_path))
    asked = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, env=os.environ | places, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asked.communicate()
    assert said.decode().strip().endswith("1")
    assert list(tmp_path.rglob("*")) == []
