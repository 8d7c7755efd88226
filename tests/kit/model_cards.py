"""Cards of models whose scores and outcomes are drawn: figures that belong together, any size."""

from datetime import UTC, datetime, timedelta

import numpy as np

from pipeline.domain.model import (
    Calibrator,
    Drift,
    GateCondition,
    GateVerdict,
    GoldenRow,
    ModelCard,
    ModelManifest,
    ModelMetrics,
    ScoreShare,
    Slice,
    Window,
)
from pipeline.domain.report import Interval
from pipeline.domain.train_report import TrainReport
from pipeline.domain.training import Hyperparams, TrainRequest

CREATED = datetime(2025, 11, 2, 2, 0, tzinfo=UTC)
NAMES = ("range_atr", "sweep_atr", "minutes_in_session", "trend_h1", "trend_h4", "gap_atr",
         "spread_points", "weekday", "distance_pdh_atr", "distance_pdl_atr", "volatility_rank",
         "distance_to_the_high_of_the_previous_week_in_atr", "position_d1", "confidence", "rr",
         "range_minutes", "swing_high_age", "swing_low_age")  # fmt: skip
SETUPS = ("Frank_raid_v1", "IB_raid_v1", "Asia_fvg_break_v2")
SYMBOLS = ("EURUSD", "GER40", "GBPUSD")


def drawn_scores(rng: np.random.Generator, n: int, skill: float, base: float):
    """Outcomes drawn from calibrated scores that spread by `skill` around a base rate."""
    raw = np.log(base / (1 - base)) + skill * rng.normal(size=n)
    p = 1 / (1 + np.exp(-raw))
    return p, (rng.random(n) < p).astype(int)


def a_card(
    seed: int = 1,
    n: int = 420,
    *,
    skill: float = 0.5,
    base: float = 0.4,
    promoted: bool = False,
    setups: tuple[str, ...] = SETUPS,
    symbols: tuple[str, ...] = SYMBOLS,
    version: str = "v2.0",
    one_class: bool = False,
) -> ModelCard:
    rng = np.random.default_rng(seed)
    p, y = drawn_scores(rng, n, skill, base)
    if one_class:
        y = np.zeros_like(y)
    both = 0 < y.sum() < n
    metrics = _metrics(p, y, rng)
    passed = p > 0.6
    return ModelCard(
        manifest=_manifest(version, metrics, setups, symbols),
        verdict=a_verdict(metrics, promoted=promoted),
        sentence=_sentence(metrics, promoted=promoted),
        reliability=_reliability(p, y),
        histogram=tuple(
            (float(b / 20), float((b + 1) / 20), int(rows))
            for b, rows in enumerate(np.histogram(p, bins=20, range=(0, 1))[0]) if rows
        ),
        roc=_roc(p, y) if both else (),
        precision_recall=_precision_recall(p, y) if both else (),
        contributions=tuple(
            (name, float(size))
            for name, size in zip(NAMES, sorted(rng.exponential(0.12, len(NAMES)))[::-1], strict=True)
        ),
        by_setup=_slices(rng, p, y, setups),
        by_symbol=_slices(rng, p, y, symbols),
        passing=ScoreShare(
            threshold=0.6, passed=int(passed.sum()), share=float(passed.mean()) if n else 0.0,
            promised=float(p[passed].mean()) if passed.any() else None,
            achieved=_around(y[passed], rng),
            expectancy_r=float(3 * y[passed].mean() - 1) if passed.any() else None,
            expectancy_all_r=float(3 * y.mean() - 1) if n else None,
        ),
        break_even=0.345,
        drift=(Drift(feature="spread_points", psi=0.31, limit=0.12),
               Drift(feature="trend_h4", psi=0.04, limit=0.12)),
        notes=("Of 1,990 rows 140 have features of another version and were left out.",),
    )  # fmt: skip


def a_verdict(metrics: ModelMetrics, *, promoted: bool, against: str = "v1.0") -> GateVerdict:
    better = 0.041 if promoted else 0.012
    told = [
        ("auc", promoted, better, 0.02, f"AUC better by {better:.3f}; more than 0.020 is needed."),
        ("delong", promoted, 0.02 if promoted else 0.31, 0.05,
         f"Chance explains it with p = {0.02 if promoted else 0.31:.2f}; below 0.05 is needed."),
        ("log_loss", True, -0.004, 0.0, "Log-loss 0.004 lower; it must not be higher."),
        ("rows", True, 420.0, 300.0, "420 signals to judge on; 300 are needed."),
    ]  # fmt: skip
    return GateVerdict(
        promoted=promoted, against=against, challenger=metrics, champion=metrics,
        conditions=tuple(
            GateCondition(name=name, passed=ok, value=value, bound=bound, words=words)
            for name, ok, value, bound, words in told
        ),
    )  # fmt: skip


