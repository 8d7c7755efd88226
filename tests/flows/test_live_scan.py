"""The scan as a plain story on memory ports, around a market whose minutes the test decides."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flows.live_scan import run_live_scan
from flows.live_session import ChatWishes, LiveSession
from flows.scan_crew import InlineScanCrew
from pipeline.data.clean import resample
from pipeline.detectors import base, get
from pipeline.domain.errors import FeedDownError, StoreDownError
from pipeline.domain.live import LIVE, DecisionKind, LiveRequest
from pipeline.domain.market import Timeframe
from pipeline.domain.report import DeliveryKind
from pipeline.domain.watch import LiveRules, Watch
from pipeline.ml.features import FEATURE_VERSION, features_of, frames_at
from pipeline.setups.engine import detect, find_signals, frames_for
from pipeline.setups.rules import parse_setup
from tests.kit.fast_market import OPENED, Anchor, FastMarket
from tests.kit.plain_services import LibrarySetups, plain_services

SETUP = Path(__file__).parents[1] / "kit" / "every_engulfing_bar.yaml"
SPEC = parse_setup(SETUP.read_text(), SETUP.name)
START = OPENED + timedelta(hours=20)
MINUTE = timedelta(minutes=1)
CHAT = 7


class Wall:
    """The clock of this machine, moved by the test."""

    def __init__(self, now) -> None:
        self.now = now

    def __call__(self):
        return self.now


class Faulty(FastMarket):
    """The market with symbols that fail, or are slow, or everything down."""

    def __init__(self, anchor) -> None:
        super().__init__(anchor)
        self.down = False
        self.broken: set[str] = set()
        self.slow: set[str] = set()
        self.doubt = ""

    async def clock(self, now):
        if self.down:
            raise FeedDownError("The market does not answer.")
        return replace(await super().clock(now), doubt=self.doubt)

    async def bars(self, symbol, after, now, *, limit=5000):
        if symbol in self.broken:
            raise FeedDownError(f"No bars of {symbol}.")
        if symbol in self.slow:
            await asyncio.sleep(30)
        return await super().bars(symbol, after, now, limit=limit)


class World:
    """Services, a market and a session that can be begun again."""

    def __init__(self, services, market, wall) -> None:
        self.services, self.market, self.wall = services, market, wall
        self.session = self.begun()

    def begun(self):
        return LiveSession(
            self.services, self.market, InlineScanCrew(), ChatWishes(self.services), self.wall
        )

    async def scan(self, minutes=1):
        self.wall.now += minutes * MINUTE
        request = LiveRequest(trigger_timestamp=self.wall.now)
        return await run_live_scan(request, self.session)

    async def play(self, minutes):
        return [await self.scan() for _ in range(minutes)]

    async def restart(self):
        await self.session.close()
        self.session = self.begun()
        await self.ready()

    async def ready(self):
        await self.session.strike()
        await self.session.refresh()


@pytest.fixture
async def world(tmp_path):
    wall = Wall(START + timedelta(seconds=1))
    anchor = Anchor(
        market=START, wall=START, speed=1.0, symbols=("EURUSD", "GBPUSD"), days=2, seed=3
    )
    async with plain_services(tmp_path, scan_symbol_seconds=4) as services:
        setups = LibrarySetups()
        setups.specs = {SPEC.setup_id: SPEC}
        services = replace(services, clock=wall, setups=setups)
        watch = Watch(
            chat_id=CHAT, symbols=("EURUSD", "GBPUSD"), timeframes=(Timeframe.M5,),
            setups=(SPEC.setup_id,), max_per_hour=1000, max_per_minute=60,
        )  # fmt: skip
        await services.watches.put(watch, START)
        await services.watches.put_rules(LiveRules(cooldown_minutes=0), START)
        made = World(services, Faulty(anchor), wall)
        await made.ready()
        yield made
        await made.session.close()


async def backtest(world, symbol, since, until):
    """Return the keys of the signals that a backtest knows in (since, until]."""
    bars = world.market._bars[symbol]
    frame = resample(bars[bars["close_time"] <= until], Timeframe.M1, Timeframe.M5)
    frames = frames_for(frame, Timeframe.M5, SPEC)
    instrument = await world.services.instruments.get(symbol)
    tools = detect(frames, SPEC, Timeframe.M5, instrument)
    found = find_signals(frames, tools, SPEC, Timeframe.M5, instrument)
    return {(symbol, s.known_at, s.side) for s in found.signals if since < s.known_at <= until}


async def kept(world):
    rows = await world.services.signals.newest(10_000, LIVE)
    return {(r.signal.symbol, r.signal.known_at, r.signal.side): r for r in rows}


async def vectors_are_the_backtests(records, world):
    known = 0
    for record in records:
        signal = record.signal
        bars = world.market._bars[signal.symbol]
        instrument = await world.services.instruments.get(signal.symbol)
        frames = frames_at(bars, signal.tf, signal.known_at)
        assert record.features == features_of(signal, record.plan, frames, instrument)
        assert record.feature_version == FEATURE_VERSION
        known += sum(value is not None for value in record.features.values())
    assert known > 20 * len(records)


async def test_an_hour_live_is_the_backtests_hour(world):
    reports = await world.play(60)
    rows = await kept(world)
    until = START + timedelta(hours=1)
    expected = await backtest(world, "EURUSD", START, until)
    expected |= await backtest(world, "GBPUSD", START, until)
    assert len(expected) > 3
    assert set(rows) == expected
    assert all(r.decision.decision is DecisionKind.APPROVED for r in rows.values())
    assert all(r.chart and r.receipt.drawn_at for r in rows.values())
    await vectors_are_the_backtests(rows.values(), world)
    assert sum(r.signals_found for r in reports) == len(expected)
    owed = await world.services.outbox.claim(world.wall.now, lease=MINUTE, limit=100)
    assert [d.kind for d in owed] == [DeliveryKind.ALERT]


async def test_a_broken_symbol_holds_up_nobody_and_is_made_up_for(world):
    world.market.broken = {"GBPUSD"}
    reports = await world.play(60)
    assert all(set(r.failed) == {"GBPUSD"} for r in reports)
    assert {symbol for symbol, *_ in await kept(world)} == {"EURUSD"}
    world.market.broken = set()
    report = await world.scan()
    assert not report.failed
    until = START + timedelta(minutes=61)
    rows = await kept(world)
    gbp = {key for key in rows if key[0] == "GBPUSD"}
    assert gbp == await backtest(world, "GBPUSD", START, until)
    late = {k for k in gbp if rows[k].decision.decision is DecisionKind.LATE}
    assert late == {k for k in gbp if until - k[1] > 2 * Timeframe.M5.delta}


async def test_a_slow_symbol_is_left_behind_and_caught_up(world):
    world.market.slow = {"EURUSD"}
    report = await world.scan(5)
    assert "within 4 s" in report.failed["EURUSD"]
    assert report.symbols_scanned == ("GBPUSD",)
    world.market.slow = set()
    await world.scan()
    rows = {key for key in await kept(world) if key[0] == "EURUSD"}
    assert rows == await backtest(world, "EURUSD", START, START + timedelta(minutes=6))


async def test_a_restart_goes_on_at_the_mark_and_says_nothing_twice(world):
    await world.play(13)
    before = await kept(world)
    await world.restart()
    await world.play(12)
    rows = await kept(world)
    until = START + timedelta(minutes=25)
    expected = await backtest(world, "EURUSD", START, until)
    expected |= await backtest(world, "GBPUSD", START, until)
    assert set(rows) == expected
    assert all(rows[key].signal_id == row.signal_id for key, row in before.items())


async def test_a_break_is_gone_through_and_what_is_stale_is_late(world):
    await world.play(3)
    await world.session.close()
    world.wall.now += timedelta(hours=2)
    world.session = world.begun()
    await world.ready()
    report = await world.scan()
    assert report.signals_found > 5
    rows = await kept(world)
    now = START + timedelta(minutes=124)
    for (_, known_at, _), row in rows.items():
        stale = now - known_at > 2 * Timeframe.M5.delta
        assert (row.decision.decision is DecisionKind.LATE) is stale


async def test_late_signals_are_listed_once_though_the_scan_could_not_be_kept(world):
    await world.play(3)
    await world.session.close()
    world.wall.now += timedelta(hours=2)
    scans, broken = world.services.scans, Broken()
    world.services = replace(world.services, scans=broken)
    broken.behind = scans
    for _ in range(2):  # the first dies before its marks are written
        world.session = world.begun()
        await world.ready()
        await world.scan(0)
        broken.whole = True
    rows = await kept(world)
    late = [r for r in rows.values() if r.decision.decision is DecisionKind.LATE]
    assert late
    texts = []
    while owed := await world.services.outbox.claim(world.wall.now, lease=MINUTE, limit=50):
        for delivery in owed:
            texts.append(str(delivery.payload.get("text", "")))
            await world.services.outbox.ack(delivery.id, world.wall.now, [1])
    told = [t for t in texts if "too late" in t]
    assert len(told) == 1
    assert all(r.signal_id in told[0] for r in late)


class Broken:
    """A scan log that can't be written until it is whole."""

    def __init__(self) -> None:
        self.whole = False
        self.behind = None

    def __getattr__(self, name):
        return getattr(self.behind, name)

    async def record(self, scan, now):
        if not self.whole:
            raise StoreDownError("The database does not answer.")
        await self.behind.record(scan, now)


