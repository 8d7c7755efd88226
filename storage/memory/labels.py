"""MemoryLabelStore: rows of `labeled_trades` in memory."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from pipeline.domain.label import BACKTEST, Label
from pipeline.domain.training import TrainingData
from storage.label_rules import Place, by_place, check_set, covers, in_order, over, wants
from storage.model_ports import LabelChanges, LabelScope


class MemoryLabelStore:
    """Labels in a dict; see `storage.model_ports.LabelStore`.

    Parameters
    ----------
    rows
        The table, shared with a `MemorySignalStore`, which writes what live signals taught.
    """

    def __init__(self, rows: dict[Place, Label] | None = None) -> None:
        self._rows = {} if rows is None else rows

    async def put_set(
        self, rows: Sequence[Label], scope: LabelScope, run_id: str, now: datetime
    ) -> LabelChanges:
        """Make the backtest's rows of a scope these."""
        check_set(rows, scope)
        new = by_place(row.model_copy(update={"run_id": run_id}) for row in rows)
        held = {p for p, row in self._rows.items() if p[0] == BACKTEST and covers(scope, row)}
        gone = held - new.keys()
        for place in gone:
            del self._rows[place]
        changes = await self.put(list(new.values()), now)
        return LabelChanges(added=changes.added, updated=changes.updated, removed=len(gone))

    async def put(self, rows: Sequence[Label], now: datetime) -> LabelChanges:
        """Add rows or replace those of the same source and signal."""
        del now
        new = by_place(rows)
        added = len(new.keys() - self._rows.keys())
        for place, row in new.items():
            self._rows[place] = over(self._rows.get(place), row).model_copy(deep=True)
        return LabelChanges(added=added, updated=len(new) - added, removed=0)

    async def select(self, wanted: TrainingData) -> list[Label]:
        """Return the rows with a label that are wanted."""
        found = in_order(row for row in self._rows.values() if wants(wanted, row))
        return [row.model_copy(deep=True) for row in found]

    async def count(self) -> dict[str, int]:
        """Return how many labelled rows each setup has."""
        labelled = (row.setup_id for row in self._rows.values() if row.label is not None)
        return dict(sorted(Counter(labelled).items()))
