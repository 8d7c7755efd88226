"""A loopback Dukascopy that serves true bi5 files, and refuses what the real one would refuse.

Its truth is ticks. A day's file of candles has all 1,440 minutes: those without a tick repeat the
last close with no volume. Files appear as they do in truth: a day's after it is over, an hour's
within the next one. `faults` are answers given before the true one, one a request.
"""

import asyncio
import json
import lzma
import re
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from aiohttp import web

API = re.compile(
    r"/v1/(?:candles/minute/([A-Z0-9.-]+)/(BID|ASK)|ticks/([A-Z0-9.-]+))/"
    r"([1-9]\d{3})/([1-9]\d?)/([1-9]\d?)(?:/(\d{1,2}))?"
)
PATH = re.compile(
    r"/datafeed/([A-Z0-9]+)/(\d{4})/(\d{2})/(\d{2})/"
    r"(?:(BID|ASK)_candles_min_1|(\d{2})h_ticks)\.bi5"
)
CODES = {"EUR-USD": "EURUSD", "DEU.IDX-EUR": "DEUIDXEUR"}
STEP = {"EURUSD": 0.00001, "DEUIDXEUR": 0.001}
HTML = "<html><head><title>503</title></head><body>Service Temporarily Unavailable</body></html>"


@dataclass
class Fault:
    """One wrong answer. `cut`: so many bytes of the true file only. `slow`: seconds before it.

    `impossible`: a candle's high lies below its low.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    cut: int | None = None
    slow: float = 0.0
    impossible: bool = False


@dataclass
class Loopback:
    """The host: ticks by symbol as (ms since 1970, bid, ask, bid lots, ask lots), and its clock.

    `gone` are days without a file, `revised` ones whose candles all lie one point higher. `dead`
    are paths' beginnings that answer 503. The API's names have points and dashes, see `CODES`.
    """

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    ticks: dict[str, np.ndarray] = field(default_factory=dict)
    gone: set[date] = field(default_factory=set)
    revised: set[date] = field(default_factory=set)
    dead: tuple[str, ...] = ()
    faults: list[Fault] = field(default_factory=list)
    always: Fault | None = None
    asked: list[str] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    url: str = ""

    def hold(self, name: str, ticks: np.ndarray) -> None:
        """Make these all the ticks of a symbol."""
        self.ticks[name] = ticks
        self.files.clear()


def made_ticks(
    start: datetime, hours: int, *, seed: int = 1, level: int = 110_000, a_minute: int = 6
) -> np.ndarray:
    """Return a seeded walk of ticks in whole points; about one minute in five has none."""
    rng = np.random.default_rng(seed)
    minutes = np.repeat(np.arange(hours * 60), a_minute)
    quiet = rng.random(hours * 60) < 0.2
    at = np.sort(minutes * 60_000 + rng.integers(0, 60_000, len(minutes)))
    at = at[~quiet[at // 60_000]]
    bid = level + np.cumsum(rng.integers(-4, 5, len(at)))
    ask = bid + rng.integers(1, 6, len(at))
    lots = rng.integers(1, 90, (len(at), 2)) * 0.25  # sums of these are exact in 32 bits
    first = int(start.timestamp() * 1000)
    return np.column_stack([first + at, bid, ask, lots])


def candles(ticks: np.ndarray, day: date, side: str) -> np.ndarray:
    """Return (seconds, open, close, low, high, volume) of each minute of a day, an own way.

    Written out minute by minute: it is what the product's vectors are judged by.
    """
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000
    price, lots = (1, 3) if side == "BID" else (2, 4)
    before = ticks[ticks[:, 0] < begin]
    last = before[-1, price] if len(before) else (ticks[0, price] if len(ticks) else 0)
    inside = ticks[(ticks[:, 0] >= begin) & (ticks[:, 0] < begin + 86_400_000)]
    of_minute: dict[int, list[np.ndarray]] = {}
    for row in inside:
        of_minute.setdefault(int((row[0] - begin) // 60_000), []).append(row)
    rows = []
    for minute in range(1440):
        here = of_minute.get(minute, [])
        prices = [row[price] for row in here] or [last]
        volume = sum(row[lots] for row in here)
        rows.append([minute * 60, prices[0], prices[-1], min(prices), max(prices), volume])
        last = prices[-1]
    return np.array(rows)


def candle_file(ticks: np.ndarray, day: date, side: str, *, raised: int = 0) -> bytes:
    """Return the bi5 of a day's candles."""
    rows = candles(ticks, day, side)
    return bi5(
        b"".join(
            struct.pack(">5If", int(t), *(int(p) + raised for p in row), volume)
            for t, *row, volume in rows
        )
    )


