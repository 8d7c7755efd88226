"""What a retraining computes, as functions that run in a process of their own."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flows.backtest_compute import Frozen
from pipeline.domain.errors import DataError
from pipeline.domain.exchange import RETRAIN_TIMEFRAME
from pipeline.domain.label import BACKTEST, Label
from pipeline.domain.model import GateVerdict, ModelManifest
from pipeline.domain.training import Hyperparams
from storage.model_ports import StoredModel

if TYPE_CHECKING:
    from pipeline.ml.dataset import Dataset

LEAST_ROWS = 500
RULE_VERSION = "v1.0"


class Order(Frozen):
    """Which model is to be made of which market."""

    model_id: str
    run_id: str
    symbol: str
    fee: float
    now: datetime
    hyperparams: Hyperparams = Hyperparams()


class Prepared(Frozen):
    """Output of feature_preparation: what can be learnt from.

    `cost` is what a trade's fees take on average, in distances from entry to stop.
    """

    rows: int
    positives: int
    features: int
    fingerprint: str
    cost: float


class Learnt(Frozen):
    """Output of model_training: a model as it is kept, and its verdict."""

    manifest: ModelManifest
    trees: str
    verdict: GateVerdict


def prepare_rows(bars: pd.DataFrame, order: Order) -> Prepared:
    """Return what can be learnt from these bars.

    Raises
    ------
    DataError
        Too few rows; it says how many days would do.
    """
    data, cost = dataset_from(bars, order)
    if len(data) < LEAST_ROWS:
        days = max(1, round((bars["close_time"].iloc[-1] - bars["open_time"].iloc[0]).days))
        more = int(np.ceil(days * LEAST_ROWS / max(1, len(data)))) + 1
        raise DataError(
            f"{len(data)} rows to learn from, {LEAST_ROWS} are needed: ask for days={more}."
        )
    return Prepared(
        rows=len(data), positives=data.positives, features=len(data.features),
        fingerprint=data.fingerprint, cost=cost,
    )  # fmt: skip


def learn(bars: pd.DataFrame, order: Order, champion: StoredModel | None) -> Learnt:
    """Return a model of these bars, judged on their last part against the champion or chance.

    Raises
    ------
    ModelRefusedError
        The champion is not what it was when it was kept.
    """
    from pipeline.ml.scoring import Scorer  # noqa: PLC0415  (LightGBM, for those who train)
    from pipeline.ml.training import Naming, train  # noqa: PLC0415

    data, _ = dataset_from(bars, order)
    rival = None if champion is None else Scorer.of(champion.manifest, champion.trees)
    trained = train(
        data, order.hyperparams, rival, np.random.default_rng(order.hyperparams.seed), order.now,
        Naming(model_id=order.model_id, run_id=order.run_id),
    )  # fmt: skip
    return Learnt(manifest=trained.manifest, trees=trained.trees, verdict=trained.verdict)


def dataset_from(bars: pd.DataFrame, order: Order) -> tuple["Dataset", float]:
    """Return the rows of these bars, and what the fees take of each on average."""
    from pipeline.ml.barriers import label_directions  # noqa: PLC0415
    from pipeline.ml.dataset import dataset_of  # noqa: PLC0415
    from pipeline.ml.exchange_features import (  # noqa: PLC0415
        FEATURE_VERSION,
        FEATURES,
        exchange_features,
        whole_windows,
    )

    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    found = label_directions(high, low, close, whole_windows(bars, RETRAIN_TIMEFRAME), order.fee)
    table = exchange_features(bars)
    closed = [moment.to_pydatetime() for moment in bars["close_time"]]
    rows = [
        _label(closed[i], closed[j], int(y), float(rr), _named(FEATURES, table[i]), order)
        for i, j, y, rr in zip(found.at, found.until, found.y, found.rr, strict=True)
    ]
    cost = float(found.cost.mean()) if len(found.cost) else 0.0
    return dataset_of(rows, FEATURES, FEATURE_VERSION), cost


def _named(names: tuple[str, ...], row: np.ndarray) -> dict[str, float | None]:
    return {n: None if np.isnan(v) else float(v) for n, v in zip(names, row, strict=True)}


def _label(
    known: datetime, resolved: datetime, y: int, rr: float,
    features: Mapping[str, float | None], order: Order,
) -> Label:  # fmt: skip
    from pipeline.ml.exchange_features import FEATURE_VERSION  # noqa: PLC0415

    return Label(
        source=BACKTEST,
        signal_id=f"{order.model_id}|{known.astimezone(UTC):%Y%m%dT%H%M}",
        run_id=order.run_id,
        setup_id=order.model_id,
        rule_version=RULE_VERSION,
        symbol=order.symbol,
        tf=RETRAIN_TIMEFRAME,
        side="long",
        known_at=known,
        resolved_at=resolved,
        label=y,
        rr=rr,
        exit_reason="TP" if y else "SL",
        confidence=1.0,
        features=dict(features),
        feature_version=FEATURE_VERSION,
    )
