"""Comparing runs: with itself nothing differs, turned round it is mirrored, all trades add up."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.backtest.comparison import (
    Kept,
    compare,
    match,
    paired_differences,
    repetition,
    same_result,
)
from pipeline.backtest.metrics import metrics
from pipeline.domain.comparison import Cause, RunFacts
from pipeline.domain.market import Side
from pipeline.domain.report import Verdict
from pipeline.domain.trade import ExitReason, Trade

FIRST, LAST = date(2024, 1, 1), date(2024, 12, 31)


def facts(run_id="bt_2024_01_01_001", start=FIRST, end=LAST, symbol="EURUSD"):
    return RunFacts(
        run_id=run_id, setup_id="Frank_raid_v1", rule_version="1.0", symbol=symbol, timeframe="M5",
        start=start, end=end,
    )  # fmt: skip


def trade(day, rr, *, side=Side.LONG, minute=0, signal="s"):
    entry = datetime(2024, 1, 1, 8, tzinfo=UTC) + timedelta(days=day, minutes=minute)
    return Trade(
        trade_id="t", signal_id=f"{signal}{day}{side}{minute}", side=side, entry_time=entry,
        entry_price=100.0, exit_time=entry + timedelta(minutes=30), exit_price=100.0 + rr,
        exit_reason=ExitReason.TP if rr > 0 else ExitReason.SL, sl_price=99.0, tp_price=102.0,
        lots=1.0, pnl_points=rr, pnl=10 * rr, rr=rr, mae=min(rr, 0.0), mfe=max(rr, 0.0), cost=1.0,
        ambiguous=False, rr_worst=rr, rr_best=rr,
    )  # fmt: skip


def kept(trades, **about):
    known = {t.signal_id: (t.side.sign, t.entry_time - timedelta(minutes=5)) for t in trades}
    return Kept(facts(**about), trades, known)


some_trades = st.lists(
    st.builds(
        trade,
        st.integers(0, 365),
        st.sampled_from([-1.0, -0.5, 1.5, 2.0]),
        side=st.sampled_from(list(Side)),
        minute=st.sampled_from([0, 5, 60]),
    ),
    max_size=120,
)


@given(some_trades)
def test_a_run_compared_with_itself_shows_no_difference(trades):
    found = compare(kept(trades), kept(trades))
    assert (found.shared, found.unequal) == (len(trades), 0)
    assert found.only_one == found.only_two == ()
    assert found.verdict in (Verdict.OPEN, Verdict.TOO_FEW)
    for pair in found.figures:
        assert pair.one == pair.two
        if pair.difference:
            assert (pair.difference.low, pair.difference.value, pair.difference.high) == (0, 0, 0)


@given(some_trades, some_trades)
def test_turned_round_it_is_mirrored(a, b):
    found, back = compare(kept(a), kept(b)), compare(kept(b), kept(a))
    assert (found.shared, found.unequal) == (back.shared, back.unequal)
    assert [x.trade for x in found.only_one] == [x.trade for x in back.only_two]
    assert [x.trade for x in found.only_two] == [x.trade for x in back.only_one]
    for pair, other in zip(found.figures, back.figures, strict=True):
        assert (pair.one, pair.two) == (other.two, other.one)
        assert (pair.difference is None) == (other.difference is None)
        if pair.difference and other.difference:
            assert pair.difference.value == pytest.approx(-other.difference.value)
            wide = pair.difference.high - pair.difference.low
            assert pair.difference.low == pytest.approx(
                -other.difference.high, abs=0.1 * wide + 1e-9
            )
    mirror = {Verdict.ABOVE: Verdict.BELOW, Verdict.BELOW: Verdict.ABOVE}
    assert back.verdict is mirror.get(found.verdict, found.verdict)


@given(some_trades, some_trades)
def test_shared_and_lone_trades_add_up(a, b):
    found = compare(kept(a), kept(b))
    assert found.shared + len(found.only_one) == len(a)
    assert found.shared + len(found.only_two) == len(b)
    pairs, left, right = match(kept(a), kept(b))
    assert sorted(map(id, [x for x, _ in pairs] + left)) == sorted(map(id, a))
    assert sorted(map(id, [x for _, x in pairs] + right)) == sorted(map(id, b))
    for one, two in pairs:
        assert (one.side, one.entry_time) == (two.side, two.entry_time)
    entries = {(t.side, t.entry_time) for t in left} & {(t.side, t.entry_time) for t in right}
    assert not entries


@given(some_trades, some_trades)
def test_the_differences_are_those_of_the_metrics_where_the_periods_agree(a, b):
    differences, days = paired_differences(a, b, FIRST, LAST, 1)
    one, two = metrics(a), metrics(b)
    assert days == len({t.exit_time.date() for t in [*a, *b]})
    if differences:
        assert differences["total_r"].value == pytest.approx(two.total_r - one.total_r)
    if "profit_factor" in differences:
        assert differences["profit_factor"].value == pytest.approx(
            two.profit_factor - one.profit_factor
        )


def test_what_moves_both_runs_cancels_out():
    """Two runs that share their luck and differ by 0.1 R a trade are told apart; alone neither is."""
    rng = np.random.default_rng(8)
    luck = rng.normal(0, 1.5, 200)
    one = [trade(i, float(r)) for i, r in enumerate(luck)]
    two = [trade(i, float(r + 0.1 + 0.02 * rng.normal())) for i, r in enumerate(luck)]
    found = compare(kept(one), kept(two))
    mean = next(p for p in found.figures if p.name == "expectancy_r").difference
    assert mean
    assert 0.09 < mean.low < mean.value < mean.high < 0.11
    assert found.verdict is Verdict.ABOVE
    strangers = [trade(i, float(r + 0.1)) for i, r in enumerate(rng.permutation(luck))]
    assert compare(kept(one), kept(strangers)).verdict is Verdict.OPEN


@pytest.mark.slow
def test_the_interval_holds_a_true_difference_of_zero_about_95_times_in_100():
    rng = np.random.default_rng(4)
    hits, n = 0, 300
    for i in range(n):
        shared = rng.normal(0, 1, 80)
        sides = [
            [
                trade(d, float(r + e))
                for d, (r, e) in enumerate(zip(shared, rng.normal(0, 0.7, 80), strict=True))
            ]
            for _ in range(2)
        ]
        differences, _ = paired_differences(*sides, FIRST, LAST, i)
        hits += differences["total_r"].low <= 0 <= differences["total_r"].high
    assert 0.91 <= hits / n <= 0.985


def test_only_days_that_both_cover_are_paired():
    one = [trade(i, 1.0) for i in range(366)]
    two = [trade(i, -1.0) for i in range(100, 366)]
    found = compare(kept(one, end=date(2024, 7, 1)), kept(two, start=date(2024, 4, 10)))
    assert (found.shared_start, found.shared_end) == (date(2024, 4, 10), date(2024, 7, 1))
    assert found.days == 83
    total = next(p for p in found.figures if p.name == "total_r").difference
    assert total
    assert total.value == -166
    apart = compare(kept(one, end=date(2024, 1, 31)), kept(two, start=date(2024, 4, 10)))
    assert (apart.shared_start, apart.days, apart.verdict) == (None, 0, Verdict.TOO_FEW)


def test_a_lone_trade_tells_its_cause():
    mine = [trade(d, 1.0) for d in (1, 2, 40)]
    one = kept(mine)
    known = {"x": (1, mine[1].entry_time - timedelta(minutes=5))}
    other = Kept(facts(end=date(2024, 1, 31)), [], known, {"x": "EXPIRED"})
    causes = [(x.cause, x.reason) for x in compare(one, other).only_one]
    assert causes == [(Cause.NO_SIGNAL, ""), (Cause.UNFILLED, "EXPIRED"), (Cause.OUTSIDE, "")]


def test_the_same_signal_filled_later_is_the_same_trade_with_another_result():
    one = [trade(3, 1.0)]
    later = one[0].model_copy(
        update={"signal_id": "z", "entry_time": one[0].entry_time + timedelta(minutes=5)}
    )
    two = Kept(facts(), [later], {"z": (1, one[0].entry_time - timedelta(minutes=5))})
    found = compare(kept(one), two)
    assert (found.shared, found.unequal) == (1, 1)
    assert not same_result(one[0], later)


def test_trades_of_different_symbols_are_never_the_same():
    trades = [trade(d, 1.0) for d in range(40)]
    found = compare(kept(trades), kept(trades, symbol="GER40"))
    assert (found.matched, found.shared, found.only_one, found.only_two) == (False, 0, (), ())
    assert found.days == 40


def test_the_same_seed_gives_the_same_intervals():
    rng = np.random.default_rng(3)
    one, two = ([trade(d, float(r)) for d, r in enumerate(rng.normal(0, 1, 50))] for _ in "ab")
    assert compare(kept(one), kept(two), seed=5) == compare(kept(one), kept(two), seed=5)
    assert compare(kept(one), kept(two), seed=5) != compare(kept(one), kept(two), seed=6)


@given(some_trades, some_trades)
def test_a_repetition_counts_what_differs_either_way(a, b):
    assert repetition(kept(a), kept(a)) == (len(a), 0, 0, 0)
    there, back = repetition(kept(a), kept(b)), repetition(kept(b), kept(a))
    assert (there.gone, there.new, there.altered) == (back.new, back.gone, back.altered)
    assert there.first - there.gone + there.new == len(b)


@pytest.mark.parametrize(
    "change", [{"lots": 2.0}, {"pnl": 11.0}, {"mae": -0.2}, {"exit_price": 9.0}]
)
def test_a_trade_of_another_size_or_price_is_altered(change):
    one = [trade(3, 1.0), trade(4, 1.0)]
    again = [one[0].model_copy(update=change), one[1].model_copy(update={"trade_id": "t9"})]
    assert repetition(kept(one), kept(again)).altered == 1
    hair = one[0].model_copy(update={"pnl": one[0].pnl * (1 + 1e-13)})
    assert repetition(kept(one), kept([hair, one[1]])).differing == 0
