"""Whether a model's live scores are worse than it promised, asked as often as one likes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.report import Interval

Floats = NDArray[np.float64]
FALSE_ALARM = 0.05
"""How often, at the most, a model as good as it promised is ever called worse."""
LEAST_OUTCOMES = 30
BETS = (0.25, 0.5, 1.0, 2.0, 4.0)
_MOST = 0.9
"""Of what is held no more than this share can be lost in one day."""


@dataclass(frozen=True)
class Outcomes:
    """Signals that a model scored and whose end is known.

    `day` is any number that is the same for signals of the same day. Scores are 0–1, `reached` is
    1 where the target came first and 0 where not.
    """

    scores: Floats
    reached: Floats
    day: NDArray[np.int64]

    def __post_init__(self) -> None:
        sizes = {len(self.scores), len(self.reached), len(self.day)}
        if len(sizes) != 1:
            raise ValueError(f"scores, reached and day differ in length: {sorted(sizes)}")
        if not np.all((self.scores >= 0) & (self.scores <= 1)):
            raise ValueError("a score lies outside 0–1")
        if not np.all((self.reached == 0) | (self.reached == 1)):
            raise ValueError("reached holds something else than 0 and 1")

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class Alarm:
    """What the live outcomes say against a model's promise.

    `brier` is the mean squared distance of score and outcome; `promised` that of the untouched
    window, `implied` what it would be if each score came true as often as it says. `evidence` is
    how many times the stake has grown by betting against the promise; `raised` from 1 /
    `FALSE_ALARM` on.
    """

    outcomes: int
    days: int
    brier: float | None
    promised: float | None
    implied: float | None
    mean_score: float | None
    share_reached: float | None
    evidence: float
    raised: bool


def alarm_of(outcomes: Outcomes, promised: Interval | None) -> Alarm:
    """Hold live outcomes against what the model promised.

    Parameters
    ----------
    promised
        The Brier score on the window that the training left untouched, with its interval; None:
        it could not be told, and only the scores' own promise is looked at.

    Notes
    -----
    Three bets are laid anew each day, all one-sided.

    1. Against the scores themselves. Were each true, (y − p)² would exceed p (1 − p) by nothing
       on average: that excess is (y − p)(1 − 2p), Spiegelhalter's statistic, never below −1/8.
    2. Against the promised Brier, taken at the upper end of its interval: a window of some
       hundred rows tells no more.
    3. Against the sum of the scores: p − y. Scores below 0.5 of which still fewer come true make
       the Brier score better, and cost money all the same.

    A day's excess is added up before the bet, so that signals which win and lose together count
    as one. If the model is as good as promised no stake grows on average, whatever was bet, and
    a stake that doesn't grow on average exceeds 20 times its beginning at one moment of its whole
    life with a probability of 1/20 at the most (Ville, 1939). So it may be looked at daily
    without an alarm becoming likelier. The evidence is the mean of the stakes, each spread over
    `BETS`.

    Warnings
    --------
    Few outcomes prove little. Of models with 300 outcomes, those whose scores of 0.65 come true
    in 50 of 100 cases are all but surely called; those off by 0.10 about every second time.
    """
    if not len(outcomes):
        return Alarm(0, 0, None, _value(promised), None, None, None, 1.0, raised=False)
    p, y = outcomes.scores, outcomes.reached
    squared = (y - p) ** 2
    days, place = np.unique(outcomes.day, return_inverse=True)
    sizes = np.bincount(place).astype(np.float64)
    stakes = [
        _grown(_by_day(squared - p * (1 - p), place), sizes / 8),
        _grown(_by_day(p - y, place), sizes),
    ]
    if promised is not None:
        upper = max(promised.high, 1e-9)
        stakes.append(_grown(_by_day(squared - upper, place), sizes * upper))
    evidence = float(np.mean(stakes))
    enough = len(outcomes) >= LEAST_OUTCOMES
    return Alarm(
        outcomes=len(outcomes),
        days=len(days),
        brier=float(squared.mean()),
        promised=_value(promised),
        implied=float((p * (1 - p)).mean()),
        mean_score=float(p.mean()),
        share_reached=float(y.mean()),
        evidence=evidence,
        raised=enough and evidence >= 1 / FALSE_ALARM,
    )


def _by_day(excess: Floats, place: NDArray[np.int64]) -> Floats:
    return np.bincount(place, weights=excess).astype(np.float64)


def _grown(excess: Floats, most_lost: Floats) -> float:
    """Return what a stake of 1 has become, spread over `BETS`.

    Parameters
    ----------
    excess
        Of each day; zero or less on average if the promise holds.
    most_lost
        By how much each day's excess can fall below zero: bets stay below what that allows.
    """
    logs = [float(np.log1p(np.minimum(bet, _MOST / most_lost) * excess).sum()) for bet in BETS]
    return float(np.exp(_capped(logs)).mean())


def _capped(logs: Sequence[float]) -> Floats:
    return np.minimum(np.asarray(logs, dtype=np.float64), 500.0)


def _value(promised: Interval | None) -> float | None:
    return None if promised is None else promised.value