async def test_two_sessions_at_once_say_each_signal_once(world):
    other = world.begun()
    await other.strike()
    await other.refresh()
    found = 0
    for _ in range(60):
        world.wall.now += MINUTE
        request = LiveRequest(trigger_timestamp=world.wall.now)
        pair = await asyncio.gather(
            run_live_scan(request, world.session), run_live_scan(request, other)
        )
        found += sum(r.signals_found for r in pair)
    assert found == len(await kept(world)) > 3
    await other.close()


async def test_nobody_watches_nothing_is_scanned(world):
    await world.services.watches.put(Watch(chat_id=CHAT, on=False), START)
    await world.session.refresh()
    report = await world.scan()
    assert report.symbols_scanned == ()
    assert not world.session.posts


async def test_the_market_that_does_not_answer_is_an_error_of_the_feed(world):
    world.market.down = True
    with pytest.raises(FeedDownError):
        await world.scan()


async def test_a_setup_that_fails_is_named_and_the_symbol_stays_in_step(world, monkeypatch):
    await world.play(10)

    def faulty(*_given):
        raise ZeroDivisionError("in a tool")

    for post in world.session.posts.values():
        post.seeded = False
    with monkeypatch.context() as planted:
        planted.setitem(base._REGISTRY, "engulfing", replace(get("engulfing"), detect=faulty))
        await world.session.refresh()
        reports = await world.play(5)
    named = [r.failed for r in reports if r.failed]
    assert named
    assert all(
        "every_engulfing" in why.lower() or SPEC.setup_id in why for why in named[0].values()
    )
    assert all("ZeroDivisionError" in why for why in named[0].values())
    assert all(set(r.symbols_scanned) == {"EURUSD", "GBPUSD"} for r in reports)


async def test_signals_of_made_up_bars_say_so(world):
    world.session = replace(world.session, synthetic=True)
    await world.play(30)
    found = await world.services.signals.newest(50)
    assert found
    assert all(record.extra["synthetic"] is True for record in found)


class Untouchable:
    """An analyst that nothing on an alert's way may so much as look at."""

    def __getattribute__(self, name):
        raise AssertionError(f"the alert's path asked the analyst: {name}")


async def test_the_way_of_an_alert_does_not_touch_the_analyst(world):
    world.session.services = replace(world.services, analyst=Untouchable())
    await world.play(30)
    rows = await kept(world)
    assert any(row.decision.decision.alerts for row in rows.values())
    owed = await world.services.outbox.claim(world.wall.now, lease=MINUTE, limit=100)
    assert any(each.kind is DeliveryKind.ALERT for each in owed)
