"""Models and labels of plain shape, for suites whose subject is where they are kept."""

from datetime import UTC, datetime, timedelta

from pipeline.domain.label import BACKTEST, Label, natural_key
from pipeline.domain.market import Side, Timeframe
from pipeline.domain.model import (
    Calibrator,
    GateCondition,
    GateVerdict,
    GoldenRow,
    ModelManifest,
    ModelMetrics,
    Window,
)
from pipeline.domain.report import Interval
from pipeline.domain.training import Hyperparams
from storage.model_ports import StoredModel

NOW = datetime(2025, 11, 2, 3, 0, tzinfo=UTC)
TREES = "tree\nversion=v4\nnum_class=1\n\nend of trees\n"
METRICS = ModelMetrics(
    rows=300,
    positives=120,
    roc_auc=Interval(value=0.61, low=0.55, high=0.67),
    log_loss=Interval(value=0.66, low=0.63, high=0.69),
    brier=Interval(value=0.23, low=0.21, high=0.25),
)


def a_verdict(*, promoted: bool = True) -> GateVerdict:
    words = "AUC 0.610, chance 0.500: 0.110 more, 0.020 are needed."
    condition = GateCondition(name="auc", passed=promoted, value=0.11, bound=0.02, words=words)
    return GateVerdict(promoted=promoted, against="", conditions=(condition,), challenger=METRICS)


def a_model(
    version: str = "v1.0", *, model_id: str = "signal_classifier", trees: str = TREES, **more
) -> StoredModel:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    told = {
        "model_id": model_id, "version": version, "created_at": NOW, "run_id": "train_2025_11_02_001",
        "feature_version": "1", "features": ("range_atr", "hour"), "dtypes": ("float64", "float64"),
        "data_fingerprint": "ab" * 32, "setups": ("Frank_raid_v1",), "symbols": ("EURUSD",),
        "training": Window(start=start, end=start + timedelta(days=200), rows=900, positives=380),
        "holdout": Window(start=start + timedelta(days=201), end=start + timedelta(days=300), rows=300, positives=120),
        "hyperparams": Hyperparams(), "calibrator": Calibrator(a=-0.7, b=0.1), "base_rate": 380 / 900,
        "metrics": METRICS, "golden": (GoldenRow(features=(1.25, None), raw=0.3, score=0.57),),
    }  # fmt: skip
    return StoredModel(ModelManifest(**told | more), trees)


def a_label(minutes: int = 0, **more) -> Label:
    """Return a labelled row of a backtest; `minutes` after midnight of 2025-10-31."""
    told = {
        "source": BACKTEST, "setup_id": "Frank_raid_v1", "rule_version": "1.0", "symbol": "EURUSD",
        "tf": Timeframe.M5, "side": "long", "known_at": datetime(2025, 10, 31, tzinfo=UTC) + timedelta(minutes=minutes),
        "label": 1, "rr": 2.0, "exit_reason": "TP", "confidence": 0.8,
        "features": {"range_atr": 0.1 + 0.2, "hour": None}, "feature_version": "1",
    } | more  # fmt: skip
    told.setdefault("resolved_at", told["known_at"] + timedelta(hours=1))
    key = natural_key(
        told["setup_id"], told["symbol"], told["tf"], told["known_at"], Side(told["side"])
    )
    return Label(**{"signal_id": key} | told)
