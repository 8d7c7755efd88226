"""Words of importing labels."""

from typing import Final

from flows.label_import import MAX_BYTES, LabelReceipt
from pipeline.ml.marks import MAX_ROWS

HOW: Final = (
    "Send me a CSV file with /import labels as its caption, or answer a file with it. "
    "Columns: signal_id (or setup_id, symbol, timeframe, side, known_at), label (1: target "
    "first, 0: not); if you like rr, resolved_at, human (taken or skipped), comment. Times with "
    f"their offset, such as 2025-10-31T09:15Z. At most {MAX_ROWS:,} rows; one wrong cell and "
    "nothing is kept."
)
TOO_LARGE: Final = f"A file of labels has at most {MAX_BYTES / 1e6:.0f} MB: please cut it."
READING: Final = "Reading the labels…"


def imported(receipt: LabelReceipt) -> str:
    """Tell what an import of labels did."""
    others = receipt.rows - receipt.positives
    return (
        f"Labels in: {receipt.rows:,} rows ({receipt.positives:,} × 1, {others:,} × 0); "
        f"{receipt.added:,} added, {receipt.updated:,} replaced. {receipt.total:,} labelled "
        f"rows are held now.{_featureless(receipt)}"
    )


def _featureless(receipt: LabelReceipt) -> str:
    without = receipt.rows - receipt.featured
    if not without:
        return ""
    return (
        f" {without:,} of yours have no features, so no model can learn from them: only signals "
        "that live watching or a backtest saw have."
    )
