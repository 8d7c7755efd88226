"""The engine on days made by hand: what fires, what spoils a case, what the ticket says."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from pipeline.data.clean import resample
from pipeline.detectors.base import bar_times
from pipeline.domain.bars import bar_frame
from pipeline.domain.events import Events
from pipeline.domain.market import Side, Timeframe
from pipeline.domain.trade import EntryType
from pipeline.setups.detecting import aligned, effective_timeframe, frames_for
from pipeline.setups.engine import Overrides
from pipeline.setups.rules import parse_setup
from tests.kit.setups import GER40, TEXTS, TOY, random_bars, signals_of

SWEEP = TEXTS["Asia_sweep_engulf_v1.yaml"]
BREAK = TEXTS["Asia_fvg_break_v2.yaml"]


def day_of(story, timeframe=Timeframe.M5, days=3, spread=0.0):
    """Return quiet days between 99 and 101; `story` maps the last day's HH:MM (UTC) to a bar."""
    start = pd.Timestamp("2025-01-13", tz="UTC")
    n = days * 24 * 60 // timeframe.minutes
    times = pd.date_range(start, periods=n, freq=f"{timeframe.minutes}min")
    wave = np.where(np.arange(n) % 2 == 0, 0.5, -0.5)
    prices = np.column_stack([100 - wave, np.full(n, 100.9), np.full(n, 99.1), 100 + wave])
    prices[:, 1:3] -= 0.0
    last = start + timedelta(days=days - 1)
    for clock, bar in story.items():
        at = times.get_loc(last + pd.Timedelta(f"{clock}:00"))
        prices[at] = bar
    return bar_frame(times, timeframe, prices, None, np.full(n, spread))


# open, high, low, close: the low 99.1 of Asia is swept at 08:30, engulfed at 08:50 UTC
SWEPT = {
    "08:30": (99.5, 99.6, 98.6, 98.8),
    "08:35": (98.8, 98.9, 98.4, 98.6),
    "08:40": (98.6, 98.8, 98.5, 98.7),
    "08:45": (98.7, 98.8, 98.5, 98.6),
    "08:50": (98.5, 99.6, 98.5, 99.5),
}
TINY = GER40.model_copy(update={"tick_size": 0.001, "point": 0.01, "digits": 3})


def sweep_day(text=SWEEP, story=SWEPT, **options):
    spec = parse_setup(text, "x")
    frame = day_of(story, spread=options.pop("spread", 0.0))
    return signals_of(frame, spec, Timeframe.M5, TINY, **options)


def test_a_sweep_and_an_engulfing_bar_make_one_long():
    found = sweep_day(spread=0.02)
    (signal,) = [s for s in found.signals if s.day == "2025-01-15"]
    plan = found.plans[found.signals.index(signal)]
    assert signal.side is Side.LONG
    assert signal.known_at == datetime(2025, 1, 15, 8, 55, tzinfo=UTC)
    assert signal.signal_id == "sig_20250115_001"
    assert plan.entry_type is EntryType.MARKET
    assert plan.entry_price == pytest.approx(99.5 + 0.02)
    atr = signal.context["volatility"]
    assert plan.sl_price == pytest.approx(98.4 - 0.1 * atr - 0.02)
    risk = plan.entry_price - plan.sl_price
    assert plan.targets[0].price == pytest.approx(plan.entry_price + 2 * risk)
    assert plan.flat_at == datetime(2025, 1, 15, 16, 25, tzinfo=UTC)
    assert [t.step for t in signal.trace] == ["range", "sweep", "engulf", "entry"]
    assert [t.kind for t in signal.trace] == ["range", "sweep", "pattern", "entry"]
    ranged, swept, _, entry = signal.trace
    values = swept.model_dump()["values"]
    assert (ranged.price_low, ranged.price_high) == (99.1, 100.9)
    assert swept.start == datetime(2025, 1, 15, 8, 30, tzinfo=UTC)
    assert values["level"] == 99.1
    assert values["opposite"] == 100.9
    assert not any(name.endswith("_bar") for name in values)
    assert entry.model_dump()["values"]["sl"] == plan.sl_price


def test_confidence_is_the_share_of_met_weights_capped_by_the_data():
    signal = sweep_day().signals[-1]
    met = [c for c in signal.confluences if c.met]
    assert signal.confidence == sum(c.weight for c in met) / 4
    assert signal.confidence > 0
    assert sweep_day(quality=0.1).signals[-1].confidence == 0.1
    bare = SWEEP[: SWEEP.index("confluences:")] + SWEEP[SWEEP.index("entry:") :]
    assert sweep_day(bare).signals[-1].confidence == 1.0


