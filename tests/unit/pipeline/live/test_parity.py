"""Real days scanned live equal the backtest; each planted difference is found and named right."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from pipeline.data.minutes import as_minutes
from pipeline.domain.live import DecisionKind
from pipeline.domain.market import Timeframe
from pipeline.live.certificate import (
    BarsCompared,
    Cause,
    Compared,
    Facts,
    explained,
    verdict_of,
)
from pipeline.live.parity import compare
from pipeline.setups.rules import parse_setup
from tests.kit.parity_days import MINUTE, LiveDay
from tests.kit.real_bars import real_bars
from tests.kit.setups import EURUSD, GER40, LIBRARY

KIT = Path(__file__).parents[3] / "kit"
OFTEN = parse_setup((KIT / "every_engulfing_bar.yaml").read_text(), "every_engulfing_bar.yaml")
M1, M5, M15 = Timeframe.M1, Timeframe.M5, Timeframe.M15


@pytest.fixture(scope="module")
def minutes():
    bars, _ = real_bars("eurusd_m1_mt5_2020")
    return bars


def eurusd(minutes, setups=((OFTEN, M5),), day="2020-10-07", hours=6, **given):
    start = pd.Timestamp(f"{day} 06:00", tz="UTC").to_pydatetime()
    wanted = minutes[minutes["open_time"] >= pd.Timestamp(start) - pd.Timedelta(days=30)]
    return LiveDay(
        "EURUSD", EURUSD, tuple(setups), wanted.reset_index(drop=True), start,
        start + timedelta(hours=hours), **given,
    ).live()  # fmt: skip


IN_ORDER = Facts()


def lines(day, facts=IN_ORDER, **more):
    found = compare(day.day(**more))
    told = [explained(c, facts) for c in found.signals]
    return found, [line for line in told if line is not None]


@pytest.mark.parametrize("day", ["2020-10-01", "2020-10-07", "2020-10-14"])
def test_a_real_day_of_eurusd_is_identical(minutes, day):
    everything = [(s, t) for s in LIBRARY.values() for t in (M1, M5, M15)] + [(OFTEN, M1)]
    live = eurusd(minutes, everything, day)
    found, told = lines(live)
    assert told == []
    assert len(found.signals) == len(live.signals) > 50
    assert len({c.setup_id for c in found.signals}) > 1
    assert all(c.said and c.identical and c.on_held for c in found.signals)
    assert found.bars == BarsCompared(
        symbol="EURUSD", seen=len(live.seen), held=len(live.seen), missing=(), gone=(), revised=()
    )


@pytest.mark.parametrize("day", ["2025-03-10", "2025-10-27", "2025-07-01"])
def test_a_real_day_of_ger40_is_identical(day):
    bars, tf = real_bars("ger40_m5_2025")
    start = pd.Timestamp(day, tz="UTC").to_pydatetime()
    near = bars[
        (bars["open_time"] >= pd.Timestamp(start) - pd.Timedelta(days=60))
        & (bars["open_time"] < pd.Timestamp(start) + pd.Timedelta(days=1))
    ].reset_index(drop=True)
    pairs = (*((s, t) for s in LIBRARY.values() for t in (M5, M15)), (OFTEN, M5))
    live = LiveDay(
        "GER40", GER40, pairs, as_minutes(near, tf), start, start + timedelta(days=1)
    ).live()
    found, told = lines(live)
    assert told == []
    assert len(found.signals) == len(live.signals) > 20
    assert {c.setup_id for c in found.signals} & set(LIBRARY)


def at(day, number, minute):
    """The open of a minute of the bar at whose close a signal of a healthy day was known."""
    signal = day.signals[number].signal
    return signal.known_at - signal.tf.delta + minute * MINUTE


def without(opened):
    return lambda bars: bars[bars["open_time"] != opened]


def revised(opened, **figures):
    def change(bars):
        row = bars["open_time"] == opened
        for name, by in figures.items():
            bars.loc[row, name] += by
        return bars

    return change


def test_a_gap_of_the_feed_is_found_and_named(minutes):
    healthy = eurusd(minutes)
    opened = at(healthy, 5, 4)
    live = eurusd(minutes, got=without(opened))
    found, told = lines(live)
    assert found.bars.missing == (opened,)
    assert not found.bars.revised and not found.bars.gone
    assert told
    assert {line.cause for line in told} == {Cause.FEED_GAP}
    assert all("never got" in line.because for line in told)
    assert {line.known_at for line in told} >= {
        s.signal.known_at
        for s in healthy.signals
        if s.signal.known_at not in {x.signal.known_at for x in live.signals}
    }
    assert sum(c.identical for c in found.signals) == len(found.signals) - len(told)


def test_a_revised_bar_is_found_and_named(minutes):
    healthy = eurusd(minutes)
    opened = at(healthy, 5, 4)
    live = eurusd(minutes, got=revised(opened, close=-0.004, low=-0.004))
    found, told = lines(live)
    assert found.bars.revised == (opened,)
    assert not found.bars.missing
    assert told
    assert {line.cause for line in told} == {Cause.REVISED_BAR}


def test_a_bar_that_is_gone_counts_as_revised(minutes):
    healthy = eurusd(minutes)
    live = replace(healthy, signals=list(healthy.signals))
    opened = at(healthy, 5, 4)
    live.held = healthy.held[healthy.held["open_time"] != opened].reset_index(drop=True)
    found, told = lines(live)
    assert found.bars.gone == (opened,)
    assert {line.cause for line in told} == {Cause.REVISED_BAR}


def test_gap_and_revision_together_are_told_apart_by_putting_one_right_at_a_time(minutes):
    healthy = eurusd(minutes, hours=14)
    gap, change = at(healthy, 5, 4), at(healthy, 18, 4)
    assert change > gap + timedelta(minutes=30)

    def both(bars):
        return revised(change, close=-0.004, low=-0.004)(without(gap)(bars))

    found, told = lines(eurusd(minutes, hours=14, got=both))
    assert (found.bars.missing, found.bars.revised) == ((gap,), (change,))
    early = {line.cause for line in told if line.known_at < change}
    assert early == {Cause.FEED_GAP}
    assert Cause.REVISED_BAR in {line.cause for line in told if line.known_at > change}


def test_a_bar_that_came_after_its_close_was_asked_is_named(minutes):
    """Live found a signal in what it had at the close; the whole bar says something else."""
    healthy = eurusd(minutes)
    known = {s.signal.known_at for s in healthy.signals}
    for close in pd.date_range(healthy.start, healthy.end, freq="5min"):
        opened = (close - pd.Timedelta(minutes=1)).to_pydatetime()
        live = eurusd(minutes, late={opened: 1})
        if {s.signal.known_at for s in live.signals} - known:
            break
    found, told = lines(live)
    assert [line.cause for line in told if line.signal_id] == [Cause.LATE_BAR]
    (line,) = [line for line in told if line.signal_id]
    assert f"{opened:%H:%M}" in line.because
    assert "the backtest has no such signal" in line.what or ":" in line.what
    assert not found.bars.missing and not found.bars.revised


def test_a_signal_found_when_it_was_stale_is_named_by_what_held_it_up(minutes):
    healthy = eurusd(minutes)
    signal = healthy.signals[5].signal
    closes = frozenset(signal.known_at + n * MINUTE for n in range(12))
    found, told = lines(eurusd(minutes, scanless=closes), Facts(scanned=False))
    (line,) = [line for line in told if line.known_at == signal.known_at]
    assert (line.cause, line.what) == (Cause.SCAN_MISSED, "found too late to be told")
    bars = {at(healthy, 5, 4): 12}
    found, told = lines(eurusd(minutes, late=bars), Facts(scanned=True))
    (line,) = [line for line in told if line.known_at == signal.known_at]
    assert (line.cause, line.what) == (Cause.LATE_BAR, "found too late to be told")
    assert all(c.on_held for c in found.signals)


def test_a_signal_that_live_lost_is_named_by_the_trail_or_is_an_alarm(minutes):
    live = eurusd(minutes)
    lost = live.signals.pop(5)
    cases = (
        (Facts(asked=False, scanned=False), Cause.SCAN_MISSED, "no scan at that close"),
        (Facts(asked=False, scanned=False, failed="feed down"), Cause.SCAN_MISSED, "feed down"),
        (Facts(paused=True), Cause.PAUSED, "clock"),
        (Facts(changed=True), Cause.RULES_CHANGED, "v1.0"),
        (Facts(), Cause.UNEXPLAINED, "please report"),
    )
    for facts, cause, because in cases:
        _, (line,) = lines(live, facts)
        assert (line.cause, line.known_at, line.signal_id) == (cause, lost.signal.known_at, "")
        assert because in line.because
        assert line.what == "live said nothing"
    _, told = lines(live, Facts(asked=False, watched=False))
    assert told == [], "what nobody watched is no difference"
    assert verdict_of([line], recorded=True, failed=False) == "alarm"


def test_prices_confidence_and_trace_that_differ_are_an_alarm(minutes):
    healthy = eurusd(minutes)
    kept = healthy.signals[3]
    s, plan = kept.signal, kept.plan
    step = s.trace[0].model_copy(update={"price_low": s.trace[0].price_low - 0.001})
    others = (
        (s.model_copy(update={"confidence": 0.123}), plan, "signal.confidence"),
        (s.model_copy(update={"trace": (step, *s.trace[1:])}), plan, "signal.trace.0.price_low"),
        (s, plan.model_copy(update={"sl_price": plan.sl_price - 0.001}), "plan.sl_price"),
        (s.model_copy(update={"entry_price": s.entry_price + 1e-5}), plan, "signal.entry_price"),
    )
    for signal, order, field in others:
        healthy.signals[3] = kept.model_copy(update={"signal": signal, "plan": order})
        _, (line,) = lines(healthy)
        assert line.cause is Cause.UNEXPLAINED
        assert line.what.startswith(f"{field}: live ")
        assert line.signal_id == kept.signal_id
    drift = s.model_copy(update={"entry_price": s.entry_price * (1 + 1e-12), "run_id": "live_x"})
    healthy.signals[3] = kept.model_copy(update={"signal": drift})
    assert lines(healthy)[1] == [], "nine digits"


def test_another_version_is_named(minutes):
    live = eurusd(minutes)
    older = live.signals[3].signal.model_copy(update={"rule_version": "0.9", "confidence": 0.1})
    live.signals[3] = live.signals[3].model_copy(update={"signal": older})
    _, (line,) = lines(live)
    assert line.cause is Cause.RULES_CHANGED
    assert line.because == "live had v0.9, compared with v1.0"


def test_without_held_bars_live_is_compared_on_what_it_saw(minutes):
    live = eurusd(minutes, got=without(at(eurusd(minutes), 5, 4)))
    found, told = lines(live, held=False)
    assert told == []
    assert found.bars.held is None
    assert all(c.on_held is None for c in found.signals)
    live.signals.pop(2)
    assert [line.cause for line in lines(live, held=False)[1]] == [Cause.UNEXPLAINED]


def test_too_little_history_is_said(minutes):
    live = eurusd(minutes, [(LIBRARY["IB_raid_v1"], M1)], hours=1)
    live.history = live.history.tail(3000).reset_index(drop=True)
    (note,) = compare(live.day()).notes
    assert note.startswith("EURUSD IB_raid_v1 M1: less is held before it")


def test_the_verdict():
    compared = Compared(
        setup_id="x", symbol="EURUSD", tf=M5, side="long", known_at="2025-03-10T10:00:00Z",
        on_seen=True, on_held=False, healed=(Cause.FEED_GAP,),
    )  # fmt: skip
    line = explained(compared, Facts())
    assert verdict_of([], recorded=False, failed=False) == "nothing"
    assert verdict_of([], recorded=True, failed=False) == "identical"
    assert verdict_of([line], recorded=True, failed=False) == "explained"
    assert verdict_of([], recorded=True, failed=True) == "alarm"
    late = compared.model_copy(update={"on_held": True, "late": True, "signal_id": "sig_live_1"})
    assert not late.identical
    assert explained(late, Facts()).cause is Cause.LATE_BAR
    assert DecisionKind.LATE == "late"
