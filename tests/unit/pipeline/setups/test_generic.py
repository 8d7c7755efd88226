"""What must hold of every setup there is, whatever it trades."""

from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.clean import resample
from pipeline.domain.bars import empty_bars, validate_bars
from pipeline.domain.market import Timeframe
from pipeline.domain.trade import EntryType
from pipeline.setups.engine import Overrides, detect, find_signals, frames_for
from pipeline.setups.rules import parse_setup
from tests.kit.real_bars import real_bars
from tests.kit.setups import EURUSD, GER40, TOY, doubled, every_reading, random_bars, signals_of

READINGS = every_reading()
NAMES = [f"{s.setup_id}{'+' if s.use else ''}{i}" for i, s in enumerate(READINGS)]
each = pytest.mark.parametrize("spec", READINGS, ids=NAMES)


@cache
def eurusd(timeframe, days=80):
    bars, source = real_bars("eurusd_m1_histdata_2024H1")
    until = bars["open_time"].iloc[0] + timedelta(days=days)
    kept = bars[bars["open_time"] < until].reset_index(drop=True)
    return resample(kept, source, timeframe)


@cache
def ger40(timeframe):
    bars, source = real_bars("ger40_m5_2025")
    return resample(bars[:40_000], source, timeframe)


@cache
def toy(timeframe):
    days = 45 if timeframe is Timeframe.M1 else 90
    return random_bars(np.random.default_rng(7), timeframe, days)


def markets(spec):
    """Yield (bars, trigger, instrument) of random and real bars."""
    trigger = spec.timeframe
    yield toy(trigger), trigger, TOY
    yield eurusd(trigger), trigger, EURUSD
    slow = max(trigger, Timeframe.M5, key=lambda t: t.minutes)
    yield ger40(slow), slow, GER40


_FULL = {}


def full_run(spec, bars, trigger, instrument):
    """The whole history's signals, found once per reading and market."""
    key = (spec.setup_id, spec.use, trigger, instrument.symbol)
    if key not in _FULL:
        _FULL[key] = signals_of(bars, spec, trigger, instrument)
    return _FULL[key]


@each
def test_since_gives_the_tail_of_the_full_run(spec):
    bars, trigger, instrument = next(markets(spec))
    frames = frames_for(bars, trigger, spec)
    tools = detect(frames, spec, trigger, instrument)
    full = find_signals(frames, tools, spec, trigger, instrument)
    for signal in full.signals[::3]:
        for since in (signal.known_at, signal.known_at + timedelta(microseconds=1)):
            part = find_signals(frames, tools, spec, trigger, instrument, since=since)
            assert part.signals == [s for s in full.signals if s.known_at >= since]
            assert part.plans == [p for p in full.plans if p.known_at >= since]


def test_since_midnight_keeps_the_signal_of_the_bar_that_closes_then():
    """It belongs to the day that ends, as live scanning asks at each close."""
    file = Path(__file__).parents[3] / "kit" / "every_engulfing_bar.yaml"
    spec = parse_setup(file.read_text(), file.name)
    found = 0
    for seed in range(3):
        bars = random_bars(np.random.default_rng(seed), Timeframe.M5, 60)
        full = signals_of(bars, spec, Timeframe.M5, TOY)
        midnights = [
            s.known_at for s in full.signals if (s.known_at.hour, s.known_at.minute) == (0, 0)
        ]
        for since in midnights:
            part = signals_of(bars, spec, Timeframe.M5, TOY, since=since)
            assert part.signals == [s for s in full.signals if s.known_at >= since]
            found += 1
    assert found > 3


@each
def test_empty_and_one_bar(spec):
    for trigger in spec.timeframes:
        one = random_bars(np.random.default_rng(1), trigger, 6)[:1]
        for bars in (empty_bars(), validate_bars(one, trigger)):
            found = signals_of(bars, spec, trigger, TOY)
            assert (found.signals, found.plans) == ([], [])
            assert [f.step for f in found.funnel] == [*(s.name for s in spec.steps), "signal"]


@each
def test_doubled_prices_double_the_plans(spec):
    bars, trigger, instrument = next(markets(spec))
    twice = bars.copy()
    twice[["open", "high", "low", "close", "spread"]] *= 2
    one = full_run(spec, bars, trigger, instrument)
    two = signals_of(twice, spec, trigger, doubled(instrument))
    assert len(one.plans) == len(two.plans)
    for p, q in zip(one.plans, two.plans, strict=True):
        assert q.entry_price == pytest.approx(2 * p.entry_price, rel=1e-12)
        assert q.sl_price == pytest.approx(2 * p.sl_price, rel=1e-12)
        assert [t.price for t in q.targets] == pytest.approx([2 * t.price for t in p.targets])
        assert (q.known_at, q.expires_at, q.flat_at) == (p.known_at, p.expires_at, p.flat_at)


@each
def test_plans_are_sane(spec):
    for bars, trigger, instrument in markets(spec):
        found = full_run(spec, bars, trigger, instrument)
        per_day: dict[tuple, int] = {}
        for signal, plan in zip(found.signals, found.plans, strict=True):
            way = signal.side.sign
            assert way * (plan.entry_price - plan.sl_price) > 0
            assert all(way * (t.price - plan.entry_price) > 0 for t in plan.targets)
            assert sum(t.share for t in plan.targets) == pytest.approx(1)
            assert plan.flat_at is not None
            assert plan.flat_at > plan.known_at
            assert (plan.expires_at is not None) == (plan.entry_type is EntryType.LIMIT)
            assert signal.trace[-1].kind == "entry"
            assert max(t.known_at for t in signal.trace) == signal.known_at == plan.known_at
            assert all(t.start <= t.known_at and t.price_low <= t.price_high for t in signal.trace)
            assert [t.step for t in signal.trace[:-1]] == [s.name for s in spec.steps]
            key = (signal.day, signal.side)
            per_day[key] = per_day.get(key, 0) + 1
        assert set(per_day.values()) <= {spec.limits.per_side_and_day}
        assert [s.known_at for s in found.signals] == sorted(s.known_at for s in found.signals)
        assert len({s.signal_id for s in found.signals}) == len(found.signals)


@each
def test_funnel_adds_up(spec):
    bars, trigger, instrument = next(markets(spec))
    found = full_run(spec, bars, trigger, instrument)
    assert found.funnel[-1].cases == len(found.signals)
    for earlier, later in zip(found.funnel, found.funnel[1:], strict=False):
        assert later.days <= earlier.days
        if all(s.take == "first" for s in spec.steps if s.name == later.step):
            assert later.cases + sum(later.lost.values()) >= earlier.cases
    one, last = found.funnel[-2:]
    assert last.cases + sum(last.lost.values()) == one.cases


@each
def test_overrides(spec):
    *_, (bars, trigger, instrument) = (m for m in markets(spec) if full_run(spec, *m).signals)
    plain = full_run(spec, bars, trigger, instrument)
    few = signals_of(bars, spec, trigger, instrument, overrides=Overrides(max_signals=2))
    assert few.signals == plain.signals[:2]
    rr = signals_of(bars, spec, trigger, instrument, overrides=Overrides(rr_target=3.0))
    for plan in rr.plans:
        risk = abs(plan.entry_price - plan.sl_price)
        assert abs(plan.targets[0].price - plan.entry_price) == pytest.approx(3 * risk)
    low = signals_of(bars, spec, trigger, instrument, quality=0.4)
    assert all(s.confidence <= 0.4 for s in low.signals)
