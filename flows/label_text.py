"""What a labelling says in words, the same in the chat and on the command line."""

from pipeline.domain.report import Interval
from pipeline.domain.train_report import LabelFigures, LabelledSet, LabelReport


def headline(report: LabelReport) -> str:
    """Return the one line that it comes to."""
    if not report.signals:
        return "No signals: nothing to learn from"
    return f"{report.labelled:,} labelled of {report.signals:,} signals"


def what(report: LabelReport) -> str:
    """Return what was labelled, on which bars."""
    return f"{report.symbol} {report.timeframe} · {report.period_start} – {report.period_end}"


def set_head(one: LabelledSet) -> str:
    """Return which setup a set is of."""
    return f"{one.setup_id} v{one.rule_version} · {one.timeframe}"


def set_lines(one: LabelledSet) -> list[str]:
    """Return what one setup's rows say."""
    f = one.figures
    lines = [f"{one.signals:,} signals: {_parts(one)}"]
    if f.share is not None:
        lines.append(f"Target reached {share_words(f)}")
    if f.break_even is not None and f.mean_rr is not None:
        lines.append(f"Breaks even at {f.break_even:.0%} · {f.mean_rr:+.2f} R on average")
    return lines


def _parts(one: LabelledSet) -> str:
    f = one.figures
    counts = (
        (f.positives, "label 1"),
        (f.labelled - f.positives, "label 0"),
        (f.unfilled, "never filled"),
        (one.open, "still open"),
    )
    return " · ".join(f"{count:,} {word}" for count, word in counts if count) or "none"


def share_words(figures: LabelFigures) -> str:
    """Return the share of label 1 with its interval, empty without rows."""
    share: Interval | None = figures.share
    if share is None:
        return ""
    return f"{share.value:.0%} ({share.low:.0%} – {share.high:.0%})"


def changes_line(report: LabelReport) -> str:
    """Return what changed in the table."""
    counts = ((report.added, "new"), (report.updated, "updated"), (report.removed, "removed"))
    return "Rows: " + " · ".join(f"{count:,} {word}" for count, word in counts)


def missing(report: LabelReport) -> int:
    """Return how many labelled rows a training lacks."""
    return max(0, report.min_samples - report.total_labelled)


def training_line(report: LabelReport) -> str:
    """Return whether there is enough to train, and how to get the rest."""
    held = f"{report.total_labelled:,} labelled rows are held in all"
    lacking = missing(report)
    if not lacking:
        return f"{held}: enough to train ({report.min_samples:,})."
    return (
        f"{held}; a training needs {report.min_samples:,}, so {lacking:,} are missing. "
        "Label longer periods, other symbols or all setups."
    )