def tick_file(ticks: np.ndarray, hour: datetime) -> bytes:
    """Return the bi5 of an hour's ticks; no ticks: no bytes."""
    begin = hour.timestamp() * 1000
    inside = ticks[(ticks[:, 0] >= begin) & (ticks[:, 0] < begin + 3_600_000)]
    packed = [
        struct.pack(">3I2f", int(at - begin), int(ask), int(bid), asked, offered)
        for at, bid, ask, offered, asked in inside
    ]
    return bi5(b"".join(packed)) if packed else b""


def bi5(raw: bytes) -> bytes:
    """Return LZMA alone with the size in its head, as Dukascopy's files have it."""
    packed = lzma.compress(raw, format=lzma.FORMAT_ALONE)
    return packed[:5] + len(raw).to_bytes(8, "little") + packed[13:]


def ticks_of_bars(opens: np.ndarray, prices: np.ndarray, volume: np.ndarray) -> np.ndarray:
    """Return ticks whose M1 candles are these bars: open, high, low, close; the ask 2 above.

    `opens` are epoch seconds, `prices` whole points (n, 4).
    """
    at = opens[:, None] * 1000 + np.array([500, 15_000, 30_000, 59_000])
    bid = prices[:, [0, 1, 2, 3]]
    lots = np.repeat(volume / 4, 4)
    return np.column_stack([at.ravel(), bid.ravel(), bid.ravel() + 2, lots, lots])


def _body(world: Loopback, path: str) -> bytes | None:
    """Return the true file, or None where there is none (yet)."""
    found = PATH.fullmatch(path)
    if found is None:
        return None
    name, year, month, day, side, hour = found.groups()
    try:
        when = date(int(year), int(month) + 1, int(day))  # months count from 00
    except ValueError:
        return None
    ticks = world.ticks.get(name)
    if ticks is None or when in world.gone:
        return None
    begin = datetime(when.year, when.month, when.day, tzinfo=UTC)
    over = timedelta(days=1, minutes=30) if side else timedelta(hours=int(hour), minutes=75)
    if world.now < begin + over:
        return None
    raised = 1 if when in world.revised else 0
    key = f"{path} {raised}"
    if key not in world.files:
        world.files[key] = (
            candle_file(ticks, when, side, raised=raised) if side
            else tick_file(ticks, begin + timedelta(hours=int(hour)))
        )  # fmt: skip
    return world.files[key]


