"""One symbol scanned live, all setups at once, says at each close what a backtest says of it."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from pipeline.detectors import base, get
from pipeline.domain.bars import bar_frame
from pipeline.domain.errors import BadBarsError
from pipeline.domain.market import Timeframe
from pipeline.live.scanning import PAUSED, SymbolScan, m1_bars_needed
from pipeline.setups.live import LiveSetup
from tests.kit.live_days import SETUPS, backtested, said, thin
from tests.kit.setups import LIBRARY, TOY, random_bars

MINUTE = timedelta(minutes=1)
DAYS = 26


@pytest.fixture(scope="module")
def market():
    rng = np.random.default_rng(23)
    return thin(random_bars(rng, Timeframe.M1, DAYS), rng)


def test_live_is_the_backtest_however_the_bars_come(market):
    rng = np.random.default_rng(3)
    first = len(market) - 3000 - int(rng.integers(0, 1000))
    scan = SymbolScan(TOY, SETUPS)
    scan.seed(market[:first])
    scanned, row = [], first
    while row < len(market):
        step = int(rng.choice([1, 1, 2, 9, 150]))
        scanned += scan.advance(market[row : row + step].reset_index(drop=True))
        row += step
    pairs = [pair for one in scanned for pair in one.signals]
    assert said(pairs) == said(backtested(market, first, len(market) - 1, TOY))
    assert len(pairs) > 5
    assert all(s.known_at == one.close for one in scanned for s, _ in one.signals)
    closes = [one.close for one in scanned]
    assert closes == sorted(closes)


def test_by_the_clock_a_signal_comes_at_its_close_although_the_last_minutes_had_no_trade(market):
    rows = range(len(market) - 2500, len(market))
    opens = {market["open_time"].iloc[r].to_pydatetime(): r for r in rows}
    start, end = min(opens), max(opens) + MINUTE
    scan = SymbolScan(TOY, SETUPS)
    scan.seed(market[: rows[0]], until=start)
    pairs, before_their_bar, at = [], 0, start
    while at < end:
        row = opens.get(at)
        bars = market[:0] if row is None else market[row : row + 1]
        for one in scan.advance(bars, until=at + MINUTE):
            assert one.close == at + MINUTE
            pairs += one.signals
            before_their_bar += row is None and len(one.signals)
        at += MINUTE
    assert said(pairs) == said(backtested(market, rows[0], rows[-1], TOY))
    assert before_their_bar > 0, "signals that would have come late"


def test_a_bar_that_comes_after_its_time_has_the_longer_bar_asked_again(market):
    live = LiveSetup(LIBRARY["Asia_fvg_break_v2"], Timeframe.M5, TOY)
    hours = [
        r for r in range(len(market) - 3000, len(market) - 5)
        if live.is_due(*_five(market, r)) and market["open_time"].iloc[r].minute % 5 == 0
        and market["open_time"].iloc[r + 1].minute % 5 == 1
    ]  # fmt: skip
    row = hours[0]
    scan = SymbolScan(TOY, [(live.spec, live.trigger)])
    scan.seed(market[:row])
    close = market["open_time"].iloc[row].to_pydatetime() + 5 * MINUTE
    first = scan.advance(market[row : row + 1], until=close)
    again = scan.advance(market[row + 1 : row + 2])
    assert [e.close for one in first for e in one.evaluations] == [close]
    assert [e.close for one in again for e in one.evaluations] == [close]
    held = scan.window(Timeframe.M5, 1)["close"].iloc[0]
    assert held == market["close"].iloc[row + 1]


def _five(market, row):
    opened = market["open_time"].iloc[row].floor("5min").to_pydatetime()
    return opened, opened + 5 * MINUTE


def test_paused_setups_that_read_the_clock_rest_and_say_so(market):
    first = len(market) - 1500
    scan = SymbolScan(TOY, SETUPS)
    scan.seed(market[:first])
    scanned = scan.advance(market[first:].reset_index(drop=True), paused=True)
    evaluations = [e for one in scanned for e in one.evaluations]
    assert {e.reason for e in evaluations} == {PAUSED}
    assert not [one.signals for one in scanned if one.signals]


def test_a_setup_that_fails_says_so_and_the_others_go_on(market, monkeypatch):
    first = len(market) - 1200

    def faulty(*_given):
        raise ZeroDivisionError("in the initial balance")

    scanned = []
    for detect in (get("initial_balance").detect, faulty):
        planted = replace(get("initial_balance"), detect=detect)
        monkeypatch.setitem(base._REGISTRY, planted.name, planted)
        scan = SymbolScan(TOY, SETUPS)
        scan.seed(market[:first])
        scanned.append(scan.advance(market[first:].reset_index(drop=True)))
    failures = 0
    for whole, partly in zip(*scanned, strict=True):
        theirs = [e for e in whole.evaluations if e.setup_id != "IB_raid_v1"]
        assert theirs == [e for e in partly.evaluations if e.setup_id != "IB_raid_v1"]
        ours = [e for e in partly.evaluations if e.setup_id == "IB_raid_v1"]
        assert all(e.reason.startswith("failed: ZeroDivisionError") for e in ours)
        assert len(partly.failed) == len(ours)
        assert whole.failed == ()
        failures += len(ours)
    assert failures > 50


def test_a_new_bar_costs_a_window_however_long_the_history_was(market, monkeypatch):
    known, seen = get("initial_balance"), []

    def counting(bars, *more):
        seen.append(len(bars))
        return known.detect(bars, *more)

    planted = replace(known, detect=counting)
    monkeypatch.setitem(base._REGISTRY, planted.name, planted)
    first, costs = len(market) - 1200, []
    deepest = max(SymbolScan(TOY, SETUPS)._depths().values())
    for history in (market[first // 3 : first], market[:first]):
        scan = SymbolScan(TOY, SETUPS)
        scan.seed(history)
        seen.clear()
        scan.advance(market[first:].reset_index(drop=True))
        costs.append(list(seen))
    assert len(costs[0]) == len(costs[1]) > 0
    assert max(costs[0]) == max(costs[1])
    assert max(costs[1]) <= deepest < first, (max(costs[1]), deepest, first)


def test_the_seed_it_asks_for_is_enough(market):
    setups, first, said_by = SETUPS[:9], len(market) - 600, []
    needed = m1_bars_needed(setups)
    assert m1_bars_needed([]) == 1
    assert needed < first
    for seed in (market[first - needed : first], market[:first]):
        scan = SymbolScan(TOY, setups)
        scan.seed(seed)
        scanned = scan.advance(market[first:].reset_index(drop=True))
        said_by.append([(one.close, one.evaluations, said(one.signals)) for one in scanned])
    assert said_by[0] == said_by[1]


def test_what_is_held(market):
    scan = SymbolScan(TOY, SETUPS)
    assert scan.last_open is None
    assert scan.advance(market[:0]) == []
    scan.seed(market[:2000])
    assert scan.last_open == market["open_time"].iloc[1999]
    assert set(scan.timeframes) >= {Timeframe.M1, Timeframe.M5, Timeframe.M15}
    last = scan.window(Timeframe.M1, 300)
    pd.testing.assert_frame_equal(last, market[1700:2000].reset_index(drop=True))
    with pytest.raises(BadBarsError, match="held already"):
        scan.advance(market[1999:2001])
    frame = bar_frame(market["open_time"][:0], Timeframe.M1, np.empty((0, 4)))
    assert scan.advance(frame) == []
