"""A variant's trades are those of a plain backtest of the same setup, one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.backtest.engine import simulate
from pipeline.backtest.trials import Tried, trial_of
from pipeline.data.clean import resample
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.request import BacktestOptions
from pipeline.domain.research import Criterion
from pipeline.domain.trade import CostModel
from pipeline.research.evaluate import Evaluator, Ground, needed_tools
from pipeline.research.grid import read_grid
from pipeline.research.results import TradeTable, scores
from pipeline.research.template import Template
from pipeline.research.variants import run_variants
from pipeline.setups.engine import Overrides, detect, find_signals, frames_for
from tests.kit.real_bars import real_bars
from tests.kit.setups import EURUSD, GER40, TEXTS, random_bars

PARAMETERS = {
    "Frank_raid_v1.yaml": [
        ("min_gap_atr", "0.02|0.1|0.3"), ("reclaim_minutes", "5|30"), ("use", "none|limit_entry|asia_range"),
        ("bars", "-60|-15"), ("rr", "1|2"), ("confluences.0.required", "off|on"),
    ],
    "IB_raid_v1.yaml": [("buffer_atr", "0.1|1"), ("reclaim_minutes", "10|30"), ("swings.k", "2|3")],
    "Asia_fvg_break_v2.yaml": [("min_gap_atr", "0|0.1"), ("rr", "1..3/1"), ("swings.k", "2|3")],
    "Asia_sweep_engulf_v1.yaml": [("rr", "1..3/1"), ("buffer_atr", "0|0.2"), ("reclaim_minutes", "15|60")],
}  # fmt: skip


def grid_of(file, template):
    """Those of the wanted parameters that the setup has."""
    asked = []
    for name, text in PARAMETERS[file]:
        try:
            read_grid([(name, text)], template)
        except BadRequestError:
            continue
        asked.append((name, text))
    assert len(asked) > 1
    return read_grid(asked, template)


def plain(spec, ground):
    """The backtest's own way."""
    frames = frames_for(ground.bars, ground.trigger, spec)
    tools = detect(frames, spec, ground.trigger, ground.instrument)
    found = find_signals(
        frames, tools, spec, ground.trigger, ground.instrument,
        overrides=Overrides(spread_points=ground.costs.spread_points), since=ground.since,
    )  # fmt: skip
    result = simulate(
        found.plans, ground.bars, ground.instrument, ground.costs, timeframe=ground.trigger,
        m1=ground.m1, mode=ground.mode, lots=ground.lots, risk=ground.risk, parallel=ground.parallel,
    )  # fmt: skip
    return found.plans, result


def agree(evaluator, spec):
    plans, result = plain(spec, evaluator.ground)
    outcome = evaluator.run(spec)
    assert outcome.plans == plans
    assert outcome.trades == result.trades
    assert outcome.missed == result.missed
    return len(result.trades)


