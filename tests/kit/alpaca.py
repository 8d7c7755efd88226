"""A loopback Alpaca: bars of shares and coins page by page, and corporate actions.

Shapes and refusals are those of https://docs.alpaca.markets/reference/stockbars and its neighbours:
an unknown symbol has no bars and no error, `end` counts, a page ends with a token.
"""

import base64
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
from storage.feeds.alpaca import AlpacaSource
from storage.feeds.ccxt_calls import Patience
from tests.kit.source_worlds import Fault, Waits, World
from tests.kit.web_faults import Faults, hasty, served

KEY, SECRET = "PKTESTKEY", "not-a-real-secret"
_BARS_PARAMS = {"symbols", "timeframe", "start", "end", "limit", "adjustment", "feed", "asof",
                "currency", "sort", "page_token"}  # fmt: skip
_FRAMES = ("1Min", "5Min", "15Min", "1Hour", "1Day")
SIP_WORDS = "subscription does not permit querying recent SIP data"


@dataclass
class Alpaca:
    """The fake: its clock, its bars by (symbol, timeframe), and what was asked of it.

    `page_limit` is below the real one where a test wants partial pages: fewer bars than asked for,
    with a token.
    """

    now: datetime
    bars: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    actions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    asked: list[dict[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    page_limit: int = 10_000
    minute_limit: int = 200
    used: int = 0
    url: str = ""


def _app(world: Alpaca) -> web.Application:
    async def shares(request: web.Request) -> web.StreamResponse:
        return await _answered(world, request, _bars(world, request, coins=False))

    async def coins(request: web.Request) -> web.StreamResponse:
        return await _answered(world, request, _bars(world, request, coins=True))

    async def actions(request: web.Request) -> web.StreamResponse:
        wanted = request.query["types"].split(",")
        found = {f"{k}s": v for k, v in world.actions.items() if k in wanted}
        return await _answered(
            world, request, (200, {"corporate_actions": found, "next_page_token": None})
        )

    app = web.Application()
    app.router.add_get("/v2/stocks/bars", shares)
    app.router.add_get("/v1beta3/crypto/us/bars", coins)
    app.router.add_get("/v1/corporate-actions", actions)
    return app


async def _answered(
    world: Alpaca, request: web.Request, good: tuple[int, dict[str, Any]]
) -> web.StreamResponse:
    world.asked.append(dict(request.query))
    headers = request.headers
    if (headers.get("APCA-API-KEY-ID"), headers.get("APCA-API-SECRET-KEY")) != (KEY, SECRET):
        return web.json_response({"message": "forbidden."}, status=403)
    world.used += 1
    if world.used > world.minute_limit:
        world.used = 0
        told = {"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": str(int(world.now.timestamp()) + 12),
                "Date": f"{world.now:%a, %d %b %Y %H:%M:%S GMT}"}  # fmt: skip
        return web.json_response({"message": "too many requests."}, status=429, headers=told)
    if world.faults.bodies:
        text = world.faults.bodies.pop(0)
        return web.Response(text=text, content_type="application/json")
    status, body = good
    fault = world.faults.take()
    if fault is Fault.IMPOSSIBLE:
        first = next(iter(body["bars"].values()))[0]
        body = json.loads(json.dumps(body))
        first = next(iter(body["bars"].values()))[0]
        first["h"] = first["l"] - 0.5
    elif fault is not None:
        return await world.faults.answer(fault, request, json.dumps(body))
    if status == 400:
        world.refused.append(request.path_qs)
    return web.json_response(body, status=status)


def _bars(world: Alpaca, request: web.Request, *, coins: bool) -> tuple[int, dict[str, Any]]:
    query = dict(request.query)
    extra = set(query) - _BARS_PARAMS - ({"page_token"} if "page_token" in query else set())
    if extra or query.get("timeframe") not in _FRAMES or not query.get("symbols"):
        return 400, {"message": f"invalid or unexpected parameter: {sorted(extra)}"}
    if coins and "/" not in query["symbols"]:
        return 400, {"message": f"invalid symbol: {query['symbols']}"}
    limit = int(query.get("limit", "1000"))
    if not 1 <= limit <= 10_000:
        return 400, {"message": "invalid limit"}
    if not coins and query.get("feed", "sip") == "sip":
        return 403, {"message": SIP_WORDS}
    first, last = (datetime.fromisoformat(query[name]) for name in ("start", "end"))
    if first > last:
        return 400, {"message": "end should not be before start"}
    held = world.bars.get((query["symbols"], query["timeframe"]), [])
    found = [b for b in held if first <= datetime.fromisoformat(b["t"]) <= min(last, world.now)]
    if token := query.get("page_token"):
        after = base64.b64decode(token).decode()
        found = [b for b in found if b["t"] > after]
    page = found[: min(limit, world.page_limit)]
    more = len(page) < len(found)
    mark = base64.b64encode(page[-1]["t"].encode()).decode() if more else None
    bars = {query["symbols"]: page} if page else {}
    return 200, {"bars": bars, "next_page_token": mark}


def bars_of(bars: pd.DataFrame) -> list[dict[str, Any]]:
    """Return bars in Alpaca's words."""
    return [
        {"t": f"{b.open_time:%Y-%m-%dT%H:%M:%SZ}", "o": b.open, "h": b.high, "l": b.low,
         "c": b.close, "v": int(b.volume), "n": 3, "vw": b.close}
        for b in bars.itertuples()
    ]  # fmt: skip


@asynccontextmanager
async def running_alpaca(now: datetime) -> AsyncIterator[Alpaca]:
    """Serve an Alpaca on a free port of 127.0.0.1."""
    world = Alpaca(now)
    async with served(_app(world)) as url:
        world.url = url
        yield world


def source_of(fake: Alpaca, waits: Waits, secret: str = SECRET) -> AlpacaSource:
    """Return the adapter that asks a fake, hastily."""
    return AlpacaSource(
        KEY, secret, fake.url, patience=Patience(tries=3), sleep=waits,
        rng=np.random.default_rng(1),
    )  # fmt: skip


@asynccontextmanager
async def alpaca_world(now: datetime) -> AsyncIterator[World]:
    """Open Alpaca for the contract suite: partial pages, a coin."""
    async with running_alpaca(now) as fake:
        fake.page_limit, waits = 700, Waits()
        source = source_of(fake, waits)

        def put(bars: pd.DataFrame) -> None:
            said = bars_of(bars)
            fake.bars["BTC/USD", "1Min"], fake.bars["BTC/USD", "1Day"] = said, said[:1]

        symbol = SourceSymbol(symbol="BTCUSD", name="BTC/USD")
        try:
            yield World(source, symbol, put, hasty(fake.faults, source), waits)
            assert not fake.refused
        finally:
            await source.close()
