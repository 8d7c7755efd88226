"""The files of held bars: month files in parquet and the index that names those that count."""

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.domain.bars import PRICES, bar_frame, empty_bars, epoch_seconds
from pipeline.domain.errors import BadBarsError, StoreDownError
from pipeline.domain.market import Timeframe
from pipeline.domain.report import Holding
from storage.memory_bars import SYNTHETIC, merge_bars

_NUMBERS = (*PRICES, "volume", "spread")
Meta = dict[str, Any]


def no_bars_held() -> Meta:
    """Return the index of a holding that is about to begin."""
    return {"months": {}, "sources": [], "score": None}


def load(folder: Path) -> Meta | None:
    """Return a folder's index, None if nothing is held."""
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise StoreDownError(f"the index of held bars can't be read: {folder.name}") from error
    return dict(meta) if meta["months"] else None


def save(folder: Path, meta: Meta) -> None:
    """Put a folder's index into place in one step."""
    _make_names_last(folder)  # the month files, before the index that names them
    _replace(folder / "meta.json", json.dumps(meta, indent=1, sort_keys=True).encode())
    _make_names_last(folder)


def _replace(path: Path, data: bytes | memoryview) -> None:
    """Write a file under a passing name, make it last, then rename it into place."""
    passing = path.with_name(f"{path.name}.{uuid4().hex[:8]}.tmp")
    with passing.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    passing.replace(path)


def _make_names_last(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path, meta: Meta) -> None:
    """Delete files that the index doesn't name (left by this merge or by a crash)."""
    named = {entry["file"] for entry in meta["months"].values()}
    for path in folder.iterdir():
        if path.name != "meta.json" and path.name not in named:
            path.unlink(missing_ok=True)


def erase(folder: Path) -> None:
    """Forget a folder's bars."""
    (folder / "meta.json").unlink(missing_ok=True)  # first: from here on nothing is held
    shutil.rmtree(folder, ignore_errors=True)


def by_month(bars: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Cut bars at calendar months (UTC)."""
    months = epoch_seconds(bars["open_time"]).astype("datetime64[s]").astype("datetime64[M]")
    starts = np.flatnonzero(np.append(True, months[1:] != months[:-1]))
    for first, last in zip(starts, [*starts[1:], len(bars)], strict=True):
        yield str(months[first]), bars.iloc[first:last]


def merge_month(
    folder: Path, meta: Meta, timeframe: Timeframe, month: str, part: pd.DataFrame
) -> tuple[int, int]:
    """Write a month's new file and put it into `meta`; an unchanged month is left alone."""
    entry = meta["months"].get(month)
    held = _held_or_nothing(folder, entry, timeframe)
    merged, added, replaced = merge_bars(held, part)
    if added == 0 and merged.equals(held):
        return 0, replaced
    name = f"{month}.{uuid4().hex[:12]}.parquet"
    _replace(folder / name, _to_parquet(merged))
    opened = epoch_seconds(merged["open_time"])
    meta["months"][month] = {
        "file": name,
        "bars": len(merged),
        "first": int(opened[0]),
        "last": int(opened[-1]),
    }
    return added, replaced


def _held_or_nothing(folder: Path, entry: Meta | None, timeframe: Timeframe) -> pd.DataFrame:
    """Return a month's held bars; damaged ones count as lost, the import replaces them."""
    try:
        return _frame([_columns(folder / entry["file"])], timeframe) if entry else empty_bars()
    except (BadBarsError, FileNotFoundError):
        return empty_bars()


def _to_parquet(bars: pd.DataFrame) -> memoryview:
    columns = {"open_time": pa.array(epoch_seconds(bars["open_time"]))}
    columns |= {name: pa.array(bars[name].to_numpy()) for name in _NUMBERS}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return memoryview(sink.getvalue())


def _columns(path: Path) -> list[np.ndarray]:
    try:
        table = pq.read_table(path, use_threads=False, memory_map=True)
        return [table.column(name).to_numpy() for name in ("open_time", *_NUMBERS)]
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, KeyError) as error:
        raise BadBarsError(f"held bars are damaged ({path.name}): import them again") from error


def _frame(parts: list[list[np.ndarray]], timeframe: Timeframe) -> pd.DataFrame:
    opened, *numbers = (np.concatenate(column) for column in zip(*parts, strict=True))
    times = pd.DatetimeIndex(opened.astype("datetime64[s]")).tz_localize("UTC")
    return bar_frame(times, timeframe, np.column_stack(numbers[:4]), numbers[4], numbers[5])


def months_between(meta: Meta, start: datetime | None, end: datetime | None) -> list[str]:
    """Return the files of all months that touch [start, end), oldest first."""
    lower = -np.inf if start is None else start.timestamp()
    upper = np.inf if end is None else end.timestamp()
    return [
        entry["file"]
        for _, entry in sorted(meta["months"].items())
        if entry["last"] >= lower and entry["first"] < upper
    ]


def read_months(
    folder: Path, meta: Meta, timeframe: Timeframe, start: datetime | None, end: datetime | None
) -> pd.DataFrame:
    """Return the bars of all months that touch [start, end)."""
    wanted = months_between(meta, start, end)
    if not wanted:
        return empty_bars()
    return _frame([_columns(folder / name) for name in wanted], timeframe)


def holding(symbol: str, timeframe: Timeframe, meta: Meta) -> Holding:
    """Return what an index says is held."""
    months = meta["months"].values()
    return Holding(
        symbol=symbol,
        timeframe=timeframe.value,
        bars=sum(m["bars"] for m in months),
        first=datetime.fromtimestamp(min(m["first"] for m in months), UTC),
        last=datetime.fromtimestamp(max(m["last"] for m in months), UTC),
        sources=tuple(meta["sources"]),
        synthetic=SYNTHETIC in meta["sources"],
        score=meta["score"],
    )
