"""An exchange's bars over ccxt, against a server that answers and refuses as the real one does."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.bars import epoch_seconds
from pipeline.domain.errors import (
    BadBarsError,
    BadRequestError,
    FeedDownError,
    FeedRefusedError,
)
from pipeline.domain.exchange import instrument_of, stored_symbol
from pipeline.domain.market import Timeframe
from storage.feeds.ccxt_calls import Patience
from storage.feeds.ccxt_exchange import CcxtHistory
from tests.kit.exchange import Loopback, running_exchange, walk

START = datetime(2026, 3, 2, tzinfo=UTC)
STEP = 300_000
FIRST = int(START.timestamp()) * 1000


class Waits(list):
    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def world(count: int = 2500, **how) -> Loopback:
    made = Loopback(**how)
    opens, prices = walk(FIRST, count)
    made.put("BTCUSDT", "5m", opens, prices)
    made.now = FIRST + count * STEP - 1000
    return made


def history(made: Loopback, waits: Waits, patience: Patience | None = None) -> CcxtHistory:
    rng = np.random.default_rng(1)
    return CcxtHistory("binance", made.url, patience=patience, sleep=waits, rng=rng)


async def fetched(made: Loopback, waits: Waits | None = None, start=START, days: float = 10):
    waits = Waits() if waits is None else waits
    async with running_exchange(made):
        asked = history(made, waits)
        try:
            end = start + timedelta(days=days)
            return await asked.bars("BTC/USDT", Timeframe.M5, start, end)
        finally:
            await asked.close()


def as_served(made: Loopback, bars) -> bool:
    """Whether each bar is the one the exchange holds at that time, figure by figure."""
    held = made.klines["BTCUSDT", "5m"]
    rows = [held[int(at) * 1000] for at in epoch_seconds(bars["open_time"])]
    wanted = np.array([[float(v) for v in row[1:6]] for row in rows])
    got = bars[["open", "high", "low", "close", "volume"]].to_numpy()
    return bool((wanted == got).all())


async def test_pages_are_joined_and_the_forming_bar_is_left_out():
    made = world()
    bars = await fetched(made)
    assert len(bars) == 2499
    assert as_served(made, bars)
    assert [q["limit"] for q in made.asked] == ["1000"] * 3
    assert made.refused == []
    assert bars["spread"].isna().all()


async def test_the_exchanges_clock_decides_which_bar_is_closed():
    made = world()
    made.now = FIRST + 100 * STEP
    assert len(await fetched(made)) == 100
    made.now -= 1
    assert len(await fetched(made)) == 99


async def test_no_bar_at_or_after_the_end():
    bars = await fetched(world(), days=0.5)
    assert len(bars) == 144
    assert bars["open_time"].iloc[-1].to_pydatetime() == START + timedelta(hours=11, minutes=55)


async def test_unordered_and_overlapping_pages_give_each_bar_once():
    made = world(shuffled=True, overlap=3)
    bars = await fetched(made)
    assert len(bars) == 2499
    assert as_served(made, bars)


async def test_a_gap_stays_a_gap_even_if_longer_than_a_page():
    made = world(6000)
    held = made.klines["BTCUSDT", "5m"]
    for n in (*range(500, 520), *range(1500, 3700)):
        del held[FIRST + n * STEP]
    bars = await fetched(made, days=30)
    assert len(bars) == 5999 - 20 - 2200
    assert as_served(made, bars)


async def test_a_market_without_bars_is_empty():
    made = world()
    made.klines.clear()
    assert (await fetched(made)).empty


@pytest.mark.parametrize("status", [429, 418])
async def test_a_rate_limit_is_waited_for_as_long_as_the_exchange_says(status):
    made, waits = world(), Waits()
    body = '{"code":-1003,"msg":"Too much request weight used."}'
    made.answers = [(status, {"Retry-After": "7"}, body)]
    assert len(await fetched(made, waits)) == 2499
    assert waits == [7.0]


async def test_the_weight_limit_of_the_real_one_is_kept_to():
    made, waits = world(weight_limit=25), Waits()
    assert len(await fetched(made, waits)) == 2499
    assert waits == [7.0]


async def test_a_ban_longer_than_our_patience_is_said():
    made, waits = world(), Waits()
    made.answers = [(418, {"Retry-After": "7200"}, '{"code":-1003,"msg":"banned"}')]
    with pytest.raises(FeedDownError, match="7200 seconds"):
        await fetched(made, waits)
    assert waits == []


async def test_outages_are_tried_again_with_growing_waits_and_a_bound():
    made, waits = world(), Waits()
    made.answers = [(502, {}, "<html>Bad Gateway</html>")] * 2 + [(503, {}, "")]
    assert len(await fetched(made, waits)) == 2499
    assert len(waits) == 3
    assert all(0.25 * 2**n <= wait <= 0.5 * 2**n for n, wait in enumerate(waits))
    waits.clear()
    made.answers = [(502, {}, "<html>Bad Gateway</html>")] * 9
    with pytest.raises(FeedDownError, match="doesn't answer"):
        await fetched(made, waits)
    assert len(waits) == 4
    assert len(made.answers) == 4


async def test_nobody_there_is_an_outage():
    waits = Waits()
    asked = CcxtHistory("binance", "http://127.0.0.1:9", sleep=waits)
    with pytest.raises(FeedDownError):
        await asked.market("BTC/USDT")
    await asked.close()
    assert len(waits) == 4


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (451, '{"code":0,"msg":"Service unavailable from a restricted location."}'),
        (403, "<html>Forbidden</html>"),
        (401, '{"code":-2014,"msg":"API-key format invalid."}'),
    ],
)
async def test_a_refusal_is_not_tried_again(status, body):
    made, waits = world(), Waits()
    made.answers = [(status, {}, body)]
    with pytest.raises(FeedRefusedError, match="EXCHANGE"):
        await fetched(made, waits)
    assert waits == []


async def test_unknown_and_closed_markets_name_the_closest():
    made = world()
    async with running_exchange(made):
        asked = history(made, Waits())
        with pytest.raises(BadRequestError) as wrong:
            await asked.market("BTC/USD")
        assert wrong.value.closest[:2] == ("BTC/USDT", "BTC/EUR")
        with pytest.raises(BadRequestError):
            await asked.market("LUNA/USDT")
        await asked.close()
    with pytest.raises(BadRequestError, match="binance"):
        await CcxtHistory("binanc").market("BTC/USDT")


async def test_bars_that_break_the_contract_are_refused():
    made = world()
    row = made.klines["BTCUSDT", "5m"][FIRST + 5 * STEP]
    row[2] = "1.0"  # the high, below the rest
    with pytest.raises(BadBarsError):
        await fetched(made)
    made = world()
    made.klines["BTCUSDT", "5m"][FIRST + 1] = [FIRST + 1, *row[1:]]
    with pytest.raises(BadBarsError, match="off the grid"):
        await fetched(made)


async def test_h4_bars_are_not_ours():
    with pytest.raises(BadRequestError, match="H1 or shorter"):
        await CcxtHistory("binance").bars("BTC/USDT", Timeframe.H4, START, START)


async def test_a_market_as_an_instrument():
    made = world()
    async with running_exchange(made):
        asked = history(made, Waits())
        market = await asked.market("btc/usdt")
        await asked.close()
    assert (market.symbol, market.tick_size, market.taker_fee) == ("BTC/USDT", 0.01, 0.001)
    instrument = instrument_of(market)
    assert (instrument.symbol, instrument.digits) == ("BTCUSDT.BINANCE", 2)
    assert instrument.calendar == "crypto"


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=12))
@settings(max_examples=50)
def test_stored_names_are_of_one_exchange(base):
    assert stored_symbol("kraken", f"{base}/EUR") != stored_symbol("binance", f"{base}/EUR")


def test_ccxt_is_not_imported_before_it_is_asked():
    program = (
        "import sys; import flows.services, flows.chores, bot.app; "
        "from storage.feeds.ccxt_exchange import CcxtHistory; CcxtHistory('binance'); "
        "sys.exit('ccxt' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