def test_the_stop_is_multiplied_and_the_target_overridden():
    one = sweep_day().plans[-1]
    two = sweep_day(SWEEP.replace("sl: 1.0", "sl: 2.0")).plans[-1]
    assert two.entry_price - two.sl_price == pytest.approx(2 * (one.entry_price - one.sl_price))
    five = sweep_day(overrides=Overrides(rr_target=5.0)).plans[-1]
    risk = five.entry_price - five.sl_price
    assert five.targets[0].price == pytest.approx(five.entry_price + 5 * risk)


def test_the_spread_comes_from_the_override_when_there_is_one():
    wide = sweep_day(overrides=Overrides(spread_points=10)).plans[-1]
    assert wide.entry_price == pytest.approx(99.5 + 0.1)


def test_what_is_seen_does_not_depend_on_what_trading_costs():
    """The sweep is measured with the recorded spread: an override changes the ticket alone."""
    plain, dear = (
        sweep_day(spread=0.02, overrides=o).signals[-1]
        for o in (Overrides(), Overrides(spread_points=60))
    )
    assert dear.trace[:-1] == plain.trace[:-1]
    assert dear.entry_price - plain.entry_price == pytest.approx(0.6 - 0.02)


def lost(found, step):
    return next(f.lost for f in found.funnel if f.step == step)


def test_the_funnel_says_why():
    late = {**SWEPT, "08:50": (98.6, 98.7, 98.5, 98.6)}
    found = sweep_day(story=late)
    assert "no engulfing bar back inside the range" in lost(found, "engulf")
    dear = sweep_day(SWEEP.replace("limits:", "limits:\n  min_r_spreads: 99"), spread=0.02)
    assert lost(dear, "signal") == {"R < 99 spreads": len(sweep_day(spread=0.02).signals)}
    quiet = sweep_day(story={})
    assert "no side swept by 11:00 London" in lost(quiet, "sweep")
    assert quiet.signals == []


def test_a_wide_spread_at_the_signal_is_a_void():
    frame = day_of(SWEPT, spread=0.02)
    at = frame.index[frame["close_time"] == pd.Timestamp("2025-01-15 08:55", tz="UTC")][0]
    frame.loc[at, "spread"] = 0.05
    rule = "voids:\n  - {name: spread over twice its median, spread_over_median: 2.0}\nlimits:"
    spec = parse_setup(SWEEP.replace("limits:", rule), "x")
    found = signals_of(frame, spec, Timeframe.M5, TINY)
    assert lost(found, "signal")["spread over twice its median"] == 1


def test_a_missing_session_is_counted_as_such():
    frame = day_of(SWEPT)
    asia = frame["open_time"].between("2025-01-15 01:00Z", "2025-01-15 03:00Z")
    found = signals_of(
        frame[~asia].reset_index(drop=True), parse_setup(SWEEP, "x"), Timeframe.M5, TINY
    )
    assert lost(found, "range") == {"range has missing bars": 1}
    assert all(s.day != "2025-01-15" for s in found.signals)


# M15: close above Asia's high 100.9 at 08:15, a gap 101.0–101.6 known at 08:30 UTC
BROKEN = {
    "08:00": (100.5, 101.0, 100.4, 100.8),
    "08:15": (100.8, 102.4, 100.7, 102.2),
    "08:30": (102.2, 102.9, 101.6, 102.7),
}


def break_day(text=BREAK, story=BROKEN, **options):
    spec = parse_setup(text, "x")
    frame = day_of(story, Timeframe.M15, days=12, spread=0.02)
    return signals_of(frame, spec, Timeframe.M15, TINY, **options)


def test_the_first_close_of_the_day_decides_the_side():
    """A close above at 08:15 without a gap: the gap below at 10:00 comes too late for the day."""
    free = BREAK[: BREAK.index("  - name: structure")] + BREAK[BREAK.index("confluences:") :]
    down = {
        "09:30": (99.5, 99.6, 99.0, 99.2),
        "09:45": (99.2, 99.3, 97.6, 97.8),
        "10:00": (97.8, 98.4, 97.1, 97.3),
    }
    up = {"08:15": (100.8, 101.1, 100.7, 101.0), "08:30": (101.0, 101.2, 99.4, 99.5)}
    last = datetime(2025, 1, 24, tzinfo=UTC)
    alone = [s.side for s in break_day(free, down).signals if s.known_at > last]
    assert alone == [Side.SHORT]
    assert [s for s in break_day(free, up | down).signals if s.known_at > last] == []
    each = free.replace("take: only ", "take: first ")
    late = [s.side for s in break_day(each, up | down).signals if s.known_at > last]
    assert late == [Side.SHORT]


