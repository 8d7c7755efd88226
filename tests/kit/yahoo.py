"""A loopback Yahoo Finance: cookie, crumb, charts and summaries in their true shapes.

Shapes and refusals are those that yfinance's own parser, tests and issues show: the chart's columns
of 32-bit prices with nulls, the live row after the last bar, the limits by granularity.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from aiohttp import web

from pipeline.domain.source import SourceSymbol
from storage.feeds.ccxt_calls import Patience
from storage.feeds.yahoo import YahooSource
from tests.kit.source_worlds import Fault, Waits, World
from tests.kit.web_faults import Faults, hasty, served

CRUMB, COOKIE = "ab.CdEf0gh", "d=AQABBJ; S=AQAAAo"
_CHART_PARAMS = {"period1", "period2", "range", "interval", "includePrePost", "events", "crumb"}
_SUMMARY_PARAMS = {"modules", "corsDomain", "formatted", "symbol", "lang", "region", "crumb"}
_DAYS = {"1m": (8, 30), "5m": (60, 60), "15m": (60, 60), "1h": (730, 730)}
_INTERVALS = ("1m", "2m", "5m", "15m", "30m", "60m", "90m", "1h", "1d", "5d", "1wk", "1mo", "3mo")
_GONE = {"code": "Not Found", "description": "No data found, symbol may be delisted"}


@dataclass
class Listing:
    """A symbol of Yahoo's: who it is and its rows (seconds, o, h, l, c, volume) by granularity."""

    zone: str = "Europe/London"
    kind: str = "CURRENCY"
    currency: str = "USD"
    rows: dict[str, list[list[float | None]]] = field(default_factory=dict)
    splits: dict[int, tuple[float, float]] = field(default_factory=dict)
    called: str = ""
    summary: dict[str, Any] = field(default_factory=dict)
    live: list[float] | None = None


@dataclass
class Yahoo:
    """The fake: its clock, its listings, and what was asked of it."""

    now: datetime
    listings: dict[str, Listing] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    crumb: str = CRUMB
    stale_crumbs: int = 0
    url: str = ""


def _app(world: Yahoo) -> web.Application:
    async def cookie(_: web.Request) -> web.Response:
        response = web.Response(status=404, text="<html>Not Found</html>")
        response.set_cookie("A3", COOKIE.replace("; ", "&"), path="/")
        return response

    async def consent(_: web.Request) -> web.Response:
        form = ('<form><input name="csrfToken" value="tok"/><input name="sessionId" value="s1"/>'
                "</form>")  # fmt: skip
        response = web.Response(text=f"<html>{form}</html>", content_type="text/html")
        response.set_cookie("A3", "consented", path="/")
        return response

    async def crumb(request: web.Request) -> web.Response:
        if "A3" not in request.cookies:
            return web.json_response({"finance": {"error": {"code": "Unauthorized"}}}, status=401)
        return web.Response(text=world.crumb)

    async def chart(request: web.Request) -> web.StreamResponse:
        return await _answered(world, request, _chart(world, request), _CHART_PARAMS)

    async def summary(request: web.Request) -> web.StreamResponse:
        if request.query.get("crumb") != world.crumb:
            return _invalid_crumb()
        return await _answered(world, request, _summary(world, request), _SUMMARY_PARAMS)

    app = web.Application()
    app.router.add_get("/", cookie)
    app.router.add_get("/consent", consent)
    app.router.add_post("/v2/collectConsent", consent)
    app.router.add_get("/copyConsent", consent)
    app.router.add_get("/v1/test/getcrumb", crumb)
    app.router.add_get("/v8/finance/chart/{symbol}", chart)
    app.router.add_get("/v10/finance/quoteSummary/{symbol}", summary)
    return app


def _invalid_crumb() -> web.Response:
    error = {"code": "Unauthorized", "description": "Invalid Crumb"}
    return web.json_response({"finance": {"result": None, "error": error}}, status=401)


async def _answered(
    world: Yahoo, request: web.Request, good: tuple[int, dict[str, Any]], allowed: set[str]
) -> web.StreamResponse:
    world.asked.append(request.path_qs)
    extra = set(request.query) - allowed
    if extra or "Mozilla" not in request.headers.get("User-Agent", ""):
        world.refused.append(f"{request.path_qs} {sorted(extra)}")
        return web.Response(status=400, text="Bad Request")
    if "crumb" in request.query and request.query["crumb"] != world.crumb:
        return _invalid_crumb()
    if world.stale_crumbs:
        world.stale_crumbs -= 1
        return _invalid_crumb()
    if world.faults.bodies:
        text = world.faults.bodies.pop(0)
        return web.Response(text=text, content_type="application/json")
    status, body = good
    fault = world.faults.take()
    if fault is Fault.IMPOSSIBLE:
        quote = body["chart"]["result"][0]["indicators"]["quote"][0]
        quote["high"][0] = quote["low"][0] - 0.5
    elif fault is not None:
        return await world.faults.answer(fault, request, json.dumps(body))
    return web.json_response(body, status=status)


def _refusal(status: int, code: str, words: str) -> tuple[int, dict[str, Any]]:
    error = {"code": code, "description": words}
    return status, {"chart": {"result": None, "error": error}}


