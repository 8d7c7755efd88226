"""Rows of the scan log: bars as seen and stretches of evaluations, to and fro."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import RowMapping, Select, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.domain.bars import PRICES, bar_frame, empty_bars
from pipeline.domain.live import Evaluation
from pipeline.domain.market import Timeframe
from storage.live_tables import EVALUATIONS, LIVE_BARS
from storage.stretches import Line, Stretch

_FIGURES = (*PRICES, "volume", "spread")
_E = EVALUATIONS.c


def bar_rows(
    origin: str, bars: Mapping[str, pd.DataFrame], now: datetime
) -> Iterator[dict[str, Any]]:
    """Yield bar frames' rows as they are kept."""
    for symbol, frame in sorted(bars.items()):
        opened = frame["open_time"].dt.to_pydatetime()
        figures = frame[list(_FIGURES)].to_numpy()
        for at, each in zip(opened, figures.tolist(), strict=True):
            yield {
                "origin": origin,
                "symbol": symbol,
                "open_time": at,
                "seen_at": now,
                **{name: None if x != x else x for name, x in zip(_FIGURES, each, strict=True)},  # noqa: PLR0124 - NaN
            }


def bars_query(
    origin: str, symbol: str, start: datetime | None, end: datetime | None
) -> Select[Any]:
    """Select the bars of one symbol with start <= open_time < end, by time."""
    c = LIVE_BARS.c
    query = select(c.open_time, *(c[name] for name in _FIGURES))
    query = query.where(c.origin == origin, c.symbol == symbol).order_by(c.open_time)
    if start is not None:
        query = query.where(c.open_time >= start)
    return query if end is None else query.where(c.open_time < end)


def frame_of(rows: Sequence[Any]) -> pd.DataFrame:
    """Return the bar frame of selected rows."""
    if not rows:
        return empty_bars()
    opened = pd.DatetimeIndex([row[0] for row in rows])
    figures = np.array([row[1:] for row in rows], dtype="float64")
    volume = np.nan_to_num(figures[:, 4])
    return bar_frame(opened, Timeframe.M1, figures[:, :4], volume, figures[:, 5])


def stretch_of(row: RowMapping) -> Stretch:
    """Return a selected row as a stretch."""
    return Stretch(**{name: row[name] for name in Stretch.__dataclass_fields__})


async def last_stretches(
    db: AsyncConnection, origin: str, said: Sequence[Evaluation]
) -> dict[Line, Stretch]:
    """Return of each line the newest stretch that `said` could prolong or repeat."""
    first: dict[Timeframe, datetime] = {}
    for each in said:
        first[each.tf] = min(each.close, first.get(each.tf, each.close))
    near = [and_(_E.tf == tf.value, _E.last_close >= at - tf.delta) for tf, at in first.items()]
    query = select(EVALUATIONS).where(_E.origin == origin, or_(*near)).order_by(_E.seq)
    rows = (await db.execute(query)).mappings().all()
    found = (stretch_of(row) for row in rows)
    return {stretch.line: stretch for stretch in found}


async def write_stretches(
    db: AsyncConnection,
    origin: str,
    changes: tuple[Sequence[Stretch], Sequence[Stretch]],
    now: datetime,
) -> None:
    """Write stretches that became longer, and new ones."""
    longer, fresh = changes
    same: dict[tuple[datetime, int], list[int]] = {}
    for each in longer:
        same.setdefault((each.last_close, each.closes), []).append(each.seq)
    for (last_close, closes), rows in same.items():
        change = {"last_close": last_close, "closes": closes, "seen_at": now}
        await db.execute(update(EVALUATIONS).where(_E.seq.in_(rows)).values(**change))
    if fresh:
        rows_of = (asdict(each) for each in fresh)
        await db.execute(
            EVALUATIONS.insert(),
            [{**row, "origin": origin, "seen_at": now} for row in map(_unnumbered, rows_of)],
        )


def _unnumbered(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "seq"}
