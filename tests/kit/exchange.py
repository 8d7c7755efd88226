"""A loopback exchange that answers as Binance's spot API does, and refuses what Binance would.

Shapes are those of https://developers.binance.com/docs/binance-spot-api-docs/rest-api:
exchangeInfo, klines (arrays of twelve, numbers as text), time, and {"code": …, "msg": …}.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiohttp import web

from tests.kit.source_worlds import Fault
from tests.kit.web_faults import Faults

MINUTE = 60_000
STEPS = {"1m": MINUTE, "5m": 5 * MINUTE, "15m": 15 * MINUTE, "1h": 60 * MINUTE}
_ALLOWED = {"symbol", "interval", "startTime", "endTime", "limit"}
_LIMIT_WORDS = "Too much request weight used; current limit is {} request weight per 1 MINUTE."


@dataclass
class Loopback:
    """The exchange: its bars, its clock (ms) and how it misbehaves.

    `answers` are (status, headers, body) given before anything else, one a request to klines.
    """

    now: int = 0
    klines: dict[tuple[str, str], dict[int, list[Any]]] = field(default_factory=dict)
    answers: list[tuple[int, dict[str, str], str]] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    asked: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    shuffled: bool = False
    overlap: int = 0
    weight_limit: int = 6000
    weight: int = 0
    url: str = ""

    def put(self, symbol: str, interval: str, opens: np.ndarray, prices: np.ndarray) -> None:
        """Add bars: opens in ms, prices (n, 4)."""
        step = STEPS[interval]
        held = self.klines.setdefault((symbol, interval), {})
        for at, row in zip(opens.tolist(), prices.tolist(), strict=True):
            held[at] = _kline(at, step, row)


def _kline(at: int, step: int, row: list[float]) -> list[Any]:
    o, h, low, c = (f"{value:.8f}" for value in row)
    volume = f"{10 + at % 7:.8f}"
    return [at, o, h, low, c, volume, at + step - 1, "1000.00000000", 42, "5.00000000",
            "500.00000000", "0"]  # fmt: skip


def exchange_info(*symbols: tuple[str, str, str]) -> dict[str, Any]:
    """Return exchangeInfo of (base, quote, status) markets."""
    return {
        "timezone": "UTC",
        "serverTime": 1565246363776,
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
             "limit": 6000},
        ],
        "exchangeFilters": [],
        "symbols": [_symbol(*one) for one in symbols],
    }  # fmt: skip


def _symbol(base: str, quote: str, status: str) -> dict[str, Any]:
    return {
        "symbol": base + quote, "status": status, "baseAsset": base, "baseAssetPrecision": 8,
        "quoteAsset": quote, "quotePrecision": 8, "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8, "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"], "icebergAllowed": True, "ocoAllowed": True,
        "isSpotTradingAllowed": True, "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00",
             "tickSize": "0.01000000"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000",
             "stepSize": "0.00001000"},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True,
             "maxNotional": "9000000.00000000", "applyMaxToMarket": False, "avgPriceMins": 5},
        ],
        "permissions": [], "permissionSets": [["SPOT"]],
    }  # fmt: skip


MARKETS = exchange_info(
    ("BTC", "USDT", "TRADING"), ("ETH", "USDT", "TRADING"), ("BTC", "EUR", "TRADING"),
    ("LUNA", "USDT", "BREAK"),
)  # fmt: skip


def _error(status: int, code: int, text: str, **headers: str) -> web.Response:
    return web.json_response({"code": code, "msg": text}, status=status, headers=headers)


def _app(world: Loopback) -> web.Application:
    async def info(request: web.Request) -> web.Response:
        world.paths.append(request.path_qs)
        world.weight += 20
        return web.json_response(MARKETS)

    async def clock(request: web.Request) -> web.Response:
        world.paths.append(request.path_qs)
        world.weight += 1
        return web.json_response({"serverTime": world.now})

    async def klines(request: web.Request) -> web.StreamResponse:
        world.paths.append(request.path_qs)
        query = dict(request.query)
        world.asked.append(query)
        if world.answers:
            status, headers, body = world.answers.pop(0)
            return web.Response(status=status, headers=headers, text=body,
                                content_type="application/json")  # fmt: skip
        world.weight += 2
        if world.weight > world.weight_limit:
            world.weight = 0
            words = _LIMIT_WORDS.format(world.weight_limit)
            return _error(429, -1003, words, **{"Retry-After": "7"})
        wrong = _wrong(query)
        if wrong is not None:
            world.refused.append(str(query))
            return wrong
        page, fault = _page(world, query), world.faults.take()
        if fault is Fault.IMPOSSIBLE:
            page = [[row[0], row[1], "0.00000001", *row[3:]] for row in page]
        elif fault is not None:
            return await world.faults.answer(fault, request, json.dumps(page))
        return web.json_response(page)

    async def other(request: web.Request) -> web.Response:
        world.refused.append(request.path_qs)
        return web.Response(status=404, text="<html>404 Not Found</html>")

    app = web.Application()
    app.router.add_get("/api/v3/exchangeInfo", info)
    app.router.add_get("/api/v3/time", clock)
    app.router.add_get("/api/v3/klines", klines)
    app.router.add_route("*", "/{rest:.*}", other)
    return app


def _wrong(query: dict[str, str]) -> web.Response | None:
    """Return the refusal that the real one gives, or None."""
    extra = sorted(set(query) - _ALLOWED)
    if extra:
        return _error(400, -1104, f"Not all sent parameters were read; {extra[0]!r} was not.")
    for name in ("symbol", "interval"):
        if not query.get(name):
            words = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
            return _error(400, -1102, words)
    known = [one["symbol"] for one in MARKETS["symbols"]]
    if query["symbol"] not in known or query["interval"] not in STEPS:
        bad = "symbol" if query["symbol"] not in known else "interval"
        return _error(400, -1121 if bad == "symbol" else -1120, f"Invalid {bad}.")
    limit = query.get("limit", "500")
    if not limit.isdigit() or not 1 <= int(limit) <= 1000:
        return _error(400, -1130, "Data sent for parameter 'limit' is not valid.")
    if not query.get("startTime", "").isdigit():
        return _error(400, -1100, "Illegal characters found in parameter 'startTime'.")
    return None


def _page(world: Loopback, query: dict[str, str]) -> list[list[Any]]:
    """Return a page as the real one does: from startTime on, the forming bar among them."""
    held = world.klines.get((query["symbol"], query["interval"]), {})
    first = int(query["startTime"]) - world.overlap * STEPS[query["interval"]]
    opens = sorted(at for at in held if first <= at <= world.now)[: int(query["limit"])]
    page = [held[at] for at in opens]
    if world.shuffled:
        np.random.default_rng(len(page)).shuffle(page)  # type: ignore[arg-type]
    return page


@asynccontextmanager
async def running_exchange(world: Loopback | None = None) -> AsyncIterator[Loopback]:
    """Serve the exchange on a free port of 127.0.0.1."""
    world = world or Loopback()
    runner = web.AppRunner(_app(world))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    world.url = f"http://127.0.0.1:{port}"
    try:
        yield world
    finally:
        await runner.cleanup()


def walk(
    start: int, count: int, seed: int = 1, step: int = 5 * MINUTE
) -> tuple[np.ndarray, np.ndarray]:
    """Return a random walk as (opens in ms, prices (n, 4)): nothing is to be learnt from it."""
    rng = np.random.default_rng(seed)
    inner = np.cumsum(rng.normal(0, 0.0004, (count, 10)).ravel()).reshape(count, 10)
    path = 60_000 * np.exp(inner)
    opens = np.concatenate([[60_000.0], path[:-1, -1]])
    highs = np.maximum(path.max(axis=1), opens)
    lows = np.minimum(path.min(axis=1), opens)
    prices = np.round(np.column_stack([opens, highs, lows, path[:, -1]]), 2)
    return start + step * np.arange(count, dtype="int64"), prices