def candle_answer(ticks: np.ndarray, day: date, side: str, step: float) -> bytes:
    """Return a day's candles as the API's JSON: each figure as its move from the one before."""
    rows = [r for r in candles(ticks, day, side) if r[5] > 0]
    begin = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    told: dict[str, Any] = {"timestamp": begin, "multiplier": step, "shift": 60_000}
    columns = {"open": 1, "high": 4, "low": 3, "close": 2}
    told |= {name: rows[0][i] * step if rows else None for name, i in columns.items()}
    told["times"] = _moves([r[0] // 60 for r in rows], 0)
    for name, i in columns.items():
        told[f"{name}s"] = _moves([r[i] for r in rows], rows[0][i] if rows else 0)
    told["volumes"] = [r[5] for r in rows]
    return json.dumps(told).encode()


def tick_answer(ticks: np.ndarray, hour: datetime, step: float) -> bytes:
    """Return an hour's ticks as the API's JSON."""
    begin = int(hour.timestamp() * 1000)
    rows = ticks[(ticks[:, 0] >= begin) & (ticks[:, 0] < begin + 3_600_000)]
    told: dict[str, Any] = {"timestamp": begin, "multiplier": step, "ask": None, "bid": None}
    if len(rows):
        told |= {"bid": rows[0, 1] * step, "ask": rows[0, 2] * step}
    told["times"] = _moves((rows[:, 0] - begin).tolist(), 0)
    for name, i in (("bids", 1), ("asks", 2)):
        told[name] = _moves(rows[:, i].tolist(), rows[0, i] if len(rows) else 0)
    told |= {"bidVolumes": rows[:, 3].tolist(), "askVolumes": rows[:, 4].tolist()}
    return json.dumps(told).encode()


def _moves(values: list[float], first: float) -> list[int]:
    out, before = [], first
    for value in values:
        out.append(int(value - before))
        before = value
    return out


def _told(world: Loopback, path: str) -> tuple[int, bytes]:
    """Return the API's status and answer."""
    about = re.fullmatch(r"/v1/instruments/([A-Z0-9.-]+)", path)
    if about and CODES.get(about[1]) in world.ticks:
        words = {"code": about[1], "description": "Euro vs\u202e US Dollar", "priceScale": 5}
        return 200, json.dumps(words).encode()
    found = API.fullmatch(path)
    name = CODES.get((found[1] or found[3]) if found else "")
    if found is None or name not in world.ticks or bool(found[2]) == bool(found[7]):
        return 404, b'{"error": "not found"}'
    when = date(int(found[4]), int(found[5]), int(found[6]))
    begin = datetime(when.year, when.month, when.day, tzinfo=UTC)
    hours = timedelta(days=1) if found[2] else timedelta(hours=int(found[7]) + 1)
    if world.now < begin + hours or when in world.gone:
        return 400, b'{"error": "not available"}'
    ticks, step = world.ticks[name], STEP[name]
    if found[2]:
        return 200, candle_answer(ticks, when, found[2], step)
    return 200, tick_answer(ticks, begin + timedelta(hours=int(found[7])), step)


def _impossible(body: bytes) -> bytes:
    """Return a file of candles whose highs lie below their lows."""
    raw = bytearray(lzma.decompress(body))
    for at in range(0, len(raw), 24):
        raw[at + 16 : at + 20] = struct.pack(">I", 1)
    return bi5(bytes(raw))


def _app(world: Loopback) -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        world.asked.append(request.path)
        world.under_way += 1
        world.most_under_way = max(world.most_under_way, world.under_way)
        try:
            fault = world.faults.pop(0) if world.faults else world.always or Fault()
            await asyncio.sleep(fault.slow)
            if fault.status != 200 or fault.body is not None:
                return web.Response(
                    status=fault.status, headers=fault.headers, text=fault.body or HTML,
                    content_type="text/html",
                )  # fmt: skip
            if request.path.startswith(world.dead):
                return web.Response(status=503, text=HTML, content_type="text/html")
            if request.path.startswith("/v1/"):
                status, told = _told(world, request.path)
                if fault.impossible:
                    told = told.replace(b'"high": 1', b'"high": 0')
                return web.Response(
                    status=status, body=told[: fault.cut], content_type="application/json"
                )
            body = _body(world, request.path)
            if body is None:
                return web.Response(status=404, text=HTML, content_type="text/html")
            if fault.impossible:
                body = _impossible(body)
            return web.Response(body=body[: fault.cut], content_type="application/octet-stream")
        finally:
            world.under_way -= 1

    app = web.Application()
    app.router.add_get("/{rest:.*}", answer)
    return app


@asynccontextmanager
async def running_dukascopy(world: Loopback | None = None) -> AsyncIterator[Loopback]:
    """Serve it on a free port of 127.0.0.1."""
    world = world or Loopback()
    runner = web.AppRunner(_app(world))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    world.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield world
    finally:
        await runner.cleanup()
