"""The fill kernels: against their plain twin, by properties, and by the cases of the definition."""

import math
from datetime import timedelta

import numpy as np
import pytest

from pipeline.backtest.engine import simulate
from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Side, Timeframe
from pipeline.domain.trade import CostModel, EntryType, FillMode, Plan, Target
from tests.kit.fill_cases import (
    INSTRUMENT,
    START,
    five_minutes,
    random_minutes,
    random_plans,
    twin_bars,
)
from tests.kit.fill_twin import follow

COSTS = CostModel(slippage_points=0.2)


@pytest.mark.parametrize("mode", list(FillMode))
@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.M5])
def test_kernel_equals_twin_trade_by_trade(mode, timeframe):
    rng = np.random.default_rng([7, timeframe.minutes])
    filled = halves = 0
    for _ in range(6):
        minutes = random_minutes(rng, 900)
        bars = minutes if timeframe is Timeframe.M1 else five_minutes(minutes)
        plans = random_plans(rng, bars, 120)
        result = simulate(
            plans, bars, INSTRUMENT, COSTS, timeframe=timeframe, mode=mode, m1=minutes
        )
        trades = {t.signal_id: t for t in result.trades}
        courses = {t.signal_id: c for t, c in zip(result.trades, result.courses, strict=True)}
        missed = {m.signal_id: m for m in result.missed}
        inner = twin_bars(minutes, Timeframe.M1) if timeframe is Timeframe.M5 else []
        outer = twin_bars(bars, timeframe)
        for plan in plans:
            expected = follow(plan, outer, inner, 0.2, mode)
            if plan.signal_id in missed:
                assert missed[plan.signal_id].reason == expected.state, plan
                continue
            trade = trades[plan.signal_id]
            filled += 1
            assert trade.exit_reason == expected.state, plan
            assert trade.entry_price == pytest.approx(expected.entry, abs=1e-9), plan
            assert trade.exit_price == pytest.approx(expected.exit, abs=1e-9), plan
            assert trade.entry_time.timestamp() == expected.entry_time, plan
            assert trade.exit_time.timestamp() == expected.exit_time, plan
            course = courses[plan.signal_id]
            assert course.left == pytest.approx(expected.left), plan
            halves += course.first_target_at is not None
            assert _seconds(course.first_target_at) == pytest.approx(
                expected.first_target, nan_ok=True
            ), plan
    assert filled > 250
    assert halves > 30


def _seconds(moment):
    return math.nan if moment is None else moment.timestamp()


@pytest.mark.parametrize("seed", range(4))
def test_bounds_hold_and_costs_never_help(seed):
    rng = np.random.default_rng(seed)
    minutes = random_minutes(rng, 1500)
    bars = five_minutes(minutes)
    plans = random_plans(rng, bars, 300)
    free = CostModel(spread_points=0.0, slippage_points=0.0)
    for trade in simulate(
        plans, bars, INSTRUMENT, free, timeframe=Timeframe.M5, m1=minutes
    ).trades:
        assert trade.rr_worst <= trade.rr <= trade.rr_best
        assert trade.mae <= 0 <= trade.mfe
    market = [p for p in plans if p.entry_type is EntryType.MARKET]
    previous = math.inf
    for slippage in (0.0, 0.5, 2.0):
        costs = CostModel(spread_points=0.0, slippage_points=slippage)
        by_id = _money(market, bars, costs)
        common = (
            by_id if previous is math.inf else {k: v for k, v in by_id.items() if k in previous}
        )
        if previous is not math.inf:
            # A stop on the wrong side of a worse fill makes no trade, so compare what both have.
            assert all(value <= previous[k] + 1e-9 for k, value in common.items())
        previous = by_id


def _money(plans, bars, costs):
    result = simulate(
        plans, bars, INSTRUMENT, costs, timeframe=Timeframe.M5, mode=FillMode.PESSIMISTIC
    )
    return {t.signal_id: t.pnl for t in result.trades}