def a_training(card: ModelCard | None, **more) -> TrainReport:
    """The report of a training with this card; None: skipped for want of 260 rows."""
    told = {
        "run_id": "train_2025_11_02_001", "flow_status": "completed", "start_time": CREATED,
        "end_time": CREATED + timedelta(seconds=14), "execution_time_minutes": 14 / 60,
        "request": TrainRequest().model_dump(mode="json"), "model_id": "signal_classifier",
        "new_version": card.manifest.version if card else "", "training_date": CREATED.date(),
        "training_data_size": 1850 if card else 240, "metrics": {}, "comparison_with_previous": None,
        "deployment_status": "skipped_insufficient_data", "model_path": "", "notification_sent": True,
        "missing_samples": 0 if card else 260, "card": card,
    }  # fmt: skip
    if card is not None and card.verdict is not None:
        auc = card.manifest.metrics.roc_auc
        told |= {
            "deployment_status": "deployed" if card.verdict.promoted else "kept_previous",
            "model_path": f"models/signal_classifier/{card.manifest.version}",
            "metrics": {"roc_auc": auc and auc.value, "accuracy": 0.7, "precision": 0.5, "recall": 0.1},
            "comparison_with_previous": {
                "previous_version": "v1.0", "previous_auc": 0.572, "improvement": 0.041,
                "significant": card.verdict.promoted,
            },
        }  # fmt: skip
    return TrainReport(**told | more)


def _manifest(version, metrics, setups, symbols) -> ModelManifest:
    start = datetime(2024, 1, 2, tzinfo=UTC)
    return ModelManifest(
        model_id="signal_classifier", version=version, created_at=CREATED,
        run_id="train_2025_11_02_001", feature_version="1", features=NAMES,
        dtypes=("float64",) * len(NAMES), data_fingerprint="ab" * 32, setups=setups,
        symbols=symbols, training=Window(start=start, end=start + timedelta(500), rows=1430, positives=560),
        holdout=Window(start=start + timedelta(502), end=start + timedelta(668), rows=metrics.rows,
                       positives=metrics.positives),
        hyperparams=Hyperparams(), calibrator=Calibrator(), base_rate=560 / 1430, metrics=metrics,
        golden=(GoldenRow(features=(None,) * len(NAMES), raw=0.0, score=0.5),), sha256="cd" * 32,
    )  # fmt: skip


def _metrics(p, y, rng) -> ModelMetrics:
    n = len(y)
    told = {"rows": n, "positives": int(y.sum()), "roc_auc": None, "log_loss": None, "brier": None}
    if not 0 < y.sum() < n:
        return ModelMetrics(**told)
    loss = -np.where(y == 1, np.log(p), np.log(1 - p))
    hit = p > 0.6
    return ModelMetrics(**told | {
        "roc_auc": _wide(_auc(p, y), 1.0 / np.sqrt(n)), "log_loss": _wide(loss.mean(), loss.std() / np.sqrt(n)),
        "brier": _around((p - y) ** 2, rng), "accuracy": _around(hit == y, rng),
        "precision": _around(y[hit], rng), "recall": _around(hit[y == 1], rng),
    })  # fmt: skip


def _sentence(metrics, *, promoted) -> str:
    if metrics.roc_auc is None:
        return "Not promoted: only one kind of outcome in the rows it was judged on."
    start = f"AUC {metrics.roc_auc.value:.3f} on {metrics.rows} signals it has not seen"
    if promoted:
        return f"Promoted: {start}, 0.041 better than v1.0, and chance hardly explains it."
    return f"Not promoted: {start}, 0.012 better than v1.0, which chance alone would give 3 times in 10."


def _around(values, rng) -> Interval | None:
    values = np.asarray(values, dtype=float)
    if not len(values):
        return None
    return _wide(values.mean(), 1.96 * values.std() / np.sqrt(len(values)))


def _wide(value, half) -> Interval:
    return Interval(
        value=float(value), low=float(max(value - half, 0)), high=float(min(value + half, 1))
    )


def _auc(p, y) -> float:
    wins = p[y == 1][:, None] - p[y == 0][None, :]
    return float((wins > 0).mean() + 0.5 * (wins == 0).mean())


def _reliability(p, y):
    bins = np.minimum((p * 20).astype(int), 19)
    return tuple(
        (float(p[bins == b].mean()), float(y[bins == b].mean()), int((bins == b).sum()))
        for b in np.unique(bins)
    )


def _roc(p, y):
    order = np.argsort(-p, kind="stable")
    hits = np.concatenate([[0], np.cumsum(y[order])]) / y.sum()
    misses = np.concatenate([[0], np.cumsum(1 - y[order])]) / (1 - y).sum()
    return tuple(zip(misses.tolist(), hits.tolist(), strict=True))


def _precision_recall(p, y):
    hits = np.cumsum(y[np.argsort(-p, kind="stable")])
    return tuple(
        zip((hits / y.sum()).tolist(), (hits / np.arange(1, len(y) + 1)).tolist(), strict=True)
    )


def _slices(rng, p, y, names):
    if not names:
        return ()
    which = rng.integers(0, len(names), len(y))
    found = []
    for i, name in enumerate(names):
        own, truth = p[which == i], y[which == i]
        both = 0 < truth.sum() < len(truth)
        found.append(Slice(name=name, rows=len(own), positives=int(truth.sum()),
                           roc_auc=_auc(own, truth) if both else None,
                           mean_score=float(own.mean()) if len(own) else None))  # fmt: skip
    return tuple(found)
