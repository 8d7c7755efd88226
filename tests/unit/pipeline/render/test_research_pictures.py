"""Pictures of sweeps, walk-forwards and batches: tidy at any size, same input same bytes."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from pipeline.backtest.metrics import metrics
from pipeline.domain.market import Side
from pipeline.domain.trade import ExitReason, Trade
from pipeline.render.batch_chart import batch_chart, draw_batch
from pipeline.render.heat import shade
from pipeline.render.sweep_chart import Slice, draw_sweep, spread_of, sweep_chart
from pipeline.render.theme import THEMES, TV_DARK, TV_LIGHT
from pipeline.render.walkforward_chart import draw_walkforward, walkforward_chart
from pipeline.research.grid import Dimension, Grid
from pipeline.research.plateau import plateau, region_scores
from pipeline.research.reports import (
    BatchReport,
    BatchTest,
    SweepReport,
    VariantLine,
    WalkForwardReport,
)
from pipeline.research.results import TradeTable
from pipeline.research.walkforward import Choosing, drifts, walk_forward, windows_of
from tests.kit.tidy import assert_tidy

pytestmark = pytest.mark.slow

NOW = datetime(2025, 11, 1, tzinfo=UTC)
START = datetime(2025, 1, 1, tzinfo=UTC)
WORDS = (
    "GER40 M5 · A_setup_whose_author_could_not_stop_before_the_end",
    "min_gap_atr × rr",
    "run_1",
)
LONG = "tools.some_name_that_is_rather_long.parameter"


def trades(rng, n, mean=0.0):
    found = []
    for i in range(n):
        at = START + timedelta(minutes=int(rng.integers(0, 300 * 1440)))
        rr = float(np.round(rng.normal(mean, 1), 3))
        found.append(
            Trade(
                trade_id=f"t{i:04d}", signal_id=f"s{i}", side=Side.LONG, entry_time=at,
                entry_price=1.0, exit_time=at + timedelta(hours=1), exit_price=1.0 + rr / 100,
                exit_reason=ExitReason.TP, sl_price=0.99, tp_price=1.02, lots=1.0, pnl_points=rr,
                pnl=rr, rr=rr, mae=0.0, mfe=0.0, cost=0.0, ambiguous=False, rr_worst=rr, rr_best=rr,
            )
        )  # fmt: skip
    return sorted(found, key=lambda t: t.exit_time)


def grid_of(shape, long=False):
    return Grid(
        dimensions=tuple(
            Dimension(
                name=LONG if long and i == 0 else f"parameter_{i}", path=f"p{i}",
                values=tuple(round(0.05 * (j + 1), 2) for j in range(n)), ordered=True,
            )
            for i, n in enumerate(shape)
        )
    )  # fmt: skip


def common(grid, synthetic):
    return {
        "run_id": "run_1", "start_time": NOW, "end_time": NOW, "execution_time_minutes": 0.1,
        "tasks_completed": (), "results_summary": {}, "artifacts": {}, "request": {},
        "synthetic": synthetic, "setup_id": "S", "rule_version": "1.0", "symbol": "GER40",
        "timeframe": "M5", "period_start": date(2025, 1, 1), "period_end": date(2025, 10, 31),
        "source": "test", "grid": grid, "by": "t", "min_trades": 20, "variants": grid.size,
        "failed": 0,
    }  # fmt: skip


def sweep_of(shape, seed=0, *, holes=True, synthetic=False, long=False):
    rng = np.random.default_rng(seed)
    grid = grid_of(shape, long)
    made = [trades(rng, int(rng.integers(4 if holes else 30, 60)), 0.2) for _ in range(grid.size)]
    found = np.array([_t(m) for m in made])
    ordered = (True,) * len(shape)
    regions = region_scores(found.reshape(shape), ordered).ravel()
    lines = [
        VariantLine(
            index=i, label=grid.label(i), values=grid.values(i), metrics=metrics(made[i]),
            score=None if np.isnan(found[i]) else float(found[i]),
            region_score=None if np.isnan(regions[i]) else float(regions[i]),
        )
        for i in range(grid.size)
    ]  # fmt: skip
    best = plateau(grid, found)
    report = SweepReport(
        **common(grid, synthetic), plateau=best,
        chosen=None if best is None else lines[best.centre],
        best=None if best is None else lines[best.best], own=lines[0],
    )  # fmt: skip
    return report, lines


def _t(made):
    rr = np.array([t.rr for t in made])
    return rr.mean() / rr.std(ddof=1) * np.sqrt(len(rr)) if len(rr) >= 20 else np.nan


SHAPES = [(1,), (3,), (15,), (60,), (1, 1), (2, 2), (10, 6), (6, 10), (25, 25), (40, 3), (3, 40),
          (4, 5, 3), (8, 8, 9), (3, 3, 3, 3), (5, 1, 4)]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sweeps_are_tidy(shape):
    seed = sum(shape)
    report, lines = sweep_of(shape, seed, synthetic=seed % 2 == 0, long=seed % 3 == 0)
    canvas = draw_sweep(report, lines, WORDS, [TV_DARK, TV_LIGHT][seed % 2])
    canvas.agg.draw()
    assert_tidy(canvas)


def test_a_sweep_without_any_choice_is_tidy():
    report, lines = sweep_of((3, 3), holes=False)
    empty = report.model_copy(update={"plateau": None, "chosen": None, "best": None, "own": None})
    canvas = draw_sweep(
        empty, [v.model_copy(update={"score": None}) for v in lines], WORDS, TV_DARK
    )
    canvas.agg.draw()
    assert_tidy(canvas)


def test_the_axes_are_those_that_move_the_score():
    grid = grid_of((4, 5))
    scores = np.tile(np.arange(5.0), 4)  # only the second parameter matters
    assert spread_of(grid, scores, 1) > spread_of(grid, scores, 0) == 0
    cut = Slice(grid, 0, 1, (2, 3))
    assert [cut.index(r, c) for r in range(4) for c in range(5)] == list(range(20))


def test_colours_tell_sign_and_strength():
    for theme in THEMES.values():
        assert shade(theme, np.nan, 1) == theme.panel
        assert len({shade(theme, v, 1) for v in (-1, -0.3, 0.3, 1)}) == 4
        assert shade(theme, 5, 1) == shade(theme, 1, 1)


def walk_of(shape, seed, per_variant=80, *, synthetic=False):
    rng = np.random.default_rng(seed)
    grid = grid_of(shape)
    made = [trades(rng, per_variant) for _ in range(grid.size)]
    table = TradeTable.joined([
        TradeTable(
            np.full(len(m), i), np.array([t.entry_time.timestamp() * 1e6 for t in m], "int64"),
            np.array([t.exit_time.timestamp() * 1e6 for t in m], "int64"),
            np.array([t.rr for t in m]),
        )
        for i, m in enumerate(made)
    ])  # fmt: skip
    windows = windows_of(date(2025, 1, 1), date(2025, 10, 27), 100, 25 if seed % 2 else 4)
    found = walk_forward(grid, table, windows, Choosing(min_trades=20))
    outside = [t for i, m in enumerate(made) for t in m if _is_outside(t, i, found)]
    outside.sort(key=lambda t: t.exit_time)
    report = WalkForwardReport(
        **common(grid, synthetic), inside_days=100, outside_days=25, windows=tuple(found),
        drifts=tuple(drifts(grid, found)), metrics=metrics(outside), inside_expectancy_r=0.21,
    )  # fmt: skip
    return report, outside


def _is_outside(trade, index, found):
    day = trade.entry_time.date()
    return any(w.chosen == index and w.window.split <= day < w.window.end for w in found)


@pytest.mark.parametrize(("shape", "seed", "per_variant"), [
    ((4,), 1, 80), ((3, 4), 2, 80), ((2, 3, 2, 2, 2), 3, 60), ((1,), 4, 80), ((3,), 5, 5),
])  # fmt: skip
def test_walk_forwards_are_tidy(shape, seed, per_variant):
    report, outside = walk_of(shape, seed, per_variant, synthetic=seed % 2 == 1)
    canvas = draw_walkforward(report, outside, WORDS, [TV_DARK, TV_LIGHT][seed % 2])
    canvas.agg.draw()
    assert_tidy(canvas)


def batch_of(setups, symbols, periods, seed=0):
    rng = np.random.default_rng(seed)
    tests = []
    for setup in range(setups):
        for symbol in range(symbols):
            for period in range(periods):
                error = "No bars of it are held." if rng.random() < 0.2 else ""
                tests.append(
                    BatchTest(
                        setup_id=f"A_setup_with_quite_a_name_v{setup}", symbol=f"SYM{symbol}",
                        timeframe="M5", start=date(2010 + period, 1, 1), end=date(2010 + period, 12, 31),
                        metrics=None if error else metrics(trades(rng, int(rng.integers(0, 40)))),
                        error=error,
                    )
                )  # fmt: skip
    facts = {k: v for k, v in common(grid_of((1,)), False).items()
             if k in BatchReport.model_fields}  # fmt: skip
    return BatchReport(
        **{**facts, "failed": sum(bool(t.error) for t in tests)}, tests=tuple(tests)
    )


@pytest.mark.parametrize(
    "size", [(1, 1, 1), (4, 2, 1), (4, 2, 4), (2, 9, 14), (3, 12, 20), (1, 30, 1)]
)
def test_batches_are_tidy(size):
    canvas = draw_batch(batch_of(*size), WORDS, TV_DARK)
    canvas.agg.draw()
    assert_tidy(canvas)


def test_same_input_same_bytes():
    report, lines = sweep_of((4, 5))
    walk, outside = walk_of((3,), 1)
    pictures = [
        lambda: sweep_chart(report, lines, title="a", subtitle="b", run_id="c").png,
        lambda: walkforward_chart(walk, outside, title="a", subtitle="b").png,
        lambda: batch_chart(batch_of(2, 2, 2), title="a", subtitle="b").png,
    ]
    for draw in pictures:
        assert draw() == draw()
