"""What counts as alike, how cases are counted, and that nothing later has a say."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.market import Side, Timeframe
from pipeline.domain.trade import CostModel
from pipeline.live.cases import cases_in, frame_of_cases, table_of
from pipeline.live.counting import past_cases
from pipeline.live.nearest import nearest
from pipeline.live.similar import ENOUGH, similar, wilson_error
from pipeline.setups.engine import detect, find_signals, frames_for, warm_up
from tests.kit.past_cases import FIRST, made_case, made_signal
from tests.kit.real_bars import real_bars
from tests.kit.setups import GER40, LIBRARY

HOUR = timedelta(hours=1)
SIDES = st.sampled_from([Side.LONG, Side.SHORT])
MET = st.tuples(st.booleans(), st.booleans())
CASES = st.lists(
    st.tuples(
        st.integers(0, 400), SIDES, MET, st.sampled_from([2.0, -1.0, 0.3]), st.integers(1, 60)
    ),
    max_size=60,
)


def cases_of(drawn):
    return [
        made_case(made_signal(FIRST + hours * HOUR, side, met), rr, lasted * HOUR)
        for hours, side, met, rr, lasted in drawn
    ]


def counted(signal, cases, before):
    """An independent count: plain loops over whole cases, the four steps spelled out."""
    past = [c for c in cases if c.resolved_at <= before]

    def share(s):
        return sum(c.met for c in s.confluences) / len(s.confluences)

    def names(s):
        return {c.name for c in s.confluences if c.met}

    steps = [
        [c for c in past if c.signal.side == signal.side and names(c.signal) == names(signal)],
        [
            c
            for c in past
            if c.signal.side == signal.side and abs(share(c.signal) - share(signal)) < 0.11
        ],
        [c for c in past if c.signal.side == signal.side],
        past,
    ]
    return next((found for found in steps if len(found) >= ENOUGH), steps[-1])


@given(CASES, SIDES, MET, st.integers(0, 500))
def test_counts_as_a_plain_count_does(drawn, side, met, hours):
    cases, signal = cases_of(drawn), made_signal(FIRST + hours * HOUR, side, met)
    found = similar(signal, table_of(frame_of_cases(cases)), signal.known_at)
    expected = counted(signal, cases, signal.known_at)
    assert found.cases == len(expected)
    assert found.reached == sum(c.trade.rr >= 2 for c in expected)
    if expected:
        assert found.mean_r == pytest.approx(np.mean([c.trade.rr for c in expected]))
        assert found.rate == found.reached / found.cases
        assert 0 < found.se <= 0.5
    else:
        assert (found.rate, found.se, found.mean_r) == (None, None, None)


@given(CASES, SIDES, MET, st.integers(0, 500))
def test_what_ended_later_has_no_say(drawn, side, met, hours):
    cases, signal = cases_of(drawn), made_signal(FIRST + hours * HOUR, side, met)
    at = signal.known_at
    past = [c for c in cases if c.resolved_at <= at]
    later = [
        c.model_copy(update={"trade": c.trade.model_copy(update={"rr": 99.0})})
        for c in cases
        if c.resolved_at > at
    ]
    told = similar(signal, table_of(frame_of_cases(past + later)), at)
    assert told == similar(signal, table_of(frame_of_cases(past)), at)
    near = nearest(signal, past + later, "Europe/Berlin", at)
    assert near == nearest(signal, past, "Europe/Berlin", at)
    assert [n.case for n in near] == [
        n.case for n in nearest(signal, cases_in(frame_of_cases(cases), at), "Europe/Berlin", at)
    ]


def test_alike_is_drawn_wider_in_named_steps():
    same = [made_case(made_signal(FIRST + n * HOUR), 2.0 if n % 2 else -1.0) for n in range(25)]
    other_met = [
        made_case(made_signal(FIRST + n * HOUR, met=(False, True)), -1.0) for n in range(25)
    ]
    none_met = [
        made_case(made_signal(FIRST + n * HOUR, met=(False, False)), -1.0) for n in range(25)
    ]
    shorts = [made_case(made_signal(FIRST + n * HOUR, Side.SHORT), -1.0) for n in range(25)]
    signal = made_signal(FIRST + 100 * HOUR)

    def told(*groups):
        cases = [c for group in groups for c in group]
        found = similar(signal, table_of(frame_of_cases(cases)), signal.known_at)
        return found.cases, found.alike

    everything = (other_met, none_met, shorts)
    assert told(same, *everything) == (25, "long, the same 1 of 2 confluences met")
    assert told(same[:19], *everything) == (44, "long, confidence 0.40 to 0.60")
    assert told(same[:9], other_met[:9], none_met, shorts) == (43, "long")
    assert told(same[:3], shorts) == (28, "long or short")
    assert told(same[:3]) == (3, "long or short")
    assert told() == (0, "long or short")


def test_a_setup_without_confluences_is_alike_by_side():
    cases = [made_case(made_signal(FIRST + n * HOUR, met=()), 2.0) for n in range(20)]
    signal = made_signal(FIRST + 100 * HOUR, met=())
    found = similar(signal, table_of(frame_of_cases(cases)), signal.known_at)
    assert (found.cases, found.alike) == (20, "long")


@pytest.mark.parametrize(("reached", "n"), [(0, 1), (1, 1), (0, 20), (7, 20), (60, 200)])
def test_the_error_is_half_of_wilsons_interval(reached, n):
    """The interval's ends solve (p − share)² = p (1 − p) / n."""
    share = reached / n
    low, high = np.sort(np.roots([1 + 1 / n, -2 * share - 1 / n, share**2]).real)
    assert wilson_error(reached, n) == pytest.approx((high - low) / 2)


