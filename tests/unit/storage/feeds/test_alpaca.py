"""What is Alpaca's own: pages by token, days of New York, limits, plans, splits and new names."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.domain.errors import BadBarsError, BadRequestError, FeedDownError, FeedRefusedError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import SourceSymbol
from tests.kit.alpaca import bars_of, running_alpaca, source_of
from tests.kit.source_worlds import NOW, Fault, Waits, walk_bars

META = SourceSymbol(symbol="META", name="META")
START = datetime(2025, 3, 3, tzinfo=UTC)


@pytest.fixture
async def alpaca():
    async with running_alpaca(NOW) as fake:
        yield fake
        assert not fake.refused


@pytest.fixture
async def source(alpaca):
    made = source_of(alpaca, Waits())
    yield made
    await made.close()


def bar(moment, price=600.0):
    return {"t": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "o": price, "h": price + 1, "l": price - 1,
            "c": price, "v": 10, "n": 1, "vw": price}  # fmt: skip


async def test_shares_are_asked_raw_and_of_iex_in_full_pages(alpaca, source):
    start = START - timedelta(days=7)
    alpaca.bars["META", "1Min"] = bars_of(walk_bars(start, NOW, base=600.0))
    first = await source.page(META, Timeframe.M1, start, NOW, NOW)
    assert len(first.bars) == 10_000
    assert first.covered_until == first.bars["close_time"].iloc[-1]
    asked = alpaca.asked[0]
    assert (asked["adjustment"], asked["feed"], asked["limit"]) == ("raw", "iex", "10000")
    assert "page_token" not in asked


async def test_each_day_s_bar_lies_on_new_york_s_day_through_the_clock_change(alpaca, source):
    """Midnight of New York is 05:00 UTC until 9 March 2025, 04:00 after."""
    days = [datetime(2025, 3, d, 5 if d < 10 else 4, tzinfo=UTC) for d in (6, 7, 10, 11, 12)]
    alpaca.bars["META", "1Day"] = [bar(day) for day in days]
    page = await source.page(META, Timeframe.D1, datetime(2025, 3, 6, tzinfo=UTC), NOW, NOW)
    wanted = [datetime(2025, 3, d, tzinfo=UTC) for d in (6, 7, 10, 11)]
    assert page.bars["open_time"].tolist() == wanted, "today's bar forms"


async def test_no_bars_and_no_such_symbol_are_told_apart(alpaca, source):
    alpaca.bars["META", "1Day"] = [bar(datetime(2020, 1, 2, 5, tzinfo=UTC))]
    page = await source.page(META, Timeframe.M1, START, START + timedelta(hours=1), NOW)
    assert page.bars.empty
    assert page.covered_until == START + timedelta(hours=1)
    await source.page(META, Timeframe.M1, START, START + timedelta(hours=1), NOW)
    assert len(alpaca.asked) == 3, "what is known is not asked again"
    for name in ("NOSUCH", "NO/SUCH"):
        wrong = META.model_copy(update={"name": name})
        with pytest.raises(BadRequestError, match=name):
            await source.page(wrong, Timeframe.M1, START, START + timedelta(hours=1), NOW)


async def test_the_minute_s_limit_is_waited_for_by_the_server_s_own_clock(alpaca):
    waits = Waits()
    source = source_of(alpaca, waits)
    alpaca.minute_limit, alpaca.used = 200, 200
    alpaca.bars["META", "1Min"] = [bar(START)]
    assert len((await source.page(META, Timeframe.M1, START, NOW, NOW)).bars) == 1
    assert waits.seconds == [12.0]
    await source.close()


async def test_a_plan_that_holds_no_such_bars_is_told_in_alpaca_s_words(alpaca, source):
    alpaca.faults.texts[Fault.FORBIDDEN] = (
        '{"message": "subscription does not permit querying recent SIP data"}'
    )
    alpaca.faults.always = Fault.FORBIDDEN
    with pytest.raises(FeedRefusedError, match=r"“subscription does not permit.*ALPACA_KEY"):
        await source.page(META, Timeframe.M1, START, NOW, NOW)


async def test_a_wrong_key_is_named_by_its_setting_and_not_shown(alpaca):
    source = source_of(alpaca, Waits(), secret="a-wrong-one")
    with pytest.raises(FeedRefusedError, match="ALPACA_SECRET") as refused:
        await source.page(META, Timeframe.M1, START, NOW, NOW)
    assert "a-wrong-one" not in f"{refused.value} {refused.value.facts}"
    await source.close()


async def test_json_of_another_shape_is_no_answer(alpaca, source):
    for told in ('{"bars": {"META": [{"t": "2025', "[]", "{}", "<html>", "7"):
        alpaca.faults.bodies = [told] * 3
        with pytest.raises(FeedDownError):
            await source.page(META, Timeframe.M1, START, NOW, NOW)
    alpaca.bars["META", "1Min"] = [{"t": "2025-03-03T00:00:00Z", "o": 1.0}]
    with pytest.raises(BadBarsError):
        await source.page(META, Timeframe.M1, START, NOW, NOW)


async def test_facts_are_splits_and_a_new_name(alpaca, source):
    alpaca.bars["FB", "1Day"] = [bar(datetime(2020, 1, 2, 5, tzinfo=UTC))]
    alpaca.actions = {
        "forward_split": [{"symbol": "FB", "new_rate": 4, "old_rate": 1, "ex_date": "2020-08-31"}],
        "reverse_split": [{"symbol": "FB", "new_rate": 1, "old_rate": 8, "ex_date": "2018-01-02"}],
        "name_change": [{"old_symbol": "FB", "new_symbol": "META", "process_date": "2022-06-09"}],
    }
    said = await source.facts(META.model_copy(update={"name": "FB"}), NOW)
    assert said.splits == ((date(2018, 1, 2), 0.125), (date(2020, 8, 31), 4.0))
    assert (said.renamed_to, said.currency) == ("META", "USD")
