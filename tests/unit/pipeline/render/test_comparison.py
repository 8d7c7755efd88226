"""The picture of two runs: tidy whatever they hold, and it ends where the figures say."""

from datetime import date, timedelta

import numpy as np
import pytest

from pipeline.backtest.comparison import Kept, compare
from pipeline.backtest.metrics import metrics
from pipeline.domain.comparison import RunFacts
from pipeline.render.comparison import (
    comparison_chart,
    difference_curve,
    draw_comparison,
)
from pipeline.render.report_charts import curve_of
from pipeline.render.theme import THEMES, TV_DARK
from tests.kit.pictures import trades_drawn
from tests.kit.tidy import assert_tidy, words_of

LONG_NAME = "A_setup_whose_author_could_not_stop_before_the_sixty_fourth_char"


def run(n, seed, symbol="EURUSD", synthetic=False):
    trades = trades_drawn(np.random.default_rng(seed), n)
    facts = RunFacts(
        run_id=f"bt_2025_10_31_{seed:03d}", setup_id=LONG_NAME if n == 7 else "Frank_raid_v1",
        rule_version="1.12", symbol=symbol, timeframe="M5", start=date(2024, 1, 1),
        end=date(2024, 12, 31), synthetic=synthetic,
    )  # fmt: skip
    return Kept(facts, trades)


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 60), (1, 1), (7, 300), (300, 290), (2000, 5)])
def test_the_picture_is_tidy(n, m, theme):
    one, two = run(n, 1), run(m, 2, "EURUSD" if n else "GER40", synthetic=n == 300)
    canvas = draw_comparison(compare(one, two), (one.trades, two.trades), theme)
    assert_tidy(canvas)
    texts = [text for text, _, _ in words_of(canvas)]
    assert "A bt_2025_10_31_001 · B bt_2025_10_31_002" in texts
    assert not [t for t in texts if t.endswith("…") and not t.startswith("A_setup")]


@pytest.mark.parametrize("seed", range(5))
def test_the_difference_ends_at_the_difference_of_the_totals(seed):
    one, two = run(40, seed).trades, run(55, seed + 10).trades
    curve = difference_curve((curve_of(one), curve_of(two)))
    assert curve.equity[-1] == pytest.approx(metrics(two).total_r - metrics(one).total_r)
    assert (np.diff(curve.times) > 0).all()
    halfway = one[20].exit_time + timedelta(seconds=1)
    until = [sum(t.rr for t in part if t.exit_time <= halfway) for part in (one, two)]
    row = np.searchsorted(curve.times, halfway.timestamp(), side="right") - 1
    assert curve.equity[row] == pytest.approx(until[1] - until[0])


def test_the_same_input_gives_the_same_bytes():
    one, two = run(50, 1), run(60, 2)
    found = compare(one, two)
    drawn = [comparison_chart(found, one.trades, two.trades, theme=TV_DARK.name) for _ in "ab"]
    assert drawn[0].png == drawn[1].png
    assert len(drawn[0].png) < 100_000
