"""An exchange's bars and a model of them by chat: real stores, real processes, over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.kit.chat import chat
from tests.kit.exchange import running_exchange
from tests.kit.exchange_services import market_of
from tests.kit.sandbox import text_of

WAIT = 150
pytestmark = pytest.mark.timeout(500)


async def test_collect_then_train_and_what_is_wrong_is_said(tmp_path):
    world = market_of(end=datetime.now(UTC) + timedelta(minutes=10))
    async with running_exchange(world), chat(tmp_path, exchange_url=world.url) as running:
        me = running.owner
        await me.send("/collect BTC/USDT days=30")
        await me.wait_for(lambda m: "BTC/USDT at binance: 8640 bars" in text_of(m), WAIT)
        await me.send("/train BTC/USDT days=30")
        card = await me.wait_for(lambda m: "direction_btcusdt v1.0" in text_of(m), WAIT)
        assert "is kept, not used" in text_of(card)
        assert "no better than chance" in text_of(card)
        assert "Held against chance" in text_of(card)
        await me.send("/train BTC/USDT days=3")
        await me.wait_for(lambda m: "a whole number from 7 to 730" in text_of(m), WAIT)
        await me.send("/collect BTC/USD")
        await me.wait_for(lambda m: "did you mean BTC/USDT" in text_of(m), WAIT)
        await me.send("/data")
        await me.wait_for(lambda m: "BTCUSDT.BINANCE" in text_of(m), WAIT)
    assert world.refused == []
