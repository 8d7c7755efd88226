"""Gradient-boosted trees: grown the same each time, kept as text, asked for log-odds."""

import hashlib
import re

import lightgbm
import numpy as np

from pipeline.domain.training import Hyperparams

_NAME = re.compile(r"[A-Za-z0-9_.\-]+")
_MOST_LEAVES = 31


def grow(
    x: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    features: tuple[str, ...],
    hyperparams: Hyperparams,
) -> lightgbm.Booster:
    """Return trees grown on these rows, to the byte the same for the same rows in their order.

    Parameters
    ----------
    x, y, weights
        (rows, features) with NaN for the unknown, 0/1, and how much each row counts.

    Notes
    -----
    One thread and fixed seeds. Classes are never weighted: the score is read as a probability.

    Raises
    ------
    ValueError
        A feature's name has a character that the trees' text can't hold.
    """
    if wrong := [name for name in features if not _NAME.fullmatch(name)]:
        raise ValueError(f"feature names must be letters, digits, '_', '.', '-': {wrong}")
    rows = lightgbm.Dataset(
        x, y, weight=weights, feature_name=list(features), params=_parameters(hyperparams)
    )
    return lightgbm.train(_parameters(hyperparams), rows, num_boost_round=hyperparams.n_estimators)


def _parameters(hyperparams: Hyperparams) -> dict[str, object]:
    return {
        "objective": "binary",
        "max_depth": hyperparams.max_depth,
        "num_leaves": min(2**hyperparams.max_depth, _MOST_LEAVES),
        "learning_rate": hyperparams.learning_rate,
        "min_data_in_leaf": hyperparams.min_child_samples,
        "feature_fraction": hyperparams.feature_fraction,
        "lambda_l2": hyperparams.lambda_l2,
        "seed": hyperparams.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }


def raw_scores(trees: lightgbm.Booster, x: np.ndarray) -> np.ndarray:
    """Return the log-odds of each row of `x`, in the order of the trees' features."""
    return np.asarray(trees.predict(x, raw_score=True, num_threads=1), dtype=np.float64)


def raw_contributions(trees: lightgbm.Booster, x: np.ndarray) -> np.ndarray:
    """Return (rows, features + 1): what each feature adds to the log-odds, and the base last."""
    return np.asarray(trees.predict(x, pred_contrib=True, num_threads=1), dtype=np.float64)


def text_of(trees: lightgbm.Booster) -> str:
    """Return the trees as text."""
    return str(trees.model_to_string(num_iteration=-1))


def text_hash(text: str) -> str:
    """Return the SHA-256 of the trees' text in UTF-8, as the manifest keeps it."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_trees(text: str) -> lightgbm.Booster:
    """Return the trees of a text.

    Warning
    -------
    A corrupt text ends the process or hangs it: compare its hash first.
    """
    return lightgbm.Booster(model_str=text)