class TestNearest:
    def test_by_hand(self):
        """Twin but for the hour; then deeper by two spreads; the other side is two away."""
        signal = made_signal(FIRST + timedelta(days=20))
        twin = made_case(made_signal(FIRST), 2.0)
        hours = made_case(made_signal(FIRST + 3 * HOUR), 2.0)
        short = made_case(made_signal(FIRST + timedelta(days=1), Side.SHORT), -1.0)
        band = made_case(made_signal(FIRST + timedelta(days=2), met=(True, True)), -1.0)
        near = nearest(signal, [short, band, hours, twin], "UTC", signal.known_at)
        assert [n.case for n in near] == [twin, hours, band, short]
        assert [n.distance for n in near] == pytest.approx([0.0, 1.0, 2.0, 2.0])

    def test_trace_counts_in_spreads(self):
        signal = made_signal(FIRST + timedelta(days=20), depth=0.5)
        depths = [0.5, 0.7, 0.9]
        cases = [
            made_case(made_signal(FIRST + timedelta(days=n), depth=d), 2.0)
            for n, d in enumerate(depths)
        ]
        near = nearest(signal, cases, "UTC", signal.known_at)
        spread = np.std(depths)  # one of five figures: target, two prices, bars, depth
        expected = [0.0, np.sqrt((0.2 / spread) ** 2 / 5), np.sqrt((0.4 / spread) ** 2 / 5)]
        assert [n.distance for n in near] == pytest.approx(expected)

    def test_scale_of_prices_and_mirrored_side_do_not_matter_to_the_trace(self):
        signal = made_signal(FIRST + timedelta(days=20), risk=10.0)
        case = made_case(made_signal(FIRST, Side.SHORT, risk=40.0), 2.0)
        (near,) = nearest(signal, [case], "UTC", signal.known_at)
        assert near.distance == pytest.approx(2.0)

    def test_ten_at_most_and_of_equals_the_newest_first(self):
        cases = [made_case(made_signal(FIRST + timedelta(days=n)), 2.0) for n in range(15)]
        signal = made_signal(FIRST + timedelta(days=30))
        near = nearest(signal, cases, "UTC", signal.known_at)
        assert [n.case for n in near] == cases[:4:-1]
        assert nearest(signal, [], "UTC", signal.known_at) == []

    def test_hours_are_the_setups_own(self):
        """09:00 Berlin is 08:00 UTC in winter and 07:00 in summer."""
        winter = made_case(made_signal(FIRST.replace(month=1, hour=8)), 2.0)
        signal = made_signal(FIRST.replace(month=7, hour=7))
        (near,) = nearest(signal, [winter], "Europe/Berlin", signal.known_at)
        assert near.distance == 0
        (near,) = nearest(signal, [winter], "UTC", signal.known_at)
        assert near.distance == pytest.approx(1 / 3)


@pytest.mark.parametrize("setup_id", ["Asia_sweep_engulf_v1", "Frank_raid_v1"])
def test_the_cases_of_a_real_year_are_the_backtests_own(setup_id):
    bars, tf = real_bars("ger40_m5_2025")
    spec, costs = LIBRARY[setup_id], CostModel(slippage_points=0.5)
    cases = past_cases(bars, tf, spec, GER40, costs)
    frames = frames_for(bars, tf, spec)
    found = find_signals(frames, detect(frames, spec, tf, GER40), spec, tf, GER40)
    begins = bars["open_time"].iloc[warm_up(spec, tf)]
    wanted = [s for s in found.signals if s.known_at >= begins]
    assert len(cases) > 40
    assert {c.signal.known_at for c in cases} <= {s.known_at for s in wanted}
    assert all(c.signal.known_at < c.resolved_at <= bars["close_time"].iloc[-1] for c in cases)
    assert all(c.trade.exit_time <= c.resolved_at - Timeframe.M5.delta for c in cases)
    by_moment = {(s.known_at, s.side): s for s in wanted}
    assert all(by_moment[c.signal.known_at, c.signal.side] == c.signal for c in cases)


def test_a_position_that_is_open_when_the_bars_end_is_no_case():
    bars, tf = real_bars("ger40_m5_2025")
    spec, costs = LIBRARY["Asia_sweep_engulf_v1"], CostModel(slippage_points=0.5)
    whole = past_cases(bars, tf, spec, GER40, costs)
    case = next(c for c in whole if c.trade.exit_time - c.trade.entry_time > 6 * tf.delta)
    middle = case.trade.entry_time + 3 * tf.delta
    cut = bars[bars["close_time"] <= middle].reset_index(drop=True)
    before = past_cases(cut, tf, spec, GER40, costs)
    assert before == [c for c in whole if c.resolved_at <= middle + tf.delta and c in before]
    assert case.signal.known_at not in {c.signal.known_at for c in before}
    assert len(before) >= len([c for c in whole if c.resolved_at <= middle])


def test_too_few_bars_for_the_look_back_give_no_cases():
    bars, tf = real_bars("ger40_m5_2025")
    spec = LIBRARY["Asia_sweep_engulf_v1"]
    costs = CostModel(slippage_points=0.5)
    assert past_cases(bars[: warm_up(spec, tf)], tf, spec, GER40, costs) == []
    assert past_cases(bars[:0], tf, spec, GER40, costs) == []
    empty = frame_of_cases([])
    signal = made_signal()
    assert similar(signal, table_of(empty), signal.known_at).cases == 0
    assert cases_in(empty, signal.known_at) == []