@pytest.mark.parametrize("file", PARAMETERS)
def test_on_random_bars_every_variant_equals_its_backtest(file):
    template = Template(TEXTS[file], file, "1.7")
    grid = grid_of(file, template)
    days = 60 if file.startswith("IB") else 25  # it reads twenty days' ranges
    minutes = random_bars(np.random.default_rng(7), Timeframe.M1, days)
    trigger = template.plain.timeframe
    bars = resample(minutes, Timeframe.M1, trigger)
    since = bars["close_time"].iloc[len(bars) // 5].to_pydatetime()
    ground = Ground(bars, minutes, trigger, EURUSD, CostModel(slippage_points=1.0), since=since)
    evaluator = Evaluator(ground)
    drawn = np.random.default_rng(1).permutation(grid.size)[:8]
    trades = sum(agree(evaluator, grid.spec(template, int(i))) for i in drawn)
    assert trades > 0


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_with_almost_no_memory_and_in_any_order_results_stay(data):
    file = data.draw(st.sampled_from(sorted(PARAMETERS)))
    template = Template(TEXTS[file], file, "1.0")
    grid = grid_of(file, template)
    seed, lots = data.draw(st.integers(0, 20)), data.draw(st.sampled_from([0.5, 3.0]))
    bars = random_bars(np.random.default_rng(seed), Timeframe.M5, 30)
    trigger = max(Timeframe.M5, template.plain.timeframe, key=lambda t: t.minutes)
    ground = Ground(
        resample(bars, Timeframe.M5, trigger), None, trigger, EURUSD,
        CostModel(slippage_points=0.5, spread_points=20.0), lots=lots,
        parallel=data.draw(st.booleans()),
    )  # fmt: skip
    evaluator = Evaluator(ground, megabytes=data.draw(st.sampled_from([0.0, 64.0])))
    for index in data.draw(st.lists(st.integers(0, grid.size - 1), min_size=1, max_size=3)):
        agree(evaluator, grid.spec(template, index))


def test_on_a_real_year_variants_equal_their_backtests():
    bars, trigger = real_bars("ger40_m5_2025")
    template = Template(TEXTS["Frank_raid_v1.yaml"], "Frank_raid_v1.yaml", "1.0")
    grid = read_grid(
        [("min_gap_atr", "0.05..0.5/0.05"), ("reclaim_minutes", "6..60/6"), ("rr", "1..3/1")],
        template,
    )
    evaluator = Evaluator(Ground(bars, None, trigger, GER40, CostModel(slippage_points=1.0)))
    drawn = np.random.default_rng(3).permutation(grid.size)[:4]
    assert sum(agree(evaluator, grid.spec(template, int(i))) for i in drawn) > 60


def test_no_bars_give_no_trades():
    template = Template(TEXTS["Frank_raid_v1.yaml"], "f", "1.0")
    bars = random_bars(np.random.default_rng(0), Timeframe.M1, 2).iloc[:0]
    ground = Ground(bars, None, Timeframe.M1, EURUSD, CostModel(slippage_points=0.0))
    outcome = Evaluator(ground).run(template.plain)
    assert (outcome.plans, outcome.trades, outcome.missed) == ([], [], [])


def test_tools_that_decide_no_trade_are_left_out():
    spec = Template(TEXTS["Frank_raid_v1.yaml"], "f", "1.0").plain
    assert set(spec.tools) - needed_tools(spec) == {"swings", "structure"}
    required = Template(TEXTS["Frank_raid_v1.yaml"], "f", "1.0").variant(
        {"confluences.0.required": True}
    )
    assert set(required.tools) == needed_tools(required)
    engine = Template(TEXTS["Asia_fvg_break_v2.yaml"], "f", "1.0").plain
    assert needed_tools(engine) >= {"atr"}


def test_a_variant_that_is_no_setup_is_listed_and_the_rest_goes_on():
    template = Template(TEXTS["Frank_raid_v1.yaml"], "f.yaml", "1.0")
    grid = read_grid(
        [("sweep.window.start", "09:00|10:45"), ("sweep.window.end", "10:30|11:00")], template
    )
    bars = random_bars(np.random.default_rng(5), Timeframe.M5, 20)
    ground = Ground(bars, None, Timeframe.M5, GER40, CostModel(slippage_points=0.0))
    first, last = bars["open_time"].iloc[0].date(), bars["open_time"].iloc[-1].date()

    def tell(spec, rr):
        tried = Tried(spec, "GER40", Timeframe.M5, BacktestOptions(), first, last)
        return trial_of(tried, rr, run_id="run", at=bars["close_time"].iloc[-1].to_pydatetime())

    chunk = run_variants(Evaluator(ground), template, grid, range(4), tell)
    assert len({t.variant for t in chunk.trials}) == 3
    assert [bool(r.error) for r in chunk.results] == [False, False, True, False]
    assert "must start before it ends" in chunk.results[2].error
    tested = [r for r in chunk.results if r.metrics is not None]
    for result in tested:
        mine = chunk.trades.rr[chunk.trades.variant == result.index]
        assert len(mine) == result.metrics.trades
        assert mine.sum() == pytest.approx(result.metrics.total_r)


def table(rows):
    variant, rr = (np.array(column) for column in zip(*rows, strict=True))
    zeros = np.zeros(len(rows), dtype="int64")
    return TradeTable(variant, zeros, zeros, rr.astype(float))


def test_scores_are_those_of_each_variant_alone():
    rng = np.random.default_rng(11)
    rows = [
        (int(v), float(r))
        for v, r in zip(rng.integers(0, 4, 200), rng.normal(0.1, 1, 200), strict=True)
    ]
    rows += [(5, 1.0)] * 30
    found = {c: scores(table(rows), 7, c, 20) for c in Criterion}
    for v in range(4):
        mine = np.array([r for w, r in rows if w == v])
        assert found[Criterion.TOTAL][v] == pytest.approx(mine.sum())
        assert found[Criterion.EXPECTANCY][v] == pytest.approx(mine.mean())
        error = mine.std(ddof=1) / np.sqrt(len(mine))
        assert found[Criterion.T][v] == pytest.approx(mine.mean() / error)
    assert np.isnan(found[Criterion.T][[4, 5, 6]]).all()  # none, no spread, none
    assert found[Criterion.TOTAL][5] == pytest.approx(30)
    assert np.isnan(scores(table(rows), 7, Criterion.TOTAL, 31)[5])


def test_tables_join_by_variant_and_survive_their_frame():
    a, b = table([(2, 1.0), (2, 2.0)]), table([(1, 3.0)])
    joined = TradeTable.joined([a, b])
    assert joined.variant.tolist() == [1, 2, 2]
    assert joined.rr.tolist() == [3.0, 1.0, 2.0]
    again = TradeTable.from_frame(joined.frame())
    assert again.frame().equals(joined.frame())
    assert len(TradeTable.joined([]).rr) == 0
