"""A loopback Massive (once Polygon): aggregates with next_url, details, splits, changes of name.

Shapes and refusals are those of https://massive.com/docs/rest: `limit` counts base minutes, an
unknown ticker has no results and no error, a plan may be delayed, the free one is counted.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from aiohttp import web

from pipeline.domain.source import SourceSymbol
from storage.feeds.ccxt_calls import Patience
from storage.feeds.massive import MassiveSource
from tests.kit.source_worlds import Fault, Waits, World
from tests.kit.web_faults import Faults, hasty, served

KEY = "not-a-real-massive-key"
_PARAMS = {"adjusted", "sort", "limit", "cursor"}
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_TOO_MANY = ("You've exceeded the maximum requests per minute, please wait or upgrade your "
             "subscription to continue.")  # fmt: skip
_NOT_ENTITLED = "Your plan doesn't include this data timeframe. Please upgrade your plan."


@dataclass
class Massive:
    """The fake: its clock, its bars by (ticker, amount, unit), and what was asked of it.

    `base_limit` caps an answer's base bars below what is asked for. `minute_limit` is the plan's;
    after it comes a 429 that doesn't say how long to wait. `delay` makes the plan a delayed one,
    `since` is where it begins.
    """

    now: datetime
    bars: dict[tuple[str, int, str], list[dict[str, Any]]] = field(default_factory=dict)
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    splits: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    base_limit: int = 50_000
    minute_limit: int = 100_000
    used: int = 0
    delay: timedelta = timedelta(0)
    since: datetime | None = None
    empty_first: int = 0
    url: str = ""


def _app(world: Massive) -> web.Application:
    async def bars(request: web.Request) -> web.StreamResponse:
        return await _answered(world, request, _bars(world, request))

    async def details(request: web.Request) -> web.StreamResponse:
        said = world.details.get(request.match_info["ticker"])
        if said is None:
            words = {"status": "NOT_FOUND", "request_id": "1", "message": "Ticker not found."}
            return await _answered(world, request, (404, words))
        return await _answered(world, request, (200, _ok(said)))

    async def splits(request: web.Request) -> web.StreamResponse:
        return await _answered(world, request, (200, _ok(world.splits)))

    async def events(request: web.Request) -> web.StreamResponse:
        if request.query.get("types") != "ticker_change":
            return await _answered(world, request, (400, {"status": "ERROR", "error": "types"}))
        said = {"name": "a company", "events": world.events}
        return await _answered(world, request, (200, _ok(said)))

    app = web.Application()
    app.router.add_get("/v2/aggs/ticker/{ticker}/range/{amount}/{unit}/{first}/{last}", bars)
    app.router.add_get("/v3/reference/tickers/{ticker}", details)
    app.router.add_get("/v3/reference/splits", splits)
    app.router.add_get("/vX/reference/tickers/{ticker}/events", events)
    return app


def _ok(results: Any) -> dict[str, Any]:
    return {"status": "OK", "request_id": "31d59dda", "results": results}


async def _answered(
    world: Massive, request: web.Request, good: tuple[int, dict[str, Any]]
) -> web.StreamResponse:
    world.asked.append(request.path_qs)
    if request.headers.get("Authorization") != f"Bearer {KEY}":
        words = {"status": "ERROR", "request_id": "1", "error": "Unknown API Key"}
        return web.json_response(words, status=401)
    world.used += 1
    if world.used > world.minute_limit:
        world.used = 0
        return web.json_response({"status": "ERROR", "request_id": "1", "error": _TOO_MANY},
                                 status=429)  # fmt: skip
    if world.faults.bodies:
        text = world.faults.bodies.pop(0)
        return web.Response(text=text, content_type="application/json")
    status, body = good
    fault = world.faults.take()
    if fault is Fault.IMPOSSIBLE:
        body = json.loads(json.dumps(body))
        body["results"][0]["h"] = body["results"][0]["l"] - 0.5
    elif fault is not None:
        return await world.faults.answer(fault, request, json.dumps(body))
    if status == 400:
        world.refused.append(request.path_qs)
    return web.json_response(body, status=status)


def _bars(world: Massive, request: web.Request) -> tuple[int, dict[str, Any]]:
    path, query = request.match_info, request.query
    ticker, amount, unit = path["ticker"], int(path["amount"]), path["unit"]
    extra = set(query) - _PARAMS
    limit = int(query.get("limit", "5000"))
    if extra or unit not in _SECONDS or not 1 <= limit <= 50_000:
        return 400, {"status": "ERROR", "error": f"bad request {sorted(extra)}"}
    first, last = int(path["first"]), int(path["last"])
    if first > last:
        return 400, {"status": "ERROR", "error": "'to' must be after 'from'"}
    if world.since is not None and first < world.since.timestamp() * 1000:
        return 403, {"status": "NOT_AUTHORIZED", "request_id": "1", "message": _NOT_ENTITLED}
    cursor = int(query.get("cursor", first))
    held = world.bars.get((ticker, amount, unit), [])
    clock = (world.now - world.delay).timestamp() * 1000
    found = [b for b in held if cursor <= b["t"] <= min(last, clock)]
    most = max(1, min(limit, world.base_limit) // (amount * _SECONDS[unit] // 60 or 1))
    if unit == "day":
        most = limit
    page, rest = found[:most], found[most:]
    answer: dict[str, Any] = {
        "ticker": ticker, "queryCount": min(len(found), most), "resultsCount": len(page),
        "adjusted": query.get("adjusted", "true") == "true", "request_id": "6a7e466",
        "status": "DELAYED" if world.delay else "OK", "count": len(page),
    }  # fmt: skip
    base = f"{world.url}{request.path}?cursor="
    if world.empty_first:
        world.empty_first -= 1
        return 200, {**answer, "resultsCount": 0, "next_url": f"{base}{cursor}"}
    if page:
        answer["results"] = page
    if rest:
        answer["next_url"] = f"{base}{rest[0]['t']}"
    return 200, answer


def bars_of(bars: pd.DataFrame) -> list[dict[str, Any]]:
    """Return bars in Massive's words."""
    stamps = bars["open_time"].to_numpy(dtype="datetime64[ms]").view("int64").tolist()
    return [
        {"v": b.volume, "vw": b.close, "o": b.open, "c": b.close, "h": b.high, "l": b.low,
         "t": at, "n": 7}
        for at, b in zip(stamps, bars.itertuples(), strict=True)
    ]  # fmt: skip


