"""A training of 5,000 labelled signals with its gate, and one signal scored, beside scikit-learn."""

import time
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bench.timing import best
from pipeline.domain.training import Hyperparams
from pipeline.ml.dataset import Dataset
from pipeline.ml.scoring import Scorer
from pipeline.ml.training import train

ROWS, FEATURES, FOLDS = 5000, 60, 5
TRAIN_LIMIT, SCORE_LIMIT, CONTRIBUTIONS_LIMIT = 20.0, 0.2, 1.0
_CALLS = 300
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def labelled(seed: int = 1) -> Dataset:
    """Signals every three hours with a weak signal in the first features; one value in twenty unknown."""
    rng = np.random.default_rng(seed)
    minute = np.timedelta64(1, "m")
    known = np.datetime64("2023-01-02", "us") + np.sort(rng.integers(0, ROWS * 180, ROWS)) * minute
    x = rng.normal(size=(ROWS, FEATURES))
    y = (rng.random(ROWS) < 1 / (1 + np.exp(0.5 - 0.4 * x[:, :3].sum(axis=1)))).astype(np.int8)
    x[rng.random(x.shape) < 0.05] = np.nan
    return Dataset(
        features=tuple(f"f{i}" for i in range(FEATURES)),
        feature_version="bench",
        x=x,
        y=y,
        known=known,
        resolved=known + rng.integers(5, 600, ROWS) * minute,
        rr=np.where(y == 1, 2.0, -1.0),
        setups=rng.choice(np.array(["A", "B", "C"]), ROWS),
        symbols=rng.choice(np.array(["EURUSD", "GER40"]), ROWS),
        keys=tuple(str(i) for i in range(ROWS)),
    )


def scikit_learn(data: Dataset) -> float:
    """Seconds for its histogram trees over as many folds and once over all, one thread, no gate."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import TimeSeriesSplit
    from threadpoolctl import threadpool_limits

    def run() -> None:
        for rows, unseen in TimeSeriesSplit(FOLDS).split(data.x):
            trees = HistGradientBoostingClassifier(max_iter=100, max_depth=5, learning_rate=0.05)
            trees.fit(data.x[rows], data.y[rows]).predict_proba(data.x[unseen])
        HistGradientBoostingClassifier(max_iter=100, max_depth=5, learning_rate=0.05).fit(
            data.x, data.y
        )

    with threadpool_limits(1):
        start = time.perf_counter()
        run()
        return time.perf_counter() - start


def scikit_learn_row(data: Dataset) -> float:
    """Milliseconds for one row through the same trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        trees = HistGradientBoostingClassifier(max_iter=100, max_depth=5).fit(data.x, data.y)
        return best(lambda: [trees.predict_proba(data.x[:1]) for _ in range(50)], 2) / 50 * 1000


def measure() -> dict[str, Any]:
    """The figures: a training against a champion, one signal's score, and its contributions."""
    data = labelled()
    first = train(data, Hyperparams(), None, np.random.default_rng(1), _NOW)
    scorer = Scorer.of(first.manifest, first.trees)
    start = time.perf_counter()
    train(data, Hyperparams(), scorer, np.random.default_rng(1), _NOW)
    seconds = time.perf_counter() - start
    row = dict(zip(data.features, data.x[0].tolist(), strict=True))
    score = best(lambda: [scorer.score(row) for _ in range(_CALLS)]) / _CALLS * 1000
    why = best(lambda: [scorer.contributions(row) for _ in range(_CALLS)]) / _CALLS * 1000
    return {
        "train_5000_s": {
            "value": seconds,
            "unit": "s",
            "limit": TRAIN_LIMIT,
            "note": f"{ROWS} × {FEATURES}, {FOLDS} folds and the gate; scikit-learn's trees have none",
            "peers": {"scikit-learn": scikit_learn(data)},
        },
        "score_ms": {
            "value": score,
            "unit": "ms",
            "limit": SCORE_LIMIT,
            "note": "one signal",
            "peers": {"scikit-learn": scikit_learn_row(data)},
        },
        "contrib_ms": {
            "value": why,
            "unit": "ms",
            "limit": CONTRIBUTIONS_LIMIT,
            "note": "what each feature added",
            "peers": {},
        },
    }
