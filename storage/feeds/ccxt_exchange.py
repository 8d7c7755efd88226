"""Past bars of an exchange's spot markets over ccxt; no other file knows ccxt.

ccxt takes 70 MB and half a second to import, and a big exchange's list of markets as much again:
both come when the first thing is asked, not before.
"""

import asyncio
import difflib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from pipeline.domain.bars import bar_frame, empty_bars, validate_bars
from pipeline.domain.errors import BadBarsError, BadRequestError
from pipeline.domain.exchange import ExchangeMarket
from pipeline.domain.market import Timeframe
from storage.feeds.ccxt_calls import Patience, called

PAGE = 1000
"""Bars asked for at a time; most exchanges give no more."""
_WORDS = {
    Timeframe.M1: "1m",
    Timeframe.M5: "5m",
    Timeframe.M15: "15m",
    Timeframe.H1: "1h",
    Timeframe.H4: "4h",
    Timeframe.D1: "1d",
}
_HOUSE_GRID = (Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1)
_COLUMNS = 6
_TAKER = 0.001
"""The fee where an exchange names none: 0.1 %, the usual one for spot."""


class CcxtHistory:
    """An exchange, asked through ccxt.

    Parameters
    ----------
    exchange
        ccxt's id of it, like binance.
    url
        Scheme, host and port to ask instead of the exchange's own; "": its own.
    seconds
        Longest that one request may take.
    patience, sleep, rng
        How long and how often is tried again; how to wait; what jitters the waits.
    """

    def __init__(
        self,
        exchange: str,
        url: str = "",
        *,
        seconds: float = 10.0,
        patience: Patience | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: np.random.Generator | None = None,
    ) -> None:
        self._id = exchange
        self._url = url.rstrip("/")
        self._seconds = seconds
        self._patience = patience or Patience()
        self._sleep = sleep
        self._rng = rng or np.random.default_rng()
        self._client: Any = None

    @property
    def name(self) -> str:
        """The exchange's id."""
        return self._id

    async def market(self, symbol: str) -> ExchangeMarket:
        """Return a market; see the port."""
        found = await self._market(symbol)
        precision = found.get("precision") or {}
        return ExchangeMarket(
            exchange=self._id,
            symbol=found["symbol"],
            tick_size=float(precision.get("price") or 1e-8),
            amount_step=float(precision.get("amount") or 1e-8),
            taker_fee=float(_TAKER if found.get("taker") is None else found["taker"]),
        )

    async def bars(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime
    ) -> pd.DataFrame:
        """Return closed bars; see the port."""
        if timeframe not in _HOUSE_GRID:
            raise BadRequestError(
                f"{timeframe} bars of exchanges start at other hours than ours: fetch H1 or "
                "shorter ones.",
                field="timeframe", value=timeframe.value, closest=tuple(_HOUSE_GRID),
            )  # fmt: skip
        market = await self._market(symbol)
        step = timeframe.minutes * 60_000
        last = min(_millis(end), await self._now() // step * step)
        cursor = -(-_millis(start) // step) * step
        rows: dict[int, list[Any]] = {}
        while cursor < last:
            page = await self._page(market["symbol"], timeframe, cursor)
            fresh = {int(row[0]): row for row in page if cursor <= int(row[0]) < last}
            rows |= fresh
            reached = max((int(row[0]) for row in page), default=0)
            # An empty page is a hole longer than a page, or the end: look behind it.
            cursor = reached + step if reached >= cursor else cursor + PAGE * step
        return _frame([rows[at] for at in sorted(rows)], timeframe, step)

    async def close(self) -> None:
        """Let go of connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _page(self, symbol: str, timeframe: Timeframe, since: int) -> list[list[Any]]:
        client = self._opened()
        page = await self._call(
            lambda: client.fetch_ohlcv(symbol, _WORDS[timeframe], since=since, limit=PAGE)
        )
        return list(page)

    async def _now(self) -> int:
        """Return the exchange's time, ms since 1970; ours where it has none to tell."""
        client = self._opened()
        if not client.has.get("fetchTime"):
            return int(client.milliseconds())
        return int(await self._call(client.fetch_time))

    async def _market(self, symbol: str) -> dict[str, Any]:
        client = self._opened()
        if not client.markets:
            await self._call(client.load_markets)
        wanted = symbol.strip().upper()
        spot = {
            name: market
            for name, market in client.markets.items()
            if market.get("spot") and market.get("active") is not False
        }
        if wanted in spot:
            return dict(spot[wanted])
        closest = _closest(wanted, list(spot))
        hint = f": did you mean {', '.join(closest)}?" if closest else "."
        raise BadRequestError(
            f"{self._id} has no market {symbol!r}{hint}",
            field="symbol", value=symbol, closest=closest,
        )  # fmt: skip

    async def _call(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        return await called(ask, self._opened(), self._patience, self._sleep, self._rng)

    def _opened(self) -> Any:
        if self._client is None:
            self._client = _open(self._id, self._url)
            self._client.timeout = int(1000 * self._seconds)
        return self._client


def _open(exchange: str, url: str) -> Any:
    """Return ccxt's client of an exchange, for spot markets only."""
    import ccxt.async_support as vendor  # noqa: PLC0415  (70 MB, for those who ask)

    if exchange not in vendor.exchanges:
        closest = tuple(difflib.get_close_matches(exchange, vendor.exchanges, n=3))
        raise BadRequestError(
            f"EXCHANGE {exchange!r} is none that ccxt knows"
            + (f": did you mean {', '.join(closest)}?" if closest else "."),
            field="exchange", value=exchange, closest=closest,
        )  # fmt: skip
    options = {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}}
    client = getattr(vendor, exchange)({"enableRateLimit": True, "options": options})
    client.enableLastHttpResponse = client.enableLastJsonResponse = False
    client.timeout_on_exit = 0
    if url:
        client.urls["api"] = _moved(client.urls["api"], url)
    return client


def _moved(urls: Any, base: str) -> Any:
    """Return the addresses with another scheme, host and port."""
    if isinstance(urls, dict):
        return {name: _moved(address, base) for name, address in urls.items()}
    parts = urlsplit(str(urls))
    return base + parts.path


def _closest(wanted: str, names: list[str]) -> tuple[str, ...]:
    """Return the markets nearest to a name, those of the same coin before others."""
    base = wanted.partition("/")[0]
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)
    same = difflib.get_close_matches(
        wanted, [n for n in names if n.partition("/")[0] == base], n=3, cutoff=0.0
    )
    return tuple(dict.fromkeys([*same, *near]))[:3]


def _frame(rows: list[list[Any]], timeframe: Timeframe, step: int) -> pd.DataFrame:
    """Return rows of ms, open, high, low, close, volume as a bar frame."""
    if not rows:
        return empty_bars()
    table = np.array([row[:_COLUMNS] for row in rows], dtype="float64")
    opened = np.array([int(row[0]) for row in rows], dtype="int64")
    if (opened % step).any():
        off = datetime.fromtimestamp(int(opened[np.argmax(opened % step > 0)]) / 1000, UTC)
        raise BadBarsError(f"the exchange gives a bar at {off:%Y-%m-%d %H:%M:%S}, off the grid")
    times = pd.DatetimeIndex(opened.astype("datetime64[ms]")).tz_localize("UTC")
    frame = bar_frame(times, timeframe, table[:, 1:5], np.nan_to_num(table[:, 5]))
    return validate_bars(frame, timeframe)


def _millis(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
