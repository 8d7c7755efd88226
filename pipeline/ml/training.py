"""From labelled signals to a model with its verdict: split, fit, judge, never look ahead."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from pipeline.domain.errors import DataError
from pipeline.domain.model import Calibrator, GateVerdict, GoldenRow, ModelManifest, Window
from pipeline.domain.training import SIGNAL_CLASSIFIER, Hyperparams
from pipeline.ml.boosting import grow, raw_scores, read_trees, text_hash, text_of
from pipeline.ml.calibration import calibrated, platt, probability
from pipeline.ml.dataset import Dataset
from pipeline.ml.evaluation import log_losses
from pipeline.ml.gate import judge
from pipeline.ml.profiles import profiles_of
from pipeline.ml.rivals import judged_rows
from pipeline.ml.scoring import Scorer
from pipeline.ml.search import search
from pipeline.ml.splits import Split, hold_out, walk_forward
from pipeline.ml.weights import uniqueness

_FEWEST_ROWS = 30
_FEWEST_OF_CLASS = 5
_GOLDEN = 8


@dataclass(frozen=True)
class Windows:
    """What is learnt from and judged: the last window apart, folds inside what is before it."""

    last: Split
    folds: tuple[Split, ...]


@dataclass(frozen=True)
class Fitted:
    """Trees with the sigmoid that makes their scores probabilities.

    `rows` are those with a score from trees that had not seen them, `raw` these scores.
    """

    trees: str
    calibrator: Calibrator
    hyperparams: Hyperparams
    rows: np.ndarray
    raw: np.ndarray


@dataclass(frozen=True)
class Trained:
    """A new model, its verdict, and the scores that the card is made from.

    Attributes
    ----------
    manifest
        With the SHA-256 of `trees`.
    out_of_fold_rows, out_of_fold
        Row numbers in the dataset, and the calibrated scores of trees that had not seen them.
    holdout_rows, holdout
        The untouched window's rows and scores. The gate may have judged on the later part of them
        alone (`verdict.notes`).
    """

    manifest: ModelManifest
    trees: str
    verdict: GateVerdict
    out_of_fold_rows: np.ndarray
    out_of_fold: np.ndarray
    holdout_rows: np.ndarray
    holdout: np.ndarray


@dataclass(frozen=True)
class Naming:
    """What a model is called and how long it may be used."""

    version: str = "v1.0"
    model_id: str = SIGNAL_CLASSIFIER
    run_id: str = ""
    threshold: float = 0.6
    expiry_days: int = 90


def train(
    dataset: Dataset,
    hyperparams: Hyperparams,
    champion: Scorer | None,
    rng: np.random.Generator,
    now: datetime,
    naming: Naming = Naming(),
) -> Trained:
    """Return a model learnt from all rows before the last window, judged on that window.

    Parameters
    ----------
    champion
        What is in use; None: chance and the setups' base rates are to be beaten.
    rng
        For the verdict's samples of days; the trees have their own seed.
    now
        When the model is made, UTC.

    Raises
    ------
    DataError
        There are too few rows to learn anything.
    """
    windows = split(dataset, hyperparams)
    fitted = fit(dataset, windows, hyperparams)
    return evaluate(dataset, windows, fitted, champion, rng, (now, naming))


def split(dataset: Dataset, hyperparams: Hyperparams) -> Windows:
    """Return the windows: the last one for the gate, and walk-forward folds before it.

    Raises
    ------
    DataError
        Fewer than 30 rows to learn from, or fewer than 5 of one outcome, or no fold that has them.
    """
    last = hold_out(dataset.known, dataset.resolved, dataset.y)
    folds = walk_forward(
        dataset.known, dataset.resolved, last.train, hyperparams.cross_validation_folds
    )
    usable = tuple(fold for fold in folds if _learnable(dataset.y[fold.train]))
    if not _learnable(dataset.y[last.train]) or not usable:
        won = int(dataset.y[last.train].sum())
        raise DataError(
            f"too few labelled signals to learn from: {len(last.train)} before the last window, "
            f"{won} of them reached the target; label more with /label",
            rows=len(dataset),
        )
    return Windows(last, usable)


def _learnable(y: np.ndarray) -> bool:
    return len(y) >= _FEWEST_ROWS and min(y.sum(), len(y) - y.sum()) >= _FEWEST_OF_CLASS


def fit(dataset: Dataset, windows: Windows, hyperparams: Hyperparams) -> Fitted:
    """Return trees grown on all training rows, calibrated on scores that had not seen their rows.

    Hyperparameters are searched first if asked for, on the folds alone.
    """
    chosen = search(hyperparams, lambda tried: _loss(dataset, windows.folds, tried))
    rows, raw = _out_of_fold(dataset, windows.folds, chosen)
    return Fitted(
        trees=_grown(dataset, windows.last.train, chosen),
        calibrator=platt(raw, dataset.y[rows]),
        hyperparams=chosen,
        rows=rows,
        raw=raw,
    )


def _grown(dataset: Dataset, rows: np.ndarray, hyperparams: Hyperparams) -> str:
    """Return the text of trees grown on these rows, each weighted by what it alone tells."""
    weights = uniqueness(dataset.known[rows], dataset.resolved[rows], dataset.symbols[rows])
    trees = grow(dataset.x[rows], dataset.y[rows], weights, dataset.features, hyperparams)
    return text_of(trees)


def _out_of_fold(
    dataset: Dataset, folds: tuple[Split, ...], hyperparams: Hyperparams
) -> tuple[np.ndarray, np.ndarray]:
    raw = [
        raw_scores(read_trees(_grown(dataset, fold.train, hyperparams)), dataset.x[fold.test])
        for fold in folds
    ]
    return np.concatenate([fold.test for fold in folds]), np.concatenate(raw)


def _loss(dataset: Dataset, folds: tuple[Split, ...], hyperparams: Hyperparams) -> float:
    rows, raw = _out_of_fold(dataset, folds, hyperparams)
    return float(log_losses(dataset.y[rows], probability(raw)).mean())


def evaluate(
    dataset: Dataset,
    windows: Windows,
    fitted: Fitted,
    champion: Scorer | None,
    rng: np.random.Generator,
    made: tuple[datetime, Naming],
) -> Trained:
    """Return the model with its verdict on the last window.

    Parameters
    ----------
    made
        When the model is made and what it is called.
    """
    x = dataset.x[windows.last.test]
    scores = calibrated(fitted.calibrator, raw_scores(read_trees(fitted.trees), x))
    rows = judged_rows(dataset, windows.last, scores, champion)
    verdict = judge(rows, rng, made[1].threshold)
    return Trained(
        manifest=_manifest(dataset, windows.last, fitted, verdict, made),
        trees=fitted.trees,
        verdict=verdict,
        out_of_fold_rows=fitted.rows,
        out_of_fold=calibrated(fitted.calibrator, fitted.raw),
        holdout_rows=windows.last.test,
        holdout=scores,
    )


def _manifest(
    dataset: Dataset,
    last: Split,
    fitted: Fitted,
    verdict: GateVerdict,
    made: tuple[datetime, Naming],
) -> ModelManifest:
    now, naming = made
    learnt = last.train
    return ModelManifest(
        model_id=naming.model_id,
        version=naming.version,
        created_at=now,
        run_id=naming.run_id,
        feature_version=dataset.feature_version,
        features=dataset.features,
        dtypes=("float64",) * len(dataset.features),
        data_fingerprint=dataset.fingerprint,
        setups=tuple(sorted({str(name) for name in dataset.setups[learnt]})),
        symbols=tuple(sorted({str(name) for name in dataset.symbols[learnt]})),
        training=_window(dataset, learnt),
        holdout=_window(dataset, last.test),
        hyperparams=fitted.hyperparams,
        calibrator=fitted.calibrator,
        threshold=naming.threshold,
        base_rate=float(dataset.y[learnt].mean()),
        metrics=verdict.challenger,
        golden=_golden(fitted, dataset.x[learnt]),
        profiles=profiles_of(dataset.x[learnt], dataset.features),
        expiry_days=naming.expiry_days,
        sha256=text_hash(fitted.trees),
    )


def _window(dataset: Dataset, rows: np.ndarray) -> Window:
    """Return the stretch from the first row's close to when the last label was resolved."""
    return Window(
        start=_moment(dataset.known[rows].min()),
        end=_moment(dataset.resolved[rows].max()),
        rows=len(rows),
        positives=int(dataset.y[rows].sum()),
    )


def _moment(stamp: np.datetime64) -> datetime:
    moment: datetime = stamp.astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)


def _golden(fitted: Fitted, x: np.ndarray) -> tuple[GoldenRow, ...]:
    """Return rows spread over the training window, and one of which nothing is known."""
    picked = x[np.linspace(0, len(x) - 1, _GOLDEN).astype(int)]
    rows = np.vstack([picked, np.full((1, x.shape[1]), np.nan)])
    raw = raw_scores(read_trees(fitted.trees), rows)
    score = calibrated(fitted.calibrator, raw)
    return tuple(
        GoldenRow(
            features=tuple(None if np.isnan(value) else float(value) for value in row),
            raw=float(raw[i]),
            score=float(score[i]),
        )
        for i, row in enumerate(rows)
    )