def _chart(world: Yahoo, request: web.Request) -> tuple[int, dict[str, Any]]:
    query, listing = request.query, world.listings.get(request.match_info["symbol"])
    interval = query.get("interval", "")
    if interval not in _INTERVALS:
        return _refusal(422, "Unprocessable Entity", f"Invalid input - interval={interval}")
    if listing is None:
        return 404, {"chart": {"result": None, "error": _GONE}}
    first, last = int(query["period1"]), int(query["period2"])
    refusal = _beyond(world, interval, first, last)
    if refusal is not None:
        return refusal
    clock = world.now.timestamp()
    held = [row for row in listing.rows.get(interval, []) if first <= (row[0] or 0) < last]
    held = [row for row in held if (row[0] or 0) <= clock]
    if not held and interval in _DAYS:
        words = f"Data doesn't exist for startDate = {first}, endDate = {last}"
        return _refusal(400, "Bad Request", words)
    if listing.live and held:
        held = [*held, list(listing.live)]
    return 200, {"chart": {"result": [_result(world, request, listing, held)], "error": None}}


def _beyond(
    world: Yahoo, interval: str, first: int, last: int
) -> tuple[int, dict[str, Any]] | None:
    """Return the refusal of a period that Yahoo doesn't give, or None."""
    if first >= last:
        words = f"Invalid input - start date cannot be after end date. startDate = {first}, endDate = {last}"
        return _refusal(400, "Bad Request", words)
    most = _DAYS.get(interval)
    if most is not None:
        words = f"{interval} data not available for startTime={first} and endTime={last}. "
        if last - first > most[0] * 86400:
            more = f"Only {most[0]} days worth of {interval} granularity data are allowed to be fetched per request."
            return _refusal(422, "Unprocessable Entity", words + more)
        if first < world.now.timestamp() - most[1] * 86400:
            more = f"The requested range must be within the last {most[1]} days."
            return _refusal(422, "Unprocessable Entity", words + more)
    return None


def _result(
    world: Yahoo, request: web.Request, listing: Listing, held: list[Any]
) -> dict[str, Any]:
    name, query = request.match_info["symbol"], request.query
    meta = {
        "currency": listing.currency, "symbol": listing.called or name, "exchangeName": "CCY",
        "fullExchangeName": "CCY", "instrumentType": listing.kind, "firstTradeDate": 1070236800,
        "regularMarketTime": int(world.now.timestamp()), "hasPrePostMarketData": False,
        "gmtoffset": 0, "timezone": "GMT", "exchangeTimezoneName": listing.zone,
        "priceHint": 4, "dataGranularity": query["interval"], "range": "",
        "validRanges": ["1d", "5d", "1mo", "max"],
    }  # fmt: skip
    result: dict[str, Any] = {"meta": meta, "indicators": {"quote": [{}], "adjclose": [{}]}}
    first, last = int(query["period1"]), int(query["period2"])
    splits = {t: s for t, s in listing.splits.items() if first <= t < last}
    if splits:
        result["events"] = {"splits": {
            str(t): {"date": t, "numerator": a, "denominator": b, "splitRatio": f"{a:g}:{b:g}"}
            for t, (a, b) in splits.items()
        }}  # fmt: skip
    if held:
        result["timestamp"] = [int(row[0]) for row in held]
        columns = list(zip(*held, strict=True))[1:]
        names = ("open", "high", "low", "close", "volume")
        quote = {n: list(c) for n, c in zip(names, columns, strict=True)}
        result["indicators"]["quote"] = [quote]
    return result


def _summary(world: Yahoo, request: web.Request) -> tuple[int, dict[str, Any]]:
    listing = world.listings.get(request.match_info["symbol"])
    if listing is None:
        words = f"Quote not found for symbol: {request.match_info['symbol']}"
        error = {"code": "Not Found", "description": words}
        return 404, {"quoteSummary": {"result": None, "error": error}}
    wanted = request.query["modules"].split(",")
    found = {module: said for module, said in listing.summary.items() if module in wanted}
    return 200, {"quoteSummary": {"result": [found], "error": None}}


def rows_of(bars: pd.DataFrame) -> list[list[float | None]]:
    """Return bars as Yahoo's rows: whole seconds, prices in 32 bits."""
    prices = bars[["open", "high", "low", "close"]].to_numpy().astype("float32").astype("float64")
    seconds = bars["open_time"].to_numpy(dtype="datetime64[s]").view("int64")
    volume = bars["volume"].to_numpy()
    return [
        [int(t), *map(float, p), int(v)] for t, p, v in zip(seconds, prices, volume, strict=True)
    ]


@asynccontextmanager
async def running_yahoo(now: datetime) -> AsyncIterator[Yahoo]:
    """Serve a Yahoo on a free port of 127.0.0.1."""
    world = Yahoo(now)
    async with served(_app(world)) as url:
        world.url = url
        yield world


@asynccontextmanager
async def yahoo_world(now: datetime) -> AsyncIterator[World]:
    """Open Yahoo for the contract suite."""
    async with running_yahoo(now) as fake:
        waits = Waits()
        source = YahooSource(
            fake.url, patience=Patience(tries=3), sleep=waits,
            rng=np.random.default_rng(1),
        )  # fmt: skip
        listing = fake.listings["EURUSD=X"] = Listing()

        def put(bars: pd.DataFrame) -> None:
            listing.rows["1m"] = rows_of(bars)

        symbol = SourceSymbol(symbol="EURUSD", name="EURUSD=X")
        try:
            yield World(source, symbol, put, hasty(fake.faults, source), waits)
            assert not fake.refused
        finally:
            await source.close()
