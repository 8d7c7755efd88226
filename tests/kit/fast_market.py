"""A market for tests whose minutes are as short as one likes; the same for all who look at it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel

from pipeline.domain.bars import bar_frame
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from storage.market_ports import FeedClock

OPENED = datetime(2025, 3, 10, tzinfo=UTC)  # a Monday

SCALES = {"GER40": (16_000, 1), "US500": (5_000, 1), "XAUUSD": (2_000, 2)}
"""How many times EURUSD's price a symbol has, and its digits."""


class Anchor(BaseModel):
    """Where market time and this machine's clock meet; kept in a file for several processes."""

    market: datetime
    wall: datetime
    speed: float
    symbols: tuple[str, ...]
    days: int
    seed: int
    opened: datetime = OPENED

    def market_time(self, wall: datetime) -> datetime:
        """Return the market's time at a moment of our clock."""
        return self.market + (wall - self.wall) * self.speed

    def wall_time(self, market: datetime) -> datetime:
        """Return when the market's time is that."""
        return self.wall + (market - self.market) / self.speed

    def bars(self) -> dict[str, pd.DataFrame]:
        """Return the market's M1 bars by symbol, the same at every call."""
        rng = np.random.default_rng(self.seed)
        return {s: self._walk(rng, *SCALES.get(s, (1, 5))) for s in self.symbols}

    def _walk(self, rng: np.random.Generator, scale: float, digits: int) -> pd.DataFrame:
        n = self.days * 1440
        first = pd.Timestamp(self.opened).tz_convert("UTC")
        times = pd.date_range(first, periods=n, freq="1min")
        close = 1.1 + np.cumsum(rng.normal(0, 2e-4, n))
        opened = np.concatenate([[1.1], close[:-1]])
        high = np.maximum(opened, close) + rng.exponential(1e-4, n)
        low = np.minimum(opened, close) - rng.exponential(1e-4, n)
        prices = scale * np.column_stack([opened, high, low, close])
        return bar_frame(times, Timeframe.M1, np.round(prices, digits))


class FastMarket:
    """The market as a feed; see `storage.market_ports.Feed`."""

    name = "fast market"

    def __init__(self, anchor: Anchor, bars: Mapping[str, pd.DataFrame] | None = None) -> None:
        self._anchor = anchor
        self._bars = dict(anchor.bars() if bars is None else bars)

    @classmethod
    def of(cls, path: Path) -> "FastMarket":
        """Return the market that a file anchors."""
        return cls(Anchor.model_validate_json(path.read_text()))

    async def offers(self) -> tuple[str, ...]:
        return tuple(self._bars)

    async def clock(self, now: datetime) -> FeedClock:
        return FeedClock(self._anchor.market_time(now), speed=self._anchor.speed)

    async def bars(
        self, symbol: str, after: datetime | None, now: datetime, *, limit: int = 5000
    ) -> pd.DataFrame:
        if symbol not in self._bars:
            raise BadRequestError(f"no {symbol} here", field="symbol", value=symbol)
        bars = self._bars[symbol]
        there = pd.Timestamp(self._anchor.market_time(now)).tz_convert("UTC")
        closed = int(bars["close_time"].searchsorted(there, side="right"))
        if after is None:
            return bars[max(closed - limit, 0) : closed].reset_index(drop=True)
        first = int(bars["open_time"].searchsorted(pd.Timestamp(after), side="right"))
        return bars[first : min(closed, first + limit)].reset_index(drop=True)

    async def close(self) -> None:
        return


MINUTE = timedelta(minutes=1)
