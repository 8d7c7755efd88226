"""ScanLog: one suite over memory, SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.bars import bar_frame, fingerprint, validate_bars
from pipeline.domain.live import LIVE, DecisionKind, Evaluation, LiveScanReport, ScanResult
from pipeline.domain.market import Timeframe
from storage.live_ports import ScanRecord
from storage.memory import MemoryScanLog

OPEN = datetime(2025, 3, 10, 8, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
M1, M5 = Timeframe.M1, Timeframe.M5


def some_bars(n: int, start: datetime = OPEN, price: float = 1.1) -> pd.DataFrame:
    times = pd.date_range(start, periods=n, freq="1min")
    prices = price + np.arange(n)[:, None] * 1e-5 + np.array([0, 2e-5, -2e-5, 1e-5])
    return bar_frame(times, M1, prices, np.arange(n, dtype=float), np.full(n, np.nan))


def report(at: datetime = OPEN, origin: str = LIVE, **more) -> LiveScanReport:
    return LiveScanReport(
        run_id=f"live_{at:%Y_%m_%d_%H%M%S}", origin=origin, trigger_time=at,
        execution_time_sec=0.4, **more,
    )  # fmt: skip


def said(
    close: datetime, step: str = "", *, reason: str = "", tf: Timeframe = M1, signals: int = 0,
    symbol: str = "EURUSD", setup: str = "Frank_raid_v1",
) -> Evaluation:  # fmt: skip
    return Evaluation(
        symbol=symbol,
        setup_id=setup,
        tf=tf,
        close=close,
        step=step,
        reason=reason,
        signals=signals,
    )


async def record(log, now=NOW, *, at=OPEN, origin=LIVE, bars=None, scanned=None, said=()):
    scan = ScanRecord(report(at, origin), bars or {}, scanned or {}, said)
    await log.record(scan, now)


class TestBars:
    async def test_they_come_back_bit_for_bit(self, stores):
        bars = some_bars(5)
        bars.loc[1, "spread"] = 3e-5
        await record(stores.scans(), bars={"EURUSD": bars})
        kept = validate_bars(await stores.scans().bars(LIVE, "EURUSD"), M1)
        assert fingerprint(kept) == fingerprint(bars)

    async def test_a_bar_stays_as_it_was_seen_first(self, stores):
        log = stores.scans()
        await record(log, bars={"EURUSD": some_bars(3)})
        await record(log, bars={"EURUSD": some_bars(5, price=1.2)})
        kept = await log.bars(LIVE, "EURUSD")
        assert kept["open"].round(1).tolist() == [1.1, 1.1, 1.1, 1.2, 1.2]

    async def test_a_part_of_them(self, stores):
        log = stores.scans()
        await record(log, bars={"EURUSD": some_bars(5)})
        part = await log.bars(LIVE, "EURUSD", OPEN + MINUTE, OPEN + 3 * MINUTE)
        assert part["open_time"].tolist() == [OPEN + MINUTE, OPEN + 2 * MINUTE]
        assert len(await log.bars(LIVE, "EURUSD", OPEN + 5 * MINUTE)) == 0
        assert len(validate_bars(await log.bars(LIVE, "GER40"), M1)) == 0

    async def test_origins_are_apart(self, stores):
        log = stores.scans()
        await record(log, bars={"EURUSD": some_bars(1)})
        await record(log, origin="live_9", bars={"GER40": some_bars(2), "EURUSD": some_bars(0)})
        assert await log.symbols(LIVE) == ["EURUSD"]
        assert await log.symbols("live_9") == ["GER40"]
        assert len(await log.bars("live_9", "EURUSD")) == 0


async def test_marks_never_go_back(stores):
    log = stores.scans()
    assert await log.scanned(LIVE) == {}
    await record(log, scanned={"EURUSD": OPEN + MINUTE, "GER40": OPEN})
    await record(log, scanned={"EURUSD": OPEN, "GER40": OPEN + MINUTE})
    await record(log, origin="live_9", scanned={"EURUSD": OPEN})
    assert await stores.scans().scanned(LIVE) == {"EURUSD": OPEN + MINUTE, "GER40": OPEN + MINUTE}


async def test_scans_newest_first(stores):
    log = stores.scans()
    result = ScanResult(signal_id="sig_live_001", symbol="GER40", setup="a", tf=M5,
                        decision=DecisionKind.APPROVED, confidence=0.8)  # fmt: skip
    full = report(
        OPEN, results=(result,), failed={"X": "late"}, steps={"feed": 0.1}, signals_found=1
    )
    await log.record(ScanRecord(full, {}, {}), NOW)
    for n in (2, 1):
        await record(log, at=OPEN + n * MINUTE)
    await record(log, at=OPEN, origin="live_9")
    found = await stores.scans().scans(LIVE, OPEN, OPEN + 3 * MINUTE)
    assert [each.trigger_time for each in found] == [OPEN + 2 * MINUTE, OPEN + MINUTE, OPEN]
    assert found[-1] == full
    assert len(await log.scans(LIVE, OPEN, OPEN + 3 * MINUTE, limit=2)) == 2
    assert [each.trigger_time for each in await log.scans(LIVE, OPEN, OPEN + MINUTE)] == [OPEN]


class TestEvaluations:
    async def ask(self, log, at, tf=M1, **line):
        symbol, setup = line.get("symbol", "EURUSD"), line.get("setup", "Frank_raid_v1")
        return await log.evaluation(line.get("origin", LIVE), symbol, setup, tf, at)

    async def test_the_last_close_up_to_a_moment(self, stores):
        log, words = stores.scans(), ["a", "a", "b", "a"]
        for n, step in enumerate(words):
            await record(stores.scans(), said=[said(OPEN + n * MINUTE, step, reason=f"r{step}")])
        assert await self.ask(log, OPEN - MINUTE) is None
        for n, step in enumerate(words):
            told = await self.ask(log, OPEN + n * MINUTE + timedelta(seconds=59))
            assert told == said(OPEN + n * MINUTE, step, reason=f"r{step}")
        assert (await self.ask(log, OPEN + 500 * MINUTE)).close == OPEN + 3 * MINUTE

    async def test_lines_are_apart(self, stores):
        log = stores.scans()
        await record(log, said=[said(OPEN, "a"), said(OPEN, "b", tf=M5), said(OPEN, "c", symbol="X"),
                                said(OPEN, "d", setup="other")])  # fmt: skip
        await record(log, origin="live_9", said=[said(OPEN, "e")])
        assert (await self.ask(log, OPEN)).step == "a"
        assert (await self.ask(log, OPEN, M5)).step == "b"
        assert (await self.ask(log, OPEN, symbol="X")).step == "c"
        assert (await self.ask(log, OPEN, setup="other")).step == "d"
        assert (await self.ask(log, OPEN, origin="live_9")).step == "e"
        assert await self.ask(log, OPEN, Timeframe.M15) is None

    async def test_a_day_says_nothing_of_the_day_before(self, stores):
        log, late = stores.scans(), OPEN.replace(hour=23, minute=59)
        await record(log, said=[said(late, "a")])
        assert await self.ask(log, late + MINUTE) is None
        await record(log, said=[said(late + MINUTE, "a")])
        assert (await self.ask(log, late + 2 * MINUTE)).close == late + MINUTE
        assert (await self.ask(log, late)).close == late

    async def test_a_gap_is_not_filled_with_words(self, stores):
        log = stores.scans()
        await record(log, said=[said(OPEN, "a"), said(OPEN + 5 * MINUTE, "a")])
        assert (await self.ask(log, OPEN + 4 * MINUTE)).close == OPEN

    async def test_what_was_said_first_of_a_close_stays(self, stores):
        log = stores.scans()
        await record(log, said=[said(OPEN, "a"), said(OPEN + MINUTE, "a", signals=1)])
        await record(stores.scans(), said=[said(OPEN, "x"), said(OPEN + MINUTE, "x")])
        assert (await self.ask(log, OPEN)).step == "a"
        assert (await self.ask(log, OPEN + MINUTE)).signals == 1

    async def test_many_closes_of_many_lines_at_once(self, stores):
        log = stores.scans()
        closes = [OPEN + n * MINUTE for n in range(30)]
        symbols = [f"S{n}" for n in range(10)]
        for part in (closes[:17], closes[17:]):
            await record(
                log, said=[said(c, f"{c.minute // 7}", symbol=s) for c in part for s in symbols]
            )
        for close in closes:
            assert (await self.ask(log, close, symbol="S7")).step == f"{close.minute // 7}"


async def test_prune_goes_by_when_a_thing_was_recorded(stores):
    log = stores.scans()
    for day in range(3):
        await record(
            log, NOW + timedelta(days=day), at=OPEN + day * MINUTE,
            bars={"EURUSD": some_bars(1, OPEN + day * MINUTE)}, scanned={f"S{day}": OPEN},
            said=[said(OPEN + 2 * day * MINUTE, f"{day}")],
        )  # fmt: skip
    assert await log.prune(NOW) == 0
    assert await log.prune(NOW + timedelta(days=1, hours=1)) == 8
    assert len(await log.bars(LIVE, "EURUSD")) == 1
    assert await log.scanned(LIVE) == {"S2": OPEN}
    assert len(await log.scans(LIVE, OPEN, OPEN + timedelta(days=1))) == 1
    line = LIVE, "EURUSD", "Frank_raid_v1", M1
    assert await log.evaluation(*line, OPEN + 3 * MINUTE) is None
    assert (await log.evaluation(*line, OPEN + 4 * MINUTE)).step == "2"


async def test_prune_of_more_than_goes_at_once(stores):
    log = stores.scans()
    await record(log, bars={"EURUSD": some_bars(4500)})
    assert await log.prune(NOW + MINUTE) == 4501
    assert await log.symbols(LIVE) == []


async def test_two_scanners_at_once_leave_one_truth(stores):
    logs = [stores.scans() for _ in range(2)]
    bars = {f"S{n}": some_bars(20) for n in range(5)}
    marks = dict.fromkeys(bars, OPEN + 20 * MINUTE)
    words = [said(OPEN, "a", symbol=name) for name in bars]
    await asyncio.gather(*(record(each, bars=bars, scanned=marks, said=words) for each in logs))
    assert await logs[0].scanned(LIVE) == marks
    for name in bars:
        assert len(await logs[0].bars(LIVE, name)) == 20
        assert (await logs[1].evaluation(LIVE, name, "Frank_raid_v1", M1, OPEN)).step == "a"


STRETCHES = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(["", "a", "b"]), st.integers(0, 1)), max_size=30
)


@given(STRETCHES, st.integers(1, 4))
def test_stretches_say_what_a_list_of_all_words_would(words, parts):
    """Whatever comes in whatever portions, each close answers with what was said first of it."""
    log = MemoryScanLog()
    plain: dict[datetime, Evaluation] = {}
    late = OPEN.replace(hour=23, minute=40)
    portions = np.array_split(np.arange(len(words)), parts)

    async def feed() -> None:
        newest = late - MINUTE
        for portion in portions:
            said_now = [
                said(late + words[i][0] * MINUTE, words[i][1], signals=words[i][2])
                for i in portion
            ]
            await record(log, said=said_now)
            for each in sorted(said_now, key=lambda e: e.close):
                if each.close > newest:
                    plain[each.close] = each
                    newest = each.close
        for n in range(45):
            at = late + n * MINUTE
            today = [c for c in plain if c <= at and c.date() == at.date()]
            told = await log.evaluation(LIVE, "EURUSD", "Frank_raid_v1", M1, at)
            assert told == (plain[max(today)] if today else None)

    asyncio.run(feed())


@pytest.mark.parametrize("origin", ["replay", LIVE])
async def test_an_empty_scan_is_a_scan(stores, origin):
    await record(stores.scans(), origin=origin)
    assert len(await stores.scans().scans(origin, OPEN, OPEN + MINUTE)) == 1
