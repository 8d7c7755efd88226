"""The alarm: silent while a model keeps its promise, however often it is looked at."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from pipeline.domain.report import Interval
from pipeline.ml.alarm import BETS, LEAST_OUTCOMES, Outcomes, alarm_of

DAYS, PER_DAY = 90, 3
LIVES = 60


def drawn(rng, came_true, days=DAYS, per_day=PER_DAY, together=0.3, scores=None):
    """Return scores and what came true, signals of one day winning and losing together."""
    day = np.repeat(np.arange(days), rng.poisson(per_day, days))
    p = np.clip(rng.beta(8, 10, len(day)), 0.02, 0.98)
    p = np.full(len(day), scores) if scores is not None else p
    common = np.sqrt(together) * rng.normal(size=days)[day]
    z = common + np.sqrt(1 - together) * rng.normal(size=len(day))
    return Outcomes(p, (z < norm.ppf(came_true(p))).astype(float), day)


def until(found, last):
    rows = found.day <= last
    return Outcomes(found.scores[rows], found.reached[rows], found.day[rows])


def promise(rng, scores=None):
    """Return the Brier score of an untouched window of 400 rows, with its interval by days."""
    held = drawn(rng, lambda p: p, days=80, per_day=5, scores=scores)
    squared = (held.reached - held.scores) ** 2
    sums = np.bincount(held.day, squared - squared.mean(), minlength=80)
    error = sums.std() * np.sqrt(80) / len(held)
    value = float(squared.mean())
    return Interval(value=value, low=value - 1.96 * error, high=value + 1.96 * error)


def ever_raised(came_true, seed, lives=LIVES, scores=None):
    """Return in how many lives of 90 days the alarm was raised, looked at every day."""
    rng = np.random.default_rng(seed)
    raised = 0
    for _ in range(lives):
        promised, found = promise(rng, scores), drawn(rng, came_true, scores=scores)
        raised += any(alarm_of(until(found, d), promised).raised for d in range(DAYS))
    return raised


@pytest.mark.parametrize("scores", [None, 0.65])
def test_a_model_as_good_as_promised_is_hardly_ever_called_worse(scores):
    # 5 % at the most of whole lives: of 60, more than 7 come up once in 100 even then.
    assert ever_raised(lambda p: p, seed=11, scores=scores) <= 7


def test_scores_that_mostly_do_not_come_true_are_noticed_within_a_life():
    assert ever_raised(lambda p: np.full_like(p, 0.5), seed=12, scores=0.65) >= 0.8 * LIVES


def test_scores_a_tenth_too_high_are_noticed_about_every_second_time():
    assert ever_raised(lambda p: np.clip(p - 0.1, 0.01, 0.99), seed=13) >= 0.4 * LIVES


def test_scores_without_any_power_are_noticed_about_every_second_time():
    assert ever_raised(lambda p: np.full_like(p, 8 / 18), seed=14) >= 0.4 * LIVES


def test_without_outcomes_nothing_is_said():
    none = Outcomes(np.array([]), np.array([]), np.array([], dtype=np.int64))
    said = alarm_of(none, None)
    assert (said.outcomes, said.brier, said.evidence, said.raised) == (0, None, 1.0, False)


def test_a_few_terrible_outcomes_are_too_few():
    n = LEAST_OUTCOMES - 1
    few = Outcomes(np.full(n, 0.95), np.zeros(n), np.arange(n))
    assert alarm_of(few, None).evidence > 1000
    assert not alarm_of(few, None).raised
    more = Outcomes(np.full(n + 1, 0.95), np.zeros(n + 1), np.arange(n + 1))
    assert alarm_of(more, None).raised


def test_a_day_of_many_losses_counts_as_one_day():
    n = 200
    spread = Outcomes(np.full(n, 0.6), np.zeros(n), np.arange(n))
    at_once = Outcomes(np.full(n, 0.6), np.zeros(n), np.zeros(n, dtype=np.int64))
    assert alarm_of(spread, None).raised
    assert not alarm_of(at_once, None).raised


def test_the_evidence_is_that_of_stakes_laid_one_by_one():
    rng = np.random.default_rng(3)
    found, promised = drawn(rng, lambda p: p, days=20), Interval(value=0.2, low=0.18, high=0.22)
    stakes = []
    for bet in BETS:
        for part in range(3):
            stake = 1.0
            for d in set(found.day.tolist()):
                p, y = found.scores[found.day == d], found.reached[found.day == d]
                excess, least = (
                    ((y - p) ** 2 - p * (1 - p), 1 / 8),
                    (p - y, 1.0),
                    ((y - p) ** 2 - 0.22, 0.22),
                )[part]
                stake *= 1 + min(bet, 0.9 / (least * len(p))) * excess.sum()
            stakes.append(stake)
    assert alarm_of(found, promised).evidence == pytest.approx(np.mean(stakes))


cases = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        arrays(float, n, elements=st.floats(0, 1)),
        arrays(float, n, elements=st.sampled_from([0.0, 1.0])),
        arrays(np.int64, n, elements=st.integers(0, 6)),
    )
)


@given(cases, st.floats(0, 1))
def test_no_stake_is_ever_lost_and_order_means_nothing(case, high):
    promised = Interval(value=high, low=0.0, high=high)
    one = alarm_of(Outcomes(*case), promised)
    turned = alarm_of(Outcomes(*(a[::-1] for a in case)), promised)
    assert 0 < one.evidence < np.inf
    assert turned.evidence == pytest.approx(one.evidence)


@pytest.mark.parametrize(
    ("scores", "reached", "day", "said"),
    [([1.2], [1], [0], "0–1"), ([0.5], [2], [0], "0 and 1"), ([0.5], [1], [0, 1], "length")],
)
def test_what_are_no_outcomes_is_refused(scores, reached, day, said):
    with pytest.raises(ValueError, match=said):
        Outcomes(np.array(scores), np.array(reached, dtype=float), np.array(day))