@pytest.mark.parametrize("seed", range(3))
def test_no_fill_outside_the_bar(seed):
    rng = np.random.default_rng(seed + 50)
    bars = five_minutes(random_minutes(rng, 1500))
    costs = CostModel(spread_points=0.5, slippage_points=0.0)
    plans = [
        p.model_copy(update={"targets": p.targets[-1:]}) for p in random_plans(rng, bars, 300)
    ]
    by_time = {t.to_pydatetime(): i for i, t in enumerate(bars["open_time"])}
    for mode in (FillMode.PESSIMISTIC, FillMode.OPTIMISTIC, FillMode.ADAPTIVE):
        for trade in simulate(
            plans, bars, INSTRUMENT, costs, timeframe=Timeframe.M5, mode=mode
        ).trades:
            for when, price, pays_ask in (
                (trade.entry_time, trade.entry_price, trade.side is Side.LONG),
                (trade.exit_time, trade.exit_price, trade.side is Side.SHORT),
            ):
                if when not in by_time:  # closed at the end of the data
                    continue
                i = by_time[when]
                extra = 0.5 if pays_ask else 0.0
                assert (
                    bars["low"].iloc[i] + extra - 1e-9
                    <= price
                    <= bars["high"].iloc[i] + extra + 1e-9
                )


def test_one_position_at_a_time():
    rng = np.random.default_rng(3)
    bars = random_minutes(rng, 2000)
    plans = random_plans(rng, bars, 200)
    result = simulate(plans, bars, INSTRUMENT, COSTS, timeframe=Timeframe.M1, parallel=False)
    ends = START
    assert len(result.trades) > 10
    for trade in result.trades:
        assert trade.entry_time >= ends
        ends = trade.exit_time + timedelta(minutes=1)
    assert any(m.reason == "BUSY" for m in result.missed)


def _bars(*rows, spread=0.0):
    times = [START + timedelta(minutes=5 * i) for i in range(len(rows))]
    import pandas as pd

    return bar_frame(
        pd.DatetimeIndex(times),
        Timeframe.M5,
        np.array(rows, dtype=float),
        spread=np.full(len(rows), spread),
    )


def _plan(**changes):
    base = {
        "signal_id": "s",
        "side": Side.LONG,
        "known_at": START,
        "entry_type": EntryType.MARKET,
        "entry_price": 100.0,
        "sl_price": 90.0,
        "targets": (Target(price=120.0, share=1.0),),
    }
    return Plan(**{**base, **changes})


def _run(bars, plan, **options):
    costs = options.pop("costs", CostModel(slippage_points=0.0))
    return simulate([plan], bars, INSTRUMENT, costs, timeframe=Timeframe.M5, **options)


def test_gap_through_the_stop_costs_more_than_one_r():
    trade = _run(_bars((100, 101, 99, 100), (80, 85, 79, 84)), _plan()).trades[0]
    assert (trade.exit_price, trade.exit_reason, trade.rr) == (80.0, "SL", -2.0)


def test_gap_through_the_target_pays_the_open():
    trade = _run(_bars((100, 101, 99, 100), (130, 131, 129, 130)), _plan()).trades[0]
    assert (trade.exit_price, trade.exit_reason, trade.rr) == (130.0, "TP", 3.0)


def test_bracket_on_the_wrong_side_of_the_fill_is_refused():
    result = _run(_bars((121, 125, 120, 122)), _plan())
    assert result.trades == []
    assert result.missed[0].reason == "INVALID"


def test_target_does_not_count_on_the_bar_where_a_limit_fills():
    bars = _bars((105, 125, 99, 104), (104, 105, 89, 90))
    plan = _plan(entry_type=EntryType.LIMIT)
    trade = _run(bars, plan).trades[0]
    assert (trade.exit_reason, trade.rr, trade.rr_best, trade.ambiguous) == ("SL", -1.0, 2.0, True)


def test_a_close_beyond_the_target_proves_it_on_the_bar_where_a_limit_fills():
    """It was passed after the fill, so it pays the target, not the next bar's open."""
    bars = _bars((105, 125, 99, 124), (126, 150, 125, 149))
    plan = _plan(entry_type=EntryType.LIMIT)
    trade = _run(bars, plan).trades[0]
    assert (trade.exit_reason, trade.exit_price, trade.rr, trade.exit_time) == (
        "TP",
        120.0,
        2.0,
        START,
    )
    unproven = _run(_bars((105, 125, 99, 119), (126, 150, 125, 149)), plan).trades[0]
    assert (unproven.exit_price, unproven.rr) == (126.0, 2.6)  # a true gap pays the open
    stopped = _run(_bars((105, 125, 89, 124)), plan).trades[0]
    assert (stopped.exit_reason, stopped.rr) == ("SL", -1.0)