@asynccontextmanager
async def running_massive(now: datetime) -> AsyncIterator[Massive]:
    """Serve a Massive on a free port of 127.0.0.1."""
    world = Massive(now)
    async with served(_app(world)) as url:
        world.url = url
        yield world


def source_of(fake: Massive, waits: Waits, key: str = KEY) -> MassiveSource:
    """Return the adapter that asks a fake, hastily."""
    return MassiveSource(
        key, fake.url, patience=Patience(tries=3), sleep=waits,
        rng=np.random.default_rng(1),
    )  # fmt: skip


@asynccontextmanager
async def massive_world(now: datetime) -> AsyncIterator[World]:
    """Open Massive for the contract suite: answers cut at a limit, a pair of currencies."""
    async with running_massive(now) as fake:
        fake.base_limit, waits = 700, Waits()
        fake.details["C:EURUSD"] = {"ticker": "C:EURUSD", "market": "fx"}
        source = source_of(fake, waits)

        def put(bars: pd.DataFrame) -> None:
            fake.bars["C:EURUSD", 1, "minute"] = bars_of(bars)

        symbol = SourceSymbol(symbol="EURUSD", name="C:EURUSD")
        try:
            yield World(source, symbol, put, hasty(fake.faults, source), waits)
            assert not fake.refused
        finally:
            await source.close()
