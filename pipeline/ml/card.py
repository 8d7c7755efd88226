"""A model told to people: what it learnt from, what it is worth, and the verdict in a sentence."""

import math

import numpy as np

from pipeline.backtest.metrics import wilson
from pipeline.domain.model import Drift, GateVerdict, ModelCard, ModelManifest, ScoreShare, Slice
from pipeline.ml.dataset import Dataset
from pipeline.ml.evaluation import (
    histogram,
    precision_recall_curve,
    reliability,
    roc_auc,
    roc_curve,
)
from pipeline.ml.profiles import drift_of
from pipeline.ml.scoring import Scorer
from pipeline.ml.training import Trained

_POINTS = 200
_REASONS = {
    "rows": "too few unseen signals to judge on",
    "classes": "too few unseen signals of one outcome to judge on",
    "auc_gain": "it ranks signals no better by more than 0.02",
    "delong": "its gain may well be chance",
    "bootstrap": "its gain may well be chance",
    "log_loss": "its probabilities are worse",
    "brier": "its probabilities are worse",
}


def card_of(trained: Trained, dataset: Dataset, champion: ModelManifest | None) -> ModelCard:
    """Return the card of a model that was just trained.

    Parameters
    ----------
    dataset
        What it was trained on.
    champion
        What is in use: drift is measured since its training. None: since the model's own.

    Notes
    -----
    All figures are of the last window, which the model has not seen; the break-even score is of
    all rows. Curves have at most 200 points.
    """
    rows, scores = trained.holdout_rows, trained.holdout
    y = dataset.y[rows]
    passing = score_share(y, scores, dataset.rr[rows], trained.manifest.threshold)
    curves = len(np.unique(y)) > 1
    drift = _drift(dataset, champion or trained.manifest)
    return ModelCard(
        manifest=trained.manifest,
        verdict=trained.verdict,
        sentence=sentence(trained.verdict, passing),
        reliability=reliability(y, scores),
        histogram=histogram(scores),
        roc=_thinned(*roc_curve(y, scores)) if curves else (),
        precision_recall=_thinned(*precision_recall_curve(y, scores)) if curves else (),
        contributions=_contributions(trained, dataset.x[rows]),
        by_setup=_slices(dataset.setups[rows], y, scores),
        by_symbol=_slices(dataset.symbols[rows], y, scores),
        passing=passing,
        break_even=break_even(dataset.y, dataset.rr),
        drift=drift,
        notes=(*_left_out(dataset), *_drift_note(drift)),
    )


def score_share(y: np.ndarray, scores: np.ndarray, rr: np.ndarray, threshold: float) -> ScoreShare:
    """Return what letting only scores above a threshold pass would have meant.

    Expectancies are means of R over the rows that have one; None where no row has.
    """
    passes = scores > threshold
    passed = int(passes.sum())
    return ScoreShare(
        threshold=threshold,
        passed=passed,
        share=passed / len(y) if len(y) else 0.0,
        promised=float(scores[passes].mean()) if passed else None,
        achieved=wilson(int(y[passes].sum()), passed),
        expectancy_r=_mean(rr[passes]),
        expectancy_all_r=_mean(rr),
    )


def break_even(y: np.ndarray, rr: np.ndarray) -> float | None:
    """Return the score at which a signal earns nothing, by mean win and mean loss in R.

    None where one outcome is missing, or where wins don't win or losses don't lose.
    """
    win, loss = _mean(rr[y == 1]), _mean(rr[y == 0])
    if win is None or loss is None or win <= 0 or loss >= 0:
        return None
    return -loss / (win - loss)


def sentence(verdict: GateVerdict, passing: ScoreShare) -> str:
    """Return the verdict in one sentence that promises no more than the figures do."""
    auc = verdict.challenger.roc_auc
    if auc is None:
        return (
            "Not promoted: among the unseen signals one outcome is missing, nothing can be said."
        )
    rival = f"champion {verdict.against}" if verdict.against else "chance"
    ranked = (
        f"on {verdict.challenger.rows} unseen signals a winner scored above a loser in "
        f"{auc.value:.0%} of pairs ({auc.low:.0%}–{auc.high:.0%}; a coin has 50 %)"
    )
    if not verdict.promoted:
        reasons = list(dict.fromkeys(_REASONS.get(c.name, c.name) for c in verdict.failed))
        worth = "" if auc.low > 0.5 else "; its score can't be told from a coin's"  # noqa: PLR2004
        return f"Not promoted against {rival}, as {' and '.join(reasons)}: {ranked}{worth}."
    return f"Better than {rival}: {ranked}; {_passed(passing)}."


def _passed(passing: ScoreShare) -> str:
    if passing.promised is None or passing.achieved is None:
        return f"none of them passed {passing.threshold:g}"
    achieved = passing.achieved
    return (
        f"{passing.share:.1%} passed {passing.threshold:g}, were promised {passing.promised:.0%} "
        f"and reached the target in {achieved.value:.0%} ({achieved.low:.0%}–{achieved.high:.0%})"
    )


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Return points of a curve, first and last among them."""
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), _POINTS)).round().astype(int))
    return tuple((float(x[i]), float(y[i])) for i in kept)


def _contributions(trained: Trained, x: np.ndarray) -> tuple[tuple[str, float], ...]:
    """Return mean absolute contributions, largest first, equal ones by name."""
    scorer = Scorer.of(trained.manifest, trained.trees)
    sizes = np.abs(scorer.contribution_rows(x)).mean(axis=0)
    named = zip(trained.manifest.features, sizes.tolist(), strict=True)
    return tuple(sorted(named, key=lambda item: (-item[1], item[0])))


def _slices(names: np.ndarray, y: np.ndarray, scores: np.ndarray) -> tuple[Slice, ...]:
    return tuple(
        Slice(
            name=str(name),
            rows=int((names == name).sum()),
            positives=int(y[names == name].sum()),
            roc_auc=roc_auc(y[names == name], scores[names == name]),
            mean_score=float(scores[names == name].mean()),
        )
        for name in np.unique(names)
    )


def _drift(dataset: Dataset, reference: ModelManifest) -> tuple[Drift, ...]:
    """Return drift since a training, furthest beyond its limit first."""
    if reference.feature_version != dataset.feature_version:
        return ()
    until = np.datetime64(reference.training.end.replace(tzinfo=None), "us")
    later = dataset.x[dataset.known > until]
    found = drift_of(reference.profiles, later, dataset.features)
    return tuple(sorted(found, key=lambda d: (-_beyond(d), d.feature)))


def _beyond(drift: Drift) -> float:
    return drift.psi / drift.limit if drift.limit > 0 else math.copysign(drift.psi, 1)


def _drift_note(drift: tuple[Drift, ...]) -> tuple[str, ...]:
    moved = sum(d.psi > d.limit for d in drift)
    if not drift:
        return ()
    by_chance = f"about {len(drift) * 0.05:.0f} do so without any drift"
    return (f"{moved} of {len(drift)} features moved beyond chance's limit; {by_chance}.",)


def _left_out(dataset: Dataset) -> tuple[str, ...]:
    """Return why rows were not learnt from, one line for each reason."""
    words = {
        "repeated": "were the same signal from another source",
        "without_label": "have no label",
        "without_features": "have no features",
        "other_version": "have features of another version",
        "wrong_times": "were resolved before they were known",
    }
    return tuple(
        f"{count} labelled rows {words.get(reason, reason)}: left out."
        for reason, count in sorted(dataset.left_out.items())
    )
