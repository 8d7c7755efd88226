"""An exchange behind ccxt, for the contract suite of sources."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import numpy as np
import pandas as pd

from pipeline.domain.source import SourceSymbol
from storage.feeds.ccxt_calls import Patience
from storage.feeds.ccxt_exchange import CcxtHistory
from storage.feeds.ccxt_source import CcxtSource
from tests.kit.exchange import Loopback, running_exchange
from tests.kit.source_worlds import Waits, World
from tests.kit.web_faults import hasty


@asynccontextmanager
async def exchange_world(now: datetime) -> AsyncIterator[World]:
    """Open Binance's double as a source."""
    async with running_exchange(Loopback(now=int(now.timestamp() * 1000))) as fake:
        waits = Waits()
        history = CcxtHistory(
            "binance", fake.url, patience=Patience(tries=3), sleep=waits,
            rng=np.random.default_rng(1),
        )  # fmt: skip
        source = CcxtSource(history)

        def put(bars: pd.DataFrame) -> None:
            opens = bars["open_time"].to_numpy(dtype="datetime64[ms]").view("int64")
            fake.put("BTCUSDT", "1m", opens, bars[["open", "high", "low", "close"]].to_numpy())

        symbol = SourceSymbol(symbol="BTCUSD", name="BTC/USDT")
        try:
            yield World(source, symbol, put, hasty(fake.faults, history), waits)
            assert not fake.refused
        finally:
            await source.close()
