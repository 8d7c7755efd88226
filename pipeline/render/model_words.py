"""How figures of a model are written: an interval, a period, what a missing figure means."""

from pipeline.domain.model import ModelCard, ModelMetrics, Window
from pipeline.domain.report import Interval

NONE = "–"
ONE_CLASS = "Only one kind of outcome: no curve, no AUC."


def figure(value: Interval | None, digits: str = ".3f") -> str:
    """Return a figure with the bounds that hold it at 95 %; a dash for none."""
    if value is None:
        return NONE
    return f"{value.value:{digits}} ({value.low:{digits}} to {value.high:{digits}})"


def window_words(window: Window) -> str:
    """Return the days of a window, both included, UTC."""
    return f"{window.start:%Y-%m-%d} – {window.end:%Y-%m-%d}"


def title_of(card: ModelCard) -> str:
    """Return a model's name and version."""
    return f"{card.manifest.model_id} {card.manifest.version}"


def judged_on(card: ModelCard) -> str:
    """Return what the figures come from, as a picture's second line tells it."""
    held = card.manifest.holdout
    return (
        f"judged on {window_words(held)}: "
        f"{held.rows:,} signals, {held.positives:,} reached the target"
    )


def metric_lines(m: ModelMetrics) -> list[tuple[str, str]]:
    """Return (name, figure with its interval) of all metrics."""
    at = f"at {m.threshold:g}"
    return [
        ("ROC-AUC", figure(m.roc_auc)),
        ("Log-loss", figure(m.log_loss)),
        ("Brier", figure(m.brier)),
        (f"Accuracy {at}", figure(m.accuracy, ".0%")),
        (f"Precision {at}", figure(m.precision, ".0%")),
        (f"Recall {at}", figure(m.recall, ".0%")),
    ]


def share_of(positives: int, rows: int) -> str:
    """Return the share of signals that reached the target; a dash for no rows."""
    return NONE if rows == 0 else f"{positives / rows:.0%}"
