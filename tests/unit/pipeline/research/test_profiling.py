"""The rule profiler against planted effects, pure chance, and variants that are nearly the same."""

import itertools

import numpy as np
import pytest

from flows.profile_compute import suggestions_of
from pipeline.research.profile_points import points_of
from pipeline.research.profiling import Variation, compare_all, day_sums, pairs_of

DAYS, DRAWS = 250, 300
OWN = {"rr": "2", "gap": "0"}
PATHS = {"rr": "targets.0.tp", "gap": "tools.gaps.min_gap_atr"}


def made(seed, *, effect=0.0, shared=0.7):
    """Return 12 variants whose true mean R is 0, but for `effect` at rr=1.5.

    `shared` is the share of trades that end alike in all; each day has about 0.8 trades.
    """
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(DAYS), rng.poisson(0.8, DAYS))
    days = np.datetime64("2025-01-01") + day
    common, found = rng.random(len(day)), []
    for rr, gap in itertools.product((1, 1.5, 2, 3), (0, 0.1, 0.2)):
        kept = rng.random(len(day)) < (0.95 if gap else 2)
        luck = np.where(rng.random(len(day)) < shared, common, rng.random(len(day)))
        result = np.where(luck < 1 / (1 + rr), float(rr), -1.0) + (effect if rr == 1.5 else 0)
        values = {"rr": f"{rr:g}", "gap": f"{gap:g}"}
        found.append(Variation(f"{rr}-{gap}", values, days[kept], result[kept]))
    return found


def profiled(variants, seed, own=OWN):
    (effects,), count = compare_all([(variants, own)], np.random.default_rng(seed), DRAWS)
    return effects, count


@pytest.mark.parametrize("shared", [0.0, 0.7, 0.97])
def test_chance_is_seldom_suggested(shared):
    false = sum(
        bool(suggestions_of(profiled(made(seed, shared=shared), seed)[0], PATHS))
        for seed in range(200)
    )
    assert false <= 10  # 5 % of 200; measured: 5, 4 and 8


def test_a_planted_effect_is_found_and_covered():
    effect, found, covered = 0.4, 0, 0
    for seed in range(60):
        effects, _ = profiled(made(seed, effect=effect, shared=0.9), seed)
        (e,) = [e for e in effects if e.own and e.measure == "expectancy" and e.new == "1.5"]
        covered += e.corrected.low <= effect <= e.corrected.high
        found += any(s.new == "1.5" for s in suggestions_of(effects, PATHS))
    assert found >= 54
    assert covered >= 57


def test_order_and_duplicates_change_nothing():
    variants = made(3, effect=0.4)
    first = profiled(variants, 1)
    assert profiled(variants[::-1], 1) == first
    assert profiled([*variants, *variants[4:9]], 1) == first


def test_a_difference_is_that_of_plain_means():
    variants = made(5)
    effects, _ = profiled(variants, 1)
    plain = {(v.values["rr"], v.values["gap"]): v.rr for v in variants}
    for e in effects:
        if e.parameter != "rr" or e.measure != "expectancy":
            continue
        gaps = ("0",) if e.own else ("0", "0.1", "0.2")
        wanted = np.mean([plain[e.new, g].mean() - plain[e.old, g].mean() for g in gaps])
        assert e.value == pytest.approx(wanted)
        assert e.pairs == len(gaps)


def test_all_intervals_together_are_wider_than_each_alone():
    effects, count = profiled(made(7), 1)
    judged = [e for e in effects if e.judged]
    assert count == len(judged) > 10
    for e in judged:
        assert e.corrected.high - e.corrected.low > e.alone.high - e.alone.low


def test_the_same_trades_under_two_names_are_no_finding():
    one = made(9)[6]
    twins = [Variation(str(k), {"gap": str(k)}, one.days, one.rr) for k in range(3)]
    effects, count = profiled(twins, 1, {"gap": "0"})
    assert count == 0
    assert not suggestions_of(effects, PATHS)
    assert all(e.corrected is None and e.value == 0 for e in effects)


def test_a_difference_on_a_few_days_is_not_judged():
    one = made(11)[6]
    other = one.rr.copy()
    other[:8] += 5
    pair = [Variation("a", {"gap": "0"}, one.days, one.rr),
            Variation("b", {"gap": "1"}, one.days, other)]  # fmt: skip
    effects, _ = profiled(pair, 1, {"gap": "0"})
    assert not any(e.judged for e in effects if e.measure == "expectancy")


def test_fifty_trades_are_not_enough():
    rng = np.random.default_rng(1)
    days = np.datetime64("2025-01-01") + np.arange(50)
    pair = [Variation(str(k), {"gap": str(k)}, days, rng.normal(k, 0.1, 50)) for k in (0, 1)]
    effects, _ = profiled(pair, 1, {"gap": "0"})
    assert any(e.corrected.low > 0 for e in effects if e.own and e.judged)
    assert suggestions_of(effects, PATHS) == ()


@pytest.mark.parametrize("variants", [[], made(1)[:1]])
def test_nothing_to_compare(variants):
    assert profiled(variants, 1) == ([], 0)


def test_grounds_share_one_correction():
    variants = made(13)
    alone, one = compare_all([(variants, OWN)], np.random.default_rng(1), DRAWS)
    both, two = compare_all([(variants, OWN), (made(14), OWN)], np.random.default_rng(1), DRAWS)
    assert two > one
    pairs = [(a, b) for a, b in zip(alone[0], both[0], strict=True) if a.corrected]
    assert all(b.corrected.low <= a.corrected.low for a, b in pairs)


def test_neighbours_are_all_else_equal():
    variants = [Variation(str(v), v, np.array([]), np.array([])) for v in (
        {"a": "1", "b": "x"}, {"a": "10", "b": "x"}, {"a": "2", "b": "x"}, {"a": "2", "b": "y"},
    )]  # fmt: skip
    told = {(p.parameter, p.old, p.new, p.own) for p in pairs_of(variants, {"a": "1", "b": "x"})}
    assert told == {
        ("a", "1", "2", False), ("a", "2", "10", False), ("b", "x", "y", False),
        ("a", "1", "2", True), ("a", "1", "10", True),
    }  # fmt: skip


def test_sums_and_points():
    variants = made(15)
    days, sums = day_sums(variants)
    assert sums.shape == (days, 12, 3)
    assert sums[:, 4, 1].sum() == pytest.approx(variants[4].rr.sum())
    points = points_of(variants, "rr", OWN, np.random.default_rng(1), DRAWS)
    assert [p.value for p in points] == ["1", "1.5", "2", "3"]
    assert points[0].mean_r == pytest.approx(variants[0].rr.mean())
    assert all(p.expectancy.low < p.mean_r < p.expectancy.high for p in points)
