"""Lives told bar by bar: never unsaid, and in the end the backtest's own trades."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.engine import simulate
from pipeline.data.clean import resample
from pipeline.domain.bars import bar_frame
from pipeline.domain.live import Life, LifeState
from pipeline.domain.market import Side, Timeframe
from pipeline.domain.trade import CostModel, EntryType, Plan, Target
from pipeline.live.following import follow, follow_paper
from tests.kit.fill_cases import INSTRUMENT, START, five_minutes, random_minutes, random_plans
from tests.kit.real_bars import real_bars
from tests.kit.setups import EURUSD, GER40, LIBRARY, signals_of

COSTS = CostModel(slippage_points=0.2)
OPEN, WAITING, CLOSED = LifeState.OPEN, LifeState.WAITING, LifeState.CLOSED
BOUNDS = {"trade_id", "rr_worst", "rr_best", "ambiguous"}


def after(state: LifeState) -> set[LifeState]:
    """What may be said next."""
    if state is WAITING:
        return set(LifeState)
    return {OPEN, CLOSED, LifeState.REFUSED} if state is OPEN else {state}


def agree(before: Life, now: Life) -> None:
    """What was said before still holds."""
    assert now.state in after(before.state), (before, now)
    if before.entry_time is not None:
        assert (now.entry_time, now.entry_price) == (before.entry_time, before.entry_price)
    if before.first_target_at is not None:
        assert now.first_target_at == before.first_target_at
    if before.state.ended:
        assert now == before


def same_end(life: Life, plan: Plan, bars, instrument, costs, **how) -> bool:
    """An ended life is what the backtest makes of all bars; say whether it was a trade."""
    whole = simulate([plan], bars, instrument, costs, **how)
    if life.missed is not None:
        assert life.missed == whole.missed[0]
        return False
    assert life.trade.model_dump(exclude=BOUNDS) == whole.trades[0].model_dump(exclude=BOUNDS)
    # The bounds are those of the bars that were known when it ended.
    known = bars["close_time"] <= life.as_of
    assert life.trade == simulate([plan], bars[known], instrument, costs, **how).trades[0]
    return True


def told(plan: Plan, bars, ends, instrument, costs, **how) -> Life:
    """Follow a plan over growing bars to its end and somewhat further; return what ended it."""
    life, ended, more = Life(), None, 4
    for end in ends:
        now = follow(plan, bars[:end], instrument, costs, **how)
        agree(life, now)
        life = now
        if life.state.ended:
            ended, more = ended or life, more - 1
            if not more:
                break
    return ended or life


@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.M5])
@pytest.mark.parametrize("seed", range(2))
def test_bar_by_bar_is_never_unsaid_and_ends_as_in_a_backtest(seed, timeframe):
    rng = np.random.default_rng([seed, timeframe.minutes, 20])
    minutes = random_minutes(rng, 700)
    bars = minutes if timeframe is Timeframe.M1 else five_minutes(minutes)
    how = {"timeframe": timeframe, "m1": minutes}
    ends, states = 0, set()
    for plan in random_plans(rng, bars, 40):
        first = int(np.searchsorted(bars["open_time"], pd.Timestamp(plan.known_at)))
        life = told(plan, bars, range(max(first - 2, 1), len(bars) + 1), INSTRUMENT, COSTS, **how)
        states.add(life.state)
        if life.state.ended:
            ends += same_end(life, plan, bars, INSTRUMENT, COSTS, **how)
    assert ends > 10
    rare = set() if timeframe is Timeframe.M1 else {LifeState.EXPIRED, LifeState.VOID}
    assert {CLOSED, *rare} <= states


def test_the_backtest_says_what_of_a_trade_only_the_end_of_the_bars_closed():
    rng = np.random.default_rng(5)
    bars = random_minutes(rng, 300)
    plans = random_plans(rng, bars, 80)
    lives = {
        p.signal_id: follow(p, bars, INSTRUMENT, COSTS, timeframe=Timeframe.M1) for p in plans
    }
    result = simulate(plans, bars, INSTRUMENT, COSTS, timeframe=Timeframe.M1)
    running = {
        t.signal_id for t, c in zip(result.trades, result.courses, strict=True) if c.left > 0
    }
    assert running == {name for name, life in lives.items() if life.state is OPEN}
    assert len(running) > 3
    assert all(lives[name].trade is None for name in running)


CASES = [
    ("Frank_raid_v1", Timeframe.M1),
    ("IB_raid_v1", Timeframe.M5),
    ("Asia_fvg_break_v2", Timeframe.M15),
    ("Asia_sweep_engulf_v1", Timeframe.M5),
]


@pytest.mark.parametrize(("name", "trigger"), CASES, ids=[c[0] for c in CASES])
def test_real_days_of_a_currency(name, trigger):
    """As seen live: M1 bars from the signal on, longer bars built from them."""
    minutes, source = real_bars("eurusd_m1_histdata_2024H1")
    minutes = minutes[:60_000]
    bars = resample(minutes, source, trigger)
    how = {"timeframe": trigger, "m1": minutes}
    found, trades = signals_of(bars, LIBRARY[name], trigger, EURUSD).plans[:6], 0
    assert found
    for plan in found:
        last = plan.known_at + timedelta(hours=10)
        seen = minutes[(minutes["open_time"] >= plan.known_at) & (minutes["open_time"] < last)]
        life, ended = Life(), None
        for end in range(trigger.minutes, len(seen) + 1, trigger.minutes):
            part = resample(seen[:end], source, trigger)
            now = follow(plan, part, EURUSD, COSTS, timeframe=trigger, m1=seen[:end])
            agree(life, now)
            life = now
            if life.state.ended and ended is None:
                ended = life
                assert ended.as_of == seen["close_time"].iloc[end - 1]
        assert ended is not None, life
        trades += same_end(ended, plan, bars, EURUSD, COSTS, **how)
    assert trades


@pytest.mark.parametrize(
    ("name", "trigger"), [(n, max(t, Timeframe.M5, key=lambda t: t.minutes)) for n, t in CASES]
)
def test_real_days_of_an_index(name, trigger):
    bars, source = real_bars("ger40_m5_2025")
    bars = resample(bars[:12_000], source, trigger)
    how = {"timeframe": trigger}
    found, trades = signals_of(bars, LIBRARY[name], trigger, GER40).plans[:8], 0
    assert found
    for plan in found:
        first = int(np.searchsorted(bars["open_time"], pd.Timestamp(plan.known_at)))
        part = bars[first : first + 150].reset_index(drop=True)
        life = told(plan, part, range(len(part) + 1), GER40, COSTS, **how)
        assert life.state.ended
        trades += same_end(life, plan, bars, GER40, COSTS, **how)
    assert trades


def _bars(timeframe, *rows, start=START):
    times = [start + timeframe.delta * i for i in range(len(rows))]
    return bar_frame(
        pd.DatetimeIndex(times), timeframe, np.array(rows, float), spread=np.zeros(len(rows))
    )


def _plan(**changes):
    base = {
        "signal_id": "s",
        "side": Side.LONG,
        "known_at": START,
        "entry_type": EntryType.MARKET,
        "entry_price": 100.0,
        "sl_price": 90.0,
        "targets": (Target(price=110.0, share=0.5), Target(price=120.0, share=0.5)),
    }
    return Plan(**{**base, **changes})


FREE = CostModel(slippage_points=0.0)


def test_the_first_target_shows_while_the_rest_runs_and_stays_in_the_end():
    rows = [(100, 101, 99, 100), (105, 112, 104, 111), (111, 113, 108, 112), (112, 121, 111, 120)]
    bars = _bars(Timeframe.M5, *rows)
    lives = [follow(_plan(), bars[:n], INSTRUMENT, FREE, timeframe=Timeframe.M5) for n in range(5)]
    assert [life.state for life in lives] == [WAITING, OPEN, OPEN, OPEN, CLOSED]
    hit = START + timedelta(minutes=5)
    assert [life.first_target_at for life in lives] == [None, None, hit, hit, hit]
    assert [life.as_of for life in lives[1:]] == list(bars["close_time"])
    assert lives[0].as_of is None
    assert lives[4].trade.rr == pytest.approx(1.5)


def test_a_size_below_the_smallest_is_refused_once_it_would_be_filled():
    bars = _bars(Timeframe.M5, (100, 101, 99, 100), (100, 101, 94, 96))
    plan = _plan(entry_type=EntryType.LIMIT, entry_price=95.0)
    lives = [
        follow(plan, bars[:n], INSTRUMENT, FREE, timeframe=Timeframe.M5, lots=0.001)
        for n in (1, 2)
    ]
    assert [life.state for life in lives] == [WAITING, LifeState.REFUSED]
    assert lives[1].missed.reason == "SIZE"


def test_paper_fills_at_the_first_minute_after_the_approval():
    rows = [(100 + i, 101 + i, 99 + i, 100 + i) for i in range(20)]
    bars = _bars(Timeframe.M1, *rows)
    plan = _plan(known_at=START + timedelta(minutes=3, seconds=20), targets=_one(200.0))
    life = follow_paper(plan, bars, INSTRUMENT, FREE, timeframe=Timeframe.M15)
    assert (life.state, life.entry_time, life.entry_price) == (
        OPEN,
        START + timedelta(minutes=4),
        104.0,
    )


def _one(price):
    return (Target(price=price, share=1.0),)


def test_paper_is_spoilt_by_closes_of_the_trigger_alone():
    """A minute that closes beyond the level is nothing; the M5 bar that does ends the order."""
    flat, dip = (100, 101, 99, 100), (100, 101, 96, 97)
    bars = _bars(Timeframe.M1, *[flat] * 6, dip, *[flat] * 3, *[flat] * 4, dip, *[flat] * 5)
    plan = _plan(
        known_at=START + timedelta(minutes=2),
        entry_type=EntryType.LIMIT,
        entry_price=95.0,
        void_close_below=98.0,
    )
    lives = [
        follow_paper(plan, bars[:n], INSTRUMENT, FREE, timeframe=Timeframe.M5)
        for n in range(len(bars) + 1)
    ]
    for before, now in pairwise(lives):
        agree(before, now)
    assert next(n for n, life in enumerate(lives) if life.state.ended) == 15
    assert (lives[-1].state, lives[-1].missed.at) == (
        LifeState.VOID,
        START + timedelta(minutes=15),
    )


def test_paper_that_expired_before_the_setup_broke_has_expired():
    flat, dip = (100, 101, 99, 100), (100, 101, 96, 97)
    bars = _bars(Timeframe.M1, *[flat] * 9, dip, *[flat] * 5)
    plan = _plan(
        entry_type=EntryType.LIMIT,
        entry_price=95.0,
        void_close_below=98.0,
        expires_at=START + timedelta(minutes=7),
    )
    life = follow_paper(plan, bars, INSTRUMENT, FREE, timeframe=Timeframe.M5)
    assert life.state is LifeState.EXPIRED
    later = plan.model_copy(update={"expires_at": START + timedelta(minutes=11)})
    life = follow_paper(later, bars, INSTRUMENT, FREE, timeframe=Timeframe.M5)
    assert life.state is LifeState.VOID


@pytest.mark.parametrize("seed", range(2))
def test_paper_told_minute_by_minute_is_never_unsaid(seed):
    rng = np.random.default_rng([seed, 77])
    minutes = random_minutes(rng, 250, holes=0.1)
    ended = 0
    for plan in random_plans(rng, five_minutes(minutes), 14):
        known = plan.known_at + timedelta(seconds=int(rng.integers(0, 280)))
        plan = plan.model_copy(update={"known_at": known})
        life = Life()
        first = int(np.searchsorted(minutes["open_time"], pd.Timestamp(known)))
        for end in range(max(first - 5, 0), len(minutes) + 1):
            now = follow_paper(plan, minutes[:end], INSTRUMENT, COSTS, timeframe=Timeframe.M5)
            agree(life, now)
            life = now
        ended += life.state.ended
    assert ended > 5
