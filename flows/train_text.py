"""What a training came to, in words for every front end."""

from collections.abc import Mapping

from pipeline.domain.model import ModelCard
from pipeline.domain.report import Interval
from pipeline.domain.train_report import TrainReport

TITLES = {
    "deployed": "The new model is in use",
    "kept_previous": "The model in use stays",
    "skipped_insufficient_data": "Too few labelled signals to train on",
}
"""Deployment status -> its headline."""
_LEFT_OUT = {
    "repeated": "of a signal that is there from a better source",
    "without_features": "without features",
    "other_version": "with features of another version",
    "wrong_times": "resolved before they were known",
    "without_label": "without a label",
}
_SHOWN = ("roc_auc", "log_loss", "brier", "accuracy", "precision", "recall")
_TITLES = {
    "roc_auc": "ROC-AUC", "log_loss": "log-loss", "brier": "Brier", "accuracy": "accuracy",
    "precision": "precision", "recall": "recall",
}  # fmt: skip


def headline(report: TrainReport) -> str:
    """Return what happened, in one line."""
    title = TITLES[report.deployment_status]
    previous = (report.comparison_with_previous or {}).get("previous_version") or ""
    if report.deployment_status == "deployed":
        return f"{title}: {report.model_id} {report.new_version}"
    if report.deployment_status == "kept_previous" and not previous:
        return f"No model is in use: {report.model_id} {report.new_version} is not good enough"
    if report.deployment_status == "kept_previous":
        return f"{title}: {report.model_id} {previous}, not {report.new_version}"
    return title


def missing_line(report: TrainReport) -> str:
    """Return how many rows are missing; "": none are."""
    if not report.missing_samples:
        return ""
    wanted = report.training_data_size + report.missing_samples
    there, missing = report.training_data_size, report.missing_samples
    return f"{there:,} of {wanted:,} are there, {missing:,} are missing"


def figure_lines(report: TrainReport) -> list[str]:
    """Return the figures on rows the model has not seen, with what chance leaves open."""
    if report.card is None:
        return []
    found = report.card.manifest.metrics
    parts = [
        f"{_TITLES[name]} {interval_words(value)}"
        for name in _SHOWN
        if isinstance(value := getattr(found, name), Interval)
    ]
    rows = f"{found.rows:,} unseen signals, {found.positives:,} reached their target:"
    return [rows, *parts]


def interval_words(value: Interval) -> str:
    """Return a figure with its interval at 95 %."""
    return f"{value.value:.3f} ({value.low:.3f} – {value.high:.3f})"


def condition_lines(card: ModelCard | None) -> list[str]:
    """Return each condition of the gate with its figures."""
    if card is None or card.verdict is None:
        return []
    return [f"{'✓' if c.passed else '✗'} {c.words}" for c in card.verdict.conditions]


def left_out_note(left_out: Mapping[str, int]) -> tuple[str, ...]:
    """Return which rows were not learnt from, as a note or none."""
    parts = [f"{count:,} {_LEFT_OUT.get(why, why)}" for why, count in left_out.items() if count]
    return (f"Left out: {', '.join(parts)}.",) if parts else ()