def test_minutes_prove_the_target_after_a_limit_fill():
    import pandas as pd

    bars = _bars((105, 125, 99, 104), (104, 105, 89, 90))
    minutes = bar_frame(
        pd.date_range(START, periods=5, freq="min"),
        Timeframe.M1,
        np.array(
            [
                (105, 106, 104, 105),
                (105, 105, 99, 101),
                (101, 125, 100, 120),
                (120, 121, 110, 110),
                (110, 110, 104, 104),
            ],
            float,
        ),
    )
    trade = _run(bars, _plan(entry_type=EntryType.LIMIT), m1=minutes).trades[0]
    assert (trade.exit_reason, trade.rr) == ("TP", 2.0)
    assert trade.entry_time == START + timedelta(minutes=1)
    assert trade.exit_time == START + timedelta(minutes=2)


def test_minutes_that_do_not_match_the_bar_prove_nothing():
    bars = _bars((100, 125, 85, 104))
    other = _bars((100, 110, 99, 104))
    trade = _run(bars, _plan(), m1=other).trades[0]
    assert trade.exit_reason == "SL"


def test_long_pays_the_spread_at_entry_and_short_at_exit():
    bars = _bars((100, 101, 99, 100), (100, 100, 97.6, 98), (98, 121, 98, 121), spread=2.0)
    long = _run(bars, _plan(targets=(Target(price=105.0, share=1.0),))).trades[0]
    assert (long.entry_price, long.exit_price) == (102.0, 105.0)
    assert long.cost == pytest.approx(20.0)
    short = _plan(side=Side.SHORT, sl_price=110.0, targets=(Target(price=96.0, share=1.0),))
    # Bid 97.6 is ask 99.6: the target is not reached, then the stop is, on high + spread.
    trade = _run(bars, short).trades[0]
    assert (trade.entry_price, trade.exit_price, trade.exit_reason) == (100.0, 110.0, "SL")


def test_partial_then_break_even():
    targets = (Target(price=110.0, share=0.5), Target(price=130.0, share=0.5))
    plan = _plan(targets=targets, break_even_after_first=True)
    bars = _bars((100, 112, 100.5, 111), (111, 111, 99, 100))
    trade = _run(bars, plan).trades[0]
    assert (trade.exit_reason, trade.exit_price, trade.rr) == ("BE", 105.0, 0.5)


def test_flat_by_the_hour_and_expiry():
    bars = _bars(*[(100, 101, 99, 100)] * 10)
    flat = _run(bars, _plan(flat_at=START + timedelta(minutes=22))).trades[0]
    assert (flat.exit_reason, flat.exit_time) == ("SESSION_END", START + timedelta(minutes=20))
    resting = _plan(
        entry_type=EntryType.LIMIT, entry_price=95.0, expires_at=START + timedelta(minutes=15)
    )
    assert _run(bars, resting).missed[0].reason == "EXPIRED"
    void = resting.model_copy(update={"void_close_below": 100.5})
    assert _run(bars, void).missed[0].reason == "VOID"


def test_an_order_that_dies_inside_a_bar_is_not_filled_in_it():
    bars = _bars((100, 101, 99, 100), (100, 101, 94, 96), (96, 97, 95, 96))
    resting = _plan(entry_type=EntryType.LIMIT, entry_price=95.0)
    inside = resting.model_copy(update={"expires_at": START + timedelta(minutes=7)})
    assert _run(bars, inside).missed[0].reason == "EXPIRED"
    after = resting.model_copy(update={"expires_at": START + timedelta(minutes=10)})
    assert _run(bars, after).trades[0].entry_price == 95.0


def test_no_plans_and_no_bars_give_no_trades():
    assert (
        _run(_bars((100, 101, 99, 100)), _plan(known_at=START + timedelta(days=1)))
        .missed[0]
        .reason
        == "NO_BARS"
    )
    empty = simulate([], _bars((1, 1, 1, 1)), INSTRUMENT, COSTS, timeframe=Timeframe.M5)
    assert (empty.trades, empty.missed) == ([], [])


def test_a_kinder_fill_is_caught_by_the_twin(monkeypatch):
    """A control: if targets came first, the comparison with the twin would fail."""
    rng = np.random.default_rng(1)
    minutes = random_minutes(rng, 900)
    bars = five_minutes(minutes)
    plans = random_plans(rng, bars, 200)
    kind = simulate(
        plans, bars, INSTRUMENT, COSTS, timeframe=Timeframe.M5, mode=FillMode.OPTIMISTIC
    )
    outer = twin_bars(bars, Timeframe.M5)
    by_id = {p.signal_id: p for p in plans}
    differ = [
        t
        for t in kind.trades
        if follow(by_id[t.signal_id], outer, [], 0.2, FillMode.PESSIMISTIC).exit != t.exit_price
    ]
    assert differ