def test_a_limit_waits_with_its_voids_and_dies_in_time():
    free = BREAK[: BREAK.index("  - name: structure")] + BREAK[BREAK.index("confluences:") :]
    found = break_day(free)
    plans = [p for p in found.plans if p.known_at > datetime(2025, 1, 24, tzinfo=UTC)]
    if not plans:
        pytest.fail(str(found.funnel))
    (plan,) = plans
    assert plan.known_at == datetime(2025, 1, 24, 8, 45, tzinfo=UTC)
    assert plan.entry_type is EntryType.LIMIT
    assert plan.entry_price == 101.6
    assert plan.void_close_below == 100.9
    assert plan.void_touch_below == 101.0
    assert plan.void_close_above is None
    assert plan.void_touch_above is None
    assert plan.expires_at == plan.known_at + timedelta(minutes=8 * 15)
    late = break_day(free.replace("expiry_bars: 8", "expiry_bars: 80")).plans[-1]
    assert late.expires_at == datetime(2025, 1, 24, 12, 0, tzinfo=UTC)
    gone = break_day(free.replace('expiry_at: "13:00"', 'expiry_at: "09:45"'))
    assert lost(gone, "signal")["too late for the order"] == 1


def test_a_close_back_inside_is_a_void():
    back = {"08:30": (99.5, 102.3, 99.4, 100.4), "08:45": (103.1, 104.0, 103.0, 103.8)}
    story = {**BROKEN, **back}
    free = BREAK[: BREAK.index("  - name: structure")] + BREAK[BREAK.index("confluences:") :]
    found = break_day(free, story)
    assert lost(found, "signal") == {"closed back inside the range": 1}


def test_the_first_step_may_have_a_window_and_prices():
    begun = SWEEP.replace(
        "    draw: range\n", '    draw: range\n    window: {start: "05:00", end: "06:05"}\n'
    )
    assert sweep_day(begun).signals == sweep_day().signals
    late = begun.replace('start: "05:00", end: "06:05"', 'start: "06:00", end: "07:00"')
    assert sweep_day(late).funnel[0].cases == 0


def test_a_price_event_may_end_a_case():
    text = SWEEP.replace(
        "    missing: no side swept by 11:00 London\n",
        """    missing: no side swept by 11:00 London
  - name: deeper
    title: Traded further
    tool: price
    event: touches_beyond
    of: range
    unless: {closes_beyond: closed beyond at once}
""",
    )
    assert sum(lost(sweep_day(text), "deeper").values()) > 0


def test_cases_without_a_side_are_counted():
    start, end = SWEEP.index("  - name: sweep"), SWEEP.index("entry:")
    text = SWEEP[:start] + SWEEP[end:].replace("sweep.running_extreme", "range.far")
    found = sweep_day(text)
    assert found.signals == []
    assert lost(found, "signal") == {"no step says which side": 3}


def test_series_of_a_higher_frame_is_read_at_its_last_closed_bar():
    bars = random_bars(np.random.default_rng(5), Timeframe.M1, 3)
    quarter = resample(bars, Timeframe.M1, Timeframe.M15)
    series = np.arange(len(quarter), dtype="float64")
    moved = aligned(series, quarter, bars)
    for i in np.random.default_rng(6).integers(0, len(bars), 200):
        over = np.flatnonzero((quarter["close_time"] <= bars["close_time"].iloc[i]).to_numpy())
        want = series[over[-1]] if len(over) else np.nan
        np.testing.assert_equal(moved[i], want)


def test_events_of_a_higher_frame_belong_to_the_first_bar_that_knows_them():
    bars = random_bars(np.random.default_rng(5), Timeframe.M1, 3)
    quarter = resample(bars, Timeframe.M1, Timeframe.M15)
    bar = np.arange(2, len(quarter))
    closes = bar_times(quarter, "close_time")[bar]
    zeros = np.zeros(len(bar), dtype="int64")
    common = {"bar": bar, "known_at": closes, "side": zeros, "start": closes, "zone_id": bar}
    prices = {"price_low": np.ones(len(bar)), "price_high": np.ones(len(bar))}
    events = Events(("formed",), zeros, {**common, **prices, "formed_bar": bar - 2})
    moved = aligned(events, quarter, bars).to_frame()
    assert len(moved) == len(events)
    for _, row in moved.iterrows():
        assert row["known_at"] == bars["close_time"].iloc[row["bar"]]
    before = bars["close_time"].array[moved["bar"].to_numpy() - 1]
    assert (pd.DatetimeIndex(closes, tz="UTC") > pd.DatetimeIndex(before)).all()
    early = bars[:100]
    cut = aligned(events, quarter, early)
    assert (cut["bar"] < 100).all()


def test_a_tool_never_runs_below_the_trigger():
    spec = parse_setup(TEXTS["Frank_raid_v1.yaml"], "x")
    slow = spec.tools["atr_m15"]
    assert effective_timeframe(slow, Timeframe.M1) is Timeframe.M15
    assert effective_timeframe(slow, Timeframe.H1) is Timeframe.H1
    bars = random_bars(np.random.default_rng(5), Timeframe.M15, 3)
    assert set(frames_for(bars, Timeframe.M15, spec)) == {Timeframe.M15}
    assert TOY.symbol == "TOY"
