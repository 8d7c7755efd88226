"""Upkeep of live watching: bars seen live reach the bar store once, what is old of the scan log goes, by day."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from flows.chores import CHORES
from flows.live_upkeep import forget_scans, keep_scan_log, merge_live_bars
from pipeline.domain.bars import fingerprint
from pipeline.domain.errors import StoreDownError
from pipeline.domain.live import LIVE, LiveScanReport
from pipeline.domain.market import Timeframe
from storage.live_ports import ScanRecord
from storage.memory_bars import MemoryBarStore
from tests.contract.test_scans import some_bars
from tests.kit.stored_services import stored_services

M1 = Timeframe.M1
DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
NOON = MIDNIGHT + timedelta(hours=12)


class Failing(MemoryBarStore):
    """A bar store that can't write one symbol while `broken`."""

    broken = "GBPUSD"

    async def merge(self, symbol, timeframe, bars, *, source, now):
        if symbol == self.broken:
            raise StoreDownError("the disk is full")
        return await super().merge(symbol, timeframe, bars, source=source, now=now)


@pytest.fixture(params=["memory", "sqlite"])
def url(request):
    return None if request.param == "memory" else request.getfixturevalue("sqlite_url")


@pytest.fixture
async def services(url, tmp_path):
    async with stored_services(tmp_path, url) as made:
        yield made


async def see(services, bars, now=NOON, origin=LIVE, symbol="GBPUSD"):
    report = LiveScanReport(
        run_id="live_1", origin=origin, trigger_time=now, execution_time_sec=0.1
    )
    await services.scans.record(ScanRecord(report, {symbol: bars}, {symbol: now}), now)


async def held(services, symbol="GBPUSD"):
    return await services.bars.read(symbol, M1)


def sources(holdings, symbol="GBPUSD"):
    return {h.timeframe: h.sources for h in holdings if h.symbol == symbol}


class TestMerging:
    async def test_days_that_are_over(self, services):
        bars = some_bars(2 * 1440, MIDNIGHT - DAY)
        await see(services, bars)
        merged = await merge_live_bars(services, NOON)
        assert (merged.added, merged.failed) == ({"GBPUSD": 1440}, {})
        kept = await held(services)
        assert fingerprint(kept) == fingerprint(bars[bars["open_time"] < MIDNIGHT])
        assert sources(await services.bars.holdings()) == {"M1": ("live",)}

    async def test_again_adds_nothing_and_today_can_be_asked_for(self, services):
        await see(services, some_bars(10, MIDNIGHT - 5 * M1.delta))
        assert (await merge_live_bars(services, NOON)).added == {"GBPUSD": 5}
        assert (await merge_live_bars(services, NOON)).added == {"GBPUSD": 0}
        assert (await merge_live_bars(services, NOON, today=True)).added == {"GBPUSD": 5}

    async def test_what_is_held_stays_as_it_is(self, services):
        start = MIDNIGHT - DAY
        imported = some_bars(4, start + 2 * M1.delta, price=1.3)
        await services.bars.merge("GBPUSD", M1, imported, source="file", now=NOON)
        await see(services, some_bars(10, start))
        assert (await merge_live_bars(services, NOON)).added == {"GBPUSD": 6}
        kept = await held(services)
        assert kept["open"].round(1).tolist() == [1.1, 1.1, 1.3, 1.3, 1.3, 1.3, 1.1, 1.1, 1.1, 1.1]

    async def test_made_up_bars_make_way(self, services):
        start = MIDNIGHT - DAY
        made = some_bars(5, start, price=9.0)
        await services.bars.merge("GBPUSD", M1, made, source="SYNTHETIC", now=NOON)
        bars = some_bars(3, start + M1.delta)
        await see(services, bars)
        await merge_live_bars(services, NOON)
        assert fingerprint(await held(services)) == fingerprint(bars)
        assert not any(h.synthetic for h in await services.bars.holdings() if h.symbol == "GBPUSD")

    async def test_nothing_of_made_up_bars_goes_while_nothing_was_seen(self, services):
        made = some_bars(5, MIDNIGHT - DAY)
        await services.bars.merge("GBPUSD", M1, made, source="SYNTHETIC", now=NOON)
        await see(services, some_bars(3, MIDNIGHT))  # of today
        await merge_live_bars(services, NOON)
        assert len(await held(services)) == 5

    async def test_a_replays_bars_stay_out(self, services):
        await see(services, some_bars(3, MIDNIGHT - DAY), origin="live_9")
        assert (await merge_live_bars(services, NOON)).added == {}
        assert (await merge_live_bars(services, NOON, origin="live_9")).added == {"GBPUSD": 3}

    async def test_one_that_fails_holds_up_no_other(self, services):
        object.__setattr__(services, "bars", Failing())
        for symbol in ("AUDUSD", "GBPUSD", "USDJPY"):
            await see(services, some_bars(3, MIDNIGHT - DAY), symbol=symbol)
        merged = await merge_live_bars(services, NOON)
        assert merged.added == {"AUDUSD": 3, "USDJPY": 3}
        assert merged.failed == {"GBPUSD": "the disk is full"}


class TestEachDay:
    async def test_once_an_hour_after_midnight(self, services):
        await see(services, some_bars(3, MIDNIGHT - DAY))
        assert await keep_scan_log(services, MIDNIGHT + timedelta(minutes=59))
        assert not await keep_scan_log(services, MIDNIGHT + timedelta(minutes=59))
        assert await keep_scan_log(services, MIDNIGHT + timedelta(hours=1))
        assert not await keep_scan_log(services, NOON)
        assert await keep_scan_log(services, NOON + DAY)
        assert len(await held(services)) == 3

    async def test_bars_that_came_late_are_still_found(self, services):
        await see(services, some_bars(3, MIDNIGHT - DAY))
        await keep_scan_log(services, NOON)
        await see(services, some_bars(9, MIDNIGHT - DAY))
        await keep_scan_log(services, NOON + DAY)
        assert len(await held(services)) == 9

    async def test_what_failed_is_made_up_for(self, services):
        store = Failing()
        object.__setattr__(services, "bars", store)
        await see(services, some_bars(3, MIDNIGHT - DAY))
        tries = [await keep_scan_log(services, NOON + n * timedelta(hours=1)) for n in range(5)]
        assert tries == [False] * 5
        store.broken = ""
        assert not await keep_scan_log(services, NOON + timedelta(hours=6))  # enough for a day
        assert await keep_scan_log(services, NOON + 5 * DAY)
        assert len(await held(services)) == 3

    async def test_what_is_old_is_forgotten_after_it_was_merged(self, services):
        bars = some_bars(3, MIDNIGHT - DAY)
        await see(services, bars)
        assert services.settings.scan_log_days == 30
        assert await keep_scan_log(services, NOON + 30 * DAY)
        assert len(await services.scans.bars(LIVE, "GBPUSD")) == 3
        assert await forget_scans(services, NOON + 31 * DAY)
        assert len(await services.scans.bars(LIVE, "GBPUSD")) == 0
        assert await services.scans.symbols(LIVE) == []
        assert len(await held(services)) == 3

    def test_the_scanner_does_it(self):
        assert keep_scan_log in [chore for chore, _ in CHORES]


async def test_a_weekend_is_no_day_of_its_own(services):
    friday = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
    parts = some_bars(60, friday), some_bars(60, friday + timedelta(days=2, hours=1))
    await see(services, pd.concat(parts, ignore_index=True), now=friday)
    assert (await merge_live_bars(services, friday + 3 * DAY)).added == {"GBPUSD": 120}
