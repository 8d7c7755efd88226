"""Which tries are the same variant, and where a result stands among all of them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from purgedcv import deflated_sharpe_ratio

from pipeline.backtest.trials import Tried, standing, trial_of, variant_of
from pipeline.domain.market import Timeframe
from pipeline.domain.request import BacktestOptions
from tests.kit.plain_services import LibrarySetups

SPECS = LibrarySetups().specs
NOW = datetime(2025, 10, 31, 10, tzinfo=UTC)


@dataclass
class Given:
    rng: np.random.Generator

    def rr(self, n=100, mean=0.0):
        return self.rng.normal(mean, 1, n)


@pytest.fixture
def drawn():
    return Given(np.random.default_rng(3))


def tried(**changes):
    values = {
        "spec": SPECS["Frank_raid_v1"],
        "symbol": "EURUSD",
        "timeframe": Timeframe.M1,
        "options": BacktestOptions(),
        "first": date(2024, 1, 1),
        "last": date(2024, 12, 31),
    }
    return Tried(**{**values, **changes})


def trial(rr, **changes):
    return trial_of(tried(**changes), rr, run_id="bt_1", at=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"timeframe": Timeframe.M5},
        {"options": BacktestOptions(rr_target=3)},
        {"options": BacktestOptions(fill="pessimistic")},
        {"last": date(2024, 12, 30)},
        {"spec": SPECS["Frank_raid_v1"].model_copy(update={"sl": 1.5})},
    ],
)
def test_whatever_moves_a_trade_is_another_variant(changes):
    assert variant_of(tried(**changes)) != variant_of(tried())


@pytest.mark.parametrize(
    "changes",
    [
        {"options": BacktestOptions(lots=3, dry_run=True)},
        {"options": BacktestOptions(risk=100)},
        {"spec": SPECS["Frank_raid_v1"].model_copy(update={"title": "x", "rule_version": "1.1"})},
    ],
)
def test_size_and_words_are_none(changes):
    assert variant_of(tried(**changes)) == variant_of(tried())


def test_a_target_in_the_rules_and_one_asked_for_are_the_same():
    spec = SPECS["Frank_raid_v1"]
    assert [target.tp for target in spec.targets] == [2.0]
    assert variant_of(tried(options=BacktestOptions(rr_target=2))) == variant_of(tried())
    far = tuple(target.model_copy(update={"tp": 3.0}) for target in spec.targets)
    changed = tried(spec=spec.model_copy(update={"targets": far}))
    assert variant_of(tried(options=BacktestOptions(rr_target=3))) == variant_of(changed)
    assert trial(np.zeros(0), options=BacktestOptions(rr_target=3)).what["options"] == {
        "rr_target": 3.0
    }


def test_a_trial_keeps_what_a_deflated_sharpe_needs(drawn):
    rr = drawn.rr(90, 0.2)
    sharpe = trial(rr).sharpe
    assert sharpe.ratio == pytest.approx(rr.mean() / rr.std())
    assert sharpe.count == 90
    assert trial(np.zeros(0)).sharpe is None
    assert trial(np.full(30, -1.0)).sharpe is None


def test_a_first_try_is_measured_against_zero(drawn):
    first = trial(drawn.rr())
    found = standing([], first)
    assert (found.number, found.tried, found.luckiest) == (1, 1, 0.0)
    assert found == standing([first], first)


def test_the_spread_is_that_of_the_tries(drawn):
    series = [drawn.rr(100, 0.1) for _ in range(12)]
    tries = [trial(rr, first=date(2024, 1, 1) + timedelta(days=i)) for i, rr in enumerate(series)]
    found = standing(tries, tries[4])
    ratios = [rr.mean() / rr.std() for rr in series]
    expected = deflated_sharpe_ratio(series[4], 12, float(np.var(ratios, ddof=1)))
    assert (found.number, found.tried) == (5, 12)
    assert found.deflated == pytest.approx(expected, abs=1e-9)


def test_a_try_of_three_trades_counts_but_does_not_widen_the_spread(drawn):
    tries = [trial(drawn.rr(), options=BacktestOptions(rr_target=rr)) for rr in (1, 2, 3)]
    tiny = trial(np.array([-1.0, -1.01, -0.99, -1.0]), first=date(2024, 12, 1))
    found = standing([*tries, tiny], tries[0])
    assert found.tried == 4
    assert found.luckiest < 0.2


def test_without_other_tries_to_learn_from_the_spread_is_a_sharpe_ratios_own_error(drawn):
    mine = trial(drawn.rr(101))
    empty = trial(np.zeros(0), last=date(2024, 2, 1))
    found = standing([empty], mine)
    assert (found.number, found.tried) == (2, 2)
    # Expected maximum of two standard normals, by the paper's approximation: 0.5198.
    assert found.luckiest == pytest.approx(0.5198 / 10, abs=1e-3)


def test_a_result_without_a_sharpe_ratio_has_no_chance_to_tell():
    assert standing([], trial(np.zeros(0))).deflated is None
