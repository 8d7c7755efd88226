"""What a training computes, as functions that run in a computing process of their own.

Each makes the dataset from the same kept rows anew: that takes milliseconds, and whatever a
rerun begins with, it sees what the first attempt saw.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from flows.backtest_compute import Frozen
from pipeline.domain.label import Label
from pipeline.domain.model import Calibrator, GateVerdict, ModelCard, ModelManifest
from pipeline.domain.training import Hyperparams
from storage.model_ports import StoredModel

if TYPE_CHECKING:
    from pipeline.ml.dataset import Dataset
    from pipeline.ml.training import Fitted

Rows: TypeAlias = Sequence[Label]


class Prepared(Frozen):
    """Output of feature_engineering: what can be learnt from.

    `left_out`: why rows were not taken -> how many.
    """

    rows: int
    positives: int
    features: int
    feature_version: str
    left_out: dict[str, int]
    fingerprint: str


class Windows(Frozen):
    """Output of train_test_split: rows that are learnt from, that each fold and the gate judges.

    `holdout` is the last window, which nothing but the gate sees.
    """

    training: int
    training_positives: int
    folds: tuple[int, ...]
    holdout: int
    holdout_positives: int


class Grown(Frozen):
    """Output of model_training: the trees, and the scores of those that had not seen their rows.

    `rows` are row numbers of the dataset, `raw` their log-odds.
    """

    trees: str
    calibrator: Calibrator
    hyperparams: Hyperparams
    rows: tuple[int, ...]
    raw: tuple[float, ...]


class Judged(Frozen):
    """A model with its manifest, verdict and card; the version is given when it is kept."""

    manifest: ModelManifest
    verdict: GateVerdict
    card: ModelCard


class Order(Frozen):
    """What a model is to be called, and how it is to be judged."""

    model_id: str
    run_id: str
    hyperparams: Hyperparams
    threshold: float
    now: datetime


def prepare(rows: Rows) -> Prepared:
    """Return what can be learnt from these rows."""
    data = _dataset(rows)
    return Prepared(
        rows=len(data),
        positives=data.positives,
        features=len(data.features),
        feature_version=data.feature_version,
        left_out=dict(data.left_out),
        fingerprint=data.fingerprint,
    )


def windows(rows: Rows, hyperparams: Hyperparams) -> Windows:
    """Return which rows are learnt from and which judged; DataError where they are too few."""
    from pipeline.ml.training import split  # noqa: PLC0415

    data = _dataset(rows)
    found = split(data, hyperparams)
    return Windows(
        training=len(found.last.train),
        training_positives=int(data.y[found.last.train].sum()),
        folds=tuple(len(fold.test) for fold in found.folds),
        holdout=len(found.last.test),
        holdout_positives=int(data.y[found.last.test].sum()),
    )


def grow(rows: Rows, hyperparams: Hyperparams) -> Grown:
    """Return trees grown on all rows before the last window, and their calibration."""
    from pipeline.ml.training import fit, split  # noqa: PLC0415

    data = _dataset(rows)
    fitted = fit(data, split(data, hyperparams), hyperparams)
    return Grown(
        trees=fitted.trees,
        calibrator=fitted.calibrator,
        hyperparams=fitted.hyperparams,
        rows=tuple(fitted.rows.tolist()),
        raw=tuple(fitted.raw.tolist()),
    )


def judge(rows: Rows, grown: Grown, order: Order, champion: StoredModel | None) -> Judged:
    """Return the model judged on the last window against a champion, or chance and base rates.

    Raises
    ------
    ModelRefusedError
        The champion is not what it was when it was kept.
    """
    import numpy as np  # noqa: PLC0415

    from pipeline.ml.card import card_of  # noqa: PLC0415
    from pipeline.ml.scoring import Scorer  # noqa: PLC0415
    from pipeline.ml.training import Naming, evaluate, split  # noqa: PLC0415

    data = _dataset(rows)
    rival = None if champion is None else Scorer.of(champion.manifest, champion.trees)
    naming = Naming(model_id=order.model_id, run_id=order.run_id, threshold=order.threshold)
    trained = evaluate(
        data, split(data, order.hyperparams), _fitted(grown), rival,
        np.random.default_rng(order.hyperparams.seed), (order.now, naming),
    )  # fmt: skip
    same = champion is not None and champion.manifest.features == data.features
    card = card_of(trained, data, champion.manifest if same and champion else None)
    return Judged(manifest=trained.manifest, verdict=trained.verdict, card=card)


def _dataset(rows: Rows) -> "Dataset":
    from pipeline.ml.dataset import dataset_of  # noqa: PLC0415
    from pipeline.ml.features import FEATURE_VERSION, FEATURES  # noqa: PLC0415

    return dataset_of(rows, FEATURES, FEATURE_VERSION)


def _fitted(grown: Grown) -> "Fitted":
    import numpy as np  # noqa: PLC0415

    from pipeline.ml.training import Fitted  # noqa: PLC0415

    return Fitted(
        grown.trees, grown.calibrator, grown.hyperparams,
        np.array(grown.rows, dtype=np.int64), np.array(grown.raw, dtype=np.float64),
    )  # fmt: skip
