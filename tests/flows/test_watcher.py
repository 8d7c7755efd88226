"""Watching in this process, on memory ports, around a market that runs hundreds of times faster."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flows import live_session, watcher
from flows.adapters import utc_now
from flows.scoring import ScoreDesk
from flows.watcher import Watcher
from pipeline.domain.errors import FeedDownError
from pipeline.domain.live import LIVE, DecisionKind
from pipeline.domain.market import Timeframe
from pipeline.domain.watch import LiveRules, Watch
from pipeline.setups.rules import parse_setup
from tests.chaos.judge import expected_keys
from tests.kit.fast_market import OPENED, Anchor, FastMarket
from tests.kit.plain_services import LibrarySetups, plain_services
from tests.kit.scorers import Plain, deployed

SETUP = Path(__file__).parents[1] / "kit" / "every_engulfing_bar.yaml"
SPEC = parse_setup(SETUP.read_text(), SETUP.name)
START = OPENED + timedelta(hours=20)
MINUTE = timedelta(minutes=1)
SYMBOLS = ("EURUSD", "GBPUSD")
SPEED = 400.0  # a minute of the market lasts 0.15 s
API = "http://127.0.0.1:9/api"  # nobody listens there


class Shaky(FastMarket):
    """The market, which can be cut off."""

    down = False

    async def clock(self, now):
        if self.down:
            raise FeedDownError("The market does not answer.")
        return await super().clock(now)


@asynccontextmanager
async def watching(home, **settings):
    """A watcher at work, its services and its market."""
    async with plain_services(home, scan_grace=0.0, scan_processes=0, **settings) as services:
        anchor = Anchor(market=START, wall=utc_now(), speed=SPEED, symbols=SYMBOLS, days=3, seed=3)
        market = Shaky(anchor)
        setups = LibrarySetups()
        setups.specs = {SPEC.setup_id: SPEC}
        services = replace(services, clock=utc_now, setups=setups, feed=market)
        wishes = Watch(
            chat_id=7, symbols=SYMBOLS, timeframes=(Timeframe.M5,), setups=(SPEC.setup_id,),
            weekend=True, max_per_hour=1000, max_per_minute=60,
        )  # fmt: skip
        await services.watches.put(wishes, START)
        await services.watches.put_rules(LiveRules(cooldown_minutes=0), START)
        one = Watcher(services)
        keeping = asyncio.create_task(one.keep())
        try:
            yield one, services, market
        finally:
            await one.stop()
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


async def scanned_up_to(services, least=None, seconds=60):
    """Wait until both symbols are scanned up to there; up to where they are."""
    async with asyncio.timeout(seconds):
        while True:
            marks = (await services.scans.scanned(LIVE)).values()
            if len(marks) == len(SYMBOLS) and (least is None or min(marks) >= least):
                return min(marks)
            await asyncio.sleep(0.02)


async def compare(services, market, since):
    """The keys that a backtest knows and those that are kept, both after `since`."""
    expected = await expected_keys(SPEC, market._bars, services, since)
    rows = await services.signals.newest(10_000, LIVE)
    return expected, [row.key for row in rows if row.signal.known_at > since]


async def test_what_is_watched_is_what_the_backtest_finds(tmp_path):
    async with watching(tmp_path) as (one, services, market):
        since = await scanned_up_to(services)
        await scanned_up_to(services, since + 60 * MINUTE)
        await one.stop()
        facts = one.facts()
        assert not facts.active
        expected, kept = await compare(services, market, since)
        assert len(expected) > 3
        assert sorted(kept) == sorted(expected)


async def test_an_outage_is_made_up_for(tmp_path):
    async with watching(tmp_path) as (one, services, market):
        since = await scanned_up_to(services)
        market.down = True
        async with asyncio.timeout(30):
            while one.facts().feed_down_since is None:
                await asyncio.sleep(0.02)
        await asyncio.sleep(20 * 0.15)  # twenty of its minutes
        market.down = False
        await scanned_up_to(services, since + 60 * MINUTE)
        assert one.facts().feed_down_since is None
        await one.stop()
        expected, kept = await compare(services, market, since)
        assert sorted(kept) == sorted(expected)


@pytest.mark.parametrize("trouble", ["hangs", "fails"])
async def test_prefect_at_the_door_holds_up_no_scan(tmp_path, monkeypatch, trouble):
    asked = []

    async def enter(appointment):
        asked.append(appointment.name)
        if trouble == "hangs":
            await asyncio.sleep(3600)
        return False

    monkeypatch.setattr(watcher, "enter", enter)
    async with watching(tmp_path, prefect_api_url=API) as (one, services, market):
        since = await scanned_up_to(services)
        await scanned_up_to(services, since + 30 * MINUTE)
        await one.stop()
        expected, kept = await compare(services, market, since)
        assert sorted(kept) == sorted(expected)
    # One that has just failed is left alone for a while.
    assert len(asked) == 1 if trouble == "fails" else len(asked) > 1


async def test_a_scan_by_hand_is_one_of_our_own_turn_only(tmp_path):
    async with watching(tmp_path) as (one, services, _):
        await scanned_up_to(services)
        report = await one.scan_now()
        assert report is not None and report.trigger == "manual"
        assert not report.failed
        await one.stop()
        assert await one.scan_now() is None


async def test_a_promotion_counts_from_the_next_scan_and_holds_up_none(tmp_path, monkeypatch):
    monkeypatch.setattr(live_session, "ScoreDesk", lambda s: ScoreDesk(s, load=Plain))
    async with watching(tmp_path) as (one, services, _):
        since = await scanned_up_to(services)
        before = await scanned_up_to(services, since + 30 * MINUTE)
        await deployed(services, "v1.0")
        after = await scanned_up_to(services, before + 2 * MINUTE)
        await scanned_up_to(services, after + 60 * MINUTE)
        await one.stop()
        rows = await services.signals.newest(10_000, LIVE)
    asked = {row.model for row in rows if row.signal.known_at <= before}
    assert asked == {""}
    later = [row for row in rows if row.signal.known_at > after]
    assert later
    assert {row.model for row in later} == {"v1.0"}
    # Without a vector the model gives no score, and a person decides what the rules approve.
    assert {row.decision.decision for row in later} == {DecisionKind.REVIEW_REQUIRED}
