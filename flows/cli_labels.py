"""`scout import labels`: a person's own labels from files."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from flows.cli_app import actor, say
from flows.label_import import LabelReceipt, import_labels
from flows.services import Services
from pipeline.domain.errors import RequestError


async def import_label_files(files: list[Path], services: Services) -> int:
    """Import files of labels one after the other; each whole or not at all."""
    for path in files:
        try:
            data = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise RequestError(f"{path} can't be read: {error.strerror}.") from error
        say(receipt_lines(await import_labels(path.name, data, actor(), services)))
    return 0


def receipt_lines(receipt: LabelReceipt) -> Iterator[str]:
    """Give what an import of labels did."""
    positives, others = receipt.positives, receipt.rows - receipt.positives
    yield f"{receipt.name}: {receipt.rows} labels ({positives} x 1, {others} x 0)"
    changes = f"{receipt.added} added, {receipt.updated} replaced"
    yield f"  {changes}; {receipt.total} labelled rows in all"
    if receipt.featured < receipt.rows:
        yield (
            f"  {receipt.rows - receipt.featured} without features: kept, but no model can learn "
            "from them"
        )
