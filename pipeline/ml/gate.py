"""Whether a model is really better than what is in use: all conditions, or it stays out."""

from dataclasses import dataclass

import numpy as np

from pipeline.domain.model import GateCondition, GateVerdict
from pipeline.ml.bootstrap import DrawnDays
from pipeline.ml.delong import delong
from pipeline.ml.evaluation import (
    DRAWS,
    brier_losses,
    log_losses,
    metrics_of,
)

MIN_GAIN = 0.02
MAX_P = 0.05
MIN_ROWS = 300
MIN_CLASS = 50
_QUANTILE = 0.05


@dataclass(frozen=True)
class Judged:
    """The same unseen rows as seen by a model and by its rival.

    Attributes
    ----------
    scores
        The model's probabilities.
    rival
        Those of the champion; without one, each setup's base rate learnt in training.
    against
        The champion's version; empty: its ranking is measured against chance (0.5), its losses
        against the base rates.
    """

    y: np.ndarray
    days: np.ndarray
    scores: np.ndarray
    rival: np.ndarray
    against: str = ""
    notes: tuple[str, ...] = ()

    @property
    def ranks_against(self) -> np.ndarray:
        """The rival's scores for ranking: all equal where chance is the rival."""
        return self.rival if self.against else np.zeros(len(self.y))


def judge(rows: Judged, rng: np.random.Generator, threshold: float) -> GateVerdict:
    """Return whether the model is promoted, with the figures of every condition.

    Notes
    -----
    Promoted only if all hold: 300 rows with 50 of each class; the area under the ROC curve more
    than 0.02 larger; DeLong's one-sided paired p below 0.05; the 5 % quantile of the gain over
    days drawn anew above 0; log-loss and Brier score no worse. A gain above 0.02 alone would
    promote an equal model about one time in five at 300 rows.
    """
    drawn = DrawnDays(rows.days, rng, DRAWS)
    conditions = (*_enough(rows.y), *_ranking(rows, drawn), *_losses(rows))
    return GateVerdict(
        promoted=all(condition.passed for condition in conditions),
        against=rows.against,
        conditions=conditions,
        challenger=metrics_of(rows.y, rows.scores, drawn, threshold),
        champion=metrics_of(rows.y, rows.rival, drawn, threshold) if rows.against else None,
        notes=rows.notes,
    )


def enough(y: np.ndarray) -> bool:
    """Whether there are rows enough, of both classes, to judge on."""
    return all(condition.passed for condition in _enough(y))


def _enough(y: np.ndarray) -> tuple[GateCondition, GateCondition]:
    fewest = int(min(y.sum(), len(y) - y.sum()))
    return (
        _at_least("rows", len(y), MIN_ROWS, "unseen signals"),
        _at_least("classes", fewest, MIN_CLASS, "unseen signals of the rarer outcome"),
    )


def _at_least(name: str, value: int, bound: int, what: str) -> GateCondition:
    return GateCondition(
        name=name,
        passed=value >= bound,
        value=value,
        bound=bound,
        words=f"{value} {what}; at least {bound} are needed.",
    )


def _ranking(rows: Judged, drawn: DrawnDays) -> tuple[GateCondition, ...]:
    """Return what is asked of the ranking: the gain, DeLong's p, the gain over days drawn anew."""
    found = delong(rows.y, rows.scores, rows.ranks_against)
    rival = f"champion {rows.against}" if rows.against else "chance"
    if found is None:
        words = "One outcome is missing among the unseen signals: nothing can be ranked."
        bounds = {"auc_gain": MIN_GAIN, "delong": MAX_P, "bootstrap": 0.0}
        return tuple(
            GateCondition(name=name, passed=False, value=None, bound=bound, words=words)
            for name, bound in bounds.items()
        )
    gains = drawn.aucs(rows.y, rows.scores) - drawn.aucs(rows.y, rows.ranks_against)
    low = drawn.low(gains, _QUANTILE)
    return (
        GateCondition(
            name="auc_gain",
            passed=found.gain > MIN_GAIN,
            value=found.gain,
            bound=MIN_GAIN,
            words=f"ROC-AUC {found.auc:.3f} against {found.other:.3f} of {rival}: "
            f"{found.gain:+.3f}, more than +{MIN_GAIN} is needed.",
        ),
        GateCondition(
            name="delong",
            passed=found.p < MAX_P,
            value=found.p,
            bound=MAX_P,
            words=f"If it ranked no better than {rival}, a gain this clear would come in "
            f"{found.p:.1%} of such windows; below {MAX_P:.0%} is needed (DeLong).",
        ),
        GateCondition(
            name="bootstrap",
            passed=low > 0,
            value=low if np.isfinite(low) else None,
            bound=0.0,
            words=f"With the {drawn.days} days drawn anew the gain is at least {low:+.3f} in 19 "
            "of 20 draws; above 0 is needed.",
        ),
    )


def _losses(rows: Judged) -> tuple[GateCondition, ...]:
    """Return what is asked of the probabilities."""
    rival = f"champion {rows.against}" if rows.against else "the setups' base rates"
    found = []
    for name, called, losses in (
        ("log_loss", "Log-loss", log_losses),
        ("brier", "Brier score", brier_losses),
    ):
        if not len(rows.y):
            words = f"{called}: there are no unseen signals."
            found.append(GateCondition(name=name, passed=False, value=None, bound=0, words=words))
            continue
        own, other = (float(losses(rows.y, s).mean()) for s in (rows.scores, rows.rival))
        found.append(
            GateCondition(
                name=name,
                passed=own <= other,
                value=own,
                bound=other,
                words=f"{called} {own:.4f} against {other:.4f} of {rival}; it may not be larger.",
            )
        )
    return tuple(found)
