"""What writing and choosing labels means: pure, the same in memory and in the database."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta

from pipeline.domain.label import BACKTEST, Label
from pipeline.domain.training import TrainingData
from storage.model_ports import LabelScope

Place = tuple[str, str]
"""Source and signal: of each there is one row."""


def place_of(label: Label) -> Place:
    """Return where a row lies."""
    return label.source, label.signal_id


def by_place(rows: Iterable[Label]) -> dict[Place, Label]:
    """Return rows by place, in the order of places; of several at one place the last counts."""
    return dict(sorted({place_of(row): row for row in rows}.items()))


def check_set(rows: Sequence[Label], scope: LabelScope) -> None:
    """Refuse rows that a scope doesn't cover: a later set would never take them away.

    Raises
    ------
    ValueError
        A row isn't the backtest's, or lies outside.
    """
    for row in rows:
        if row.source != BACKTEST or not covers(scope, row):
            raise ValueError(f"{row.source} {row.signal_id} lies outside of {scope}")


def covers(scope: LabelScope, row: Label) -> bool:
    """Whether a row is one of the scope's."""
    same = row.setup_id, row.symbol, row.tf
    return same == (scope.setup_id, scope.symbol, scope.tf) and (
        scope.start <= row.known_at < scope.end
    )


def over(kept: Label | None, row: Label) -> Label:
    """Return the row that replaces a kept one: what people did stays unless the new one says."""
    if kept is None or row.human or not kept.human:
        return row
    return row.model_copy(update={"human": kept.human})


def wants(wanted: TrainingData, row: Label) -> bool:
    """Whether a row is learnt from."""
    first, end = span(wanted)
    return (
        row.label is not None
        and row.setup_id in (wanted.setups or (row.setup_id,))
        and row.symbol in (wanted.symbols or (row.symbol,))
        and row.tf in (wanted.timeframes or (row.tf,))
        and (first is None or first <= row.known_at)
        and (end is None or row.known_at < end)
    )


def span(wanted: TrainingData) -> tuple[datetime | None, datetime | None]:
    """Return the first moment wanted and the first one after; both days count whole, in UTC."""
    first = None if wanted.start is None else _midnight(wanted.start)
    return first, None if wanted.end is None else _midnight(wanted.end) + timedelta(days=1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def in_order(rows: Iterable[Label]) -> list[Label]:
    """Return rows by (known_at, source, signal_id), the same on every database."""
    return sorted(rows, key=lambda row: (row.known_at, row.source, row.signal_id))
