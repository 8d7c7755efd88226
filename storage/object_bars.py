"""Bars in shared storage: month files as objects, their index in the database, a cache on disk.

A merge writes new month files beside the old ones and then changes the index it has read, in one
statement: that is the moment it happens. If another merge was quicker, it looks again and does
its work anew. A crash leaves objects that nobody names; later merges of the symbol sweep them.
"""

import asyncio
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar

import numpy as np
import pandas as pd

from pipeline.domain.bars import empty_bars, validate_bars
from pipeline.domain.errors import BadBarsError, StoreDownError
from pipeline.domain.market import Timeframe
from pipeline.domain.report import Holding
from storage.bar_cache import BarCache
from storage.bar_files import (
    Meta,
    by_month,
    holding,
    merge_month,
    months_between,
    no_bars_held,
    read_months,
)
from storage.bar_index import BarIndexes, Index
from storage.bars import checked_symbol, refuse_sample
from storage.memory_bars import SYNTHETIC, between
from storage.object_port import SharedObjects

_ATTEMPTS = 30
_READS = 5
_STRAY = timedelta(hours=1)  # older than any merge that may still be under way
_P = ParamSpec("_P")
_T = TypeVar("_T")


class ObjectBarStore:
    """The bar store that several hosts share; see `storage.ports.BarStore`.

    `rng` spreads the waits of merges that were in each other's way.
    """

    def __init__(
        self,
        objects: SharedObjects,
        indexes: BarIndexes,
        cache: BarCache,
        rng: np.random.Generator,
    ) -> None:
        self._objects = objects
        self._indexes = indexes
        self._cache = cache
        self._rng = rng

    async def merge(
        self, symbol: str, timeframe: Timeframe, bars: pd.DataFrame, *, source: str, now: datetime
    ) -> tuple[int, int]:
        """Add bars; see the port."""
        validate_bars(bars, timeframe)
        checked_symbol(symbol)
        if bars.empty:
            return 0, 0
        seen = -1
        for attempt in range(_ATTEMPTS):
            revision, held = await self._indexes.of(symbol)
            new = _parted(symbol, timeframe, source, held)
            meta = new[timeframe.value]
            try:
                counts = await _off_loop(
                    self._write_months, symbol, timeframe, meta, bars, lost=seen == revision
                )
            except FileNotFoundError:
                seen = revision  # replaced by a merge meanwhile; if not, the file is lost
                continue
            meta["sources"] = list(dict.fromkeys([*meta["sources"], source]))
            meta["merged_at"] = now.isoformat()
            if await self._indexes.change(symbol, revision, new):
                await _off_loop(self._sweep, symbol, held, new)
                return counts
            await _off_loop(self._drop, symbol, _files(new) - _files(held))
            await asyncio.sleep(float(self._rng.uniform(0.0, 0.02 * (attempt + 1))))
        raise StoreDownError(f"the bars of {symbol} change faster than they can be merged")

    def _write_months(
        self, symbol: str, timeframe: Timeframe, meta: Meta, bars: pd.DataFrame, *, lost: bool
    ) -> tuple[int, int]:
        """Merge month after month in the cache, and share the new files.

        What is held is fetched anew: a cached file that the disk has damaged must not count. With
        `lost` a missing file is taken for lost, as on disk: the import replaces it.
        """
        added = replaced = 0
        for month, part in by_month(bars):
            before = meta["months"].get(month)
            names = [before["file"]] if before else []
            folder = self._cache.folder(symbol, timeframe.value)
            try:
                self._cache.fetch(symbol, timeframe.value, names)
            except FileNotFoundError:
                if not lost:
                    raise
            counts = merge_month(folder, meta, timeframe, month, part)
            added, replaced = added + counts[0], replaced + counts[1]
            file = meta["months"].get(month, {}).get("file")
            if file is not None and file not in names:
                name = f"bars/{symbol}/{timeframe.value}/{file}"
                self._objects.put(name, (folder / file).read_bytes())
        return added, replaced

    def _sweep(self, symbol: str, before: Index, now: Index) -> None:
        """Remove what this merge replaced, and what a dead one left long ago."""
        named, folder = _files(now), f"bars/{symbol}"
        found = self._objects.listed(folder)
        # By the storage's own clock; where nothing was written for an hour, nothing is swept.
        newest = max((each.changed for each in found.values()), default=None)
        stray = {
            name.removeprefix(f"{folder}/")
            for name, each in found.items()
            if newest is not None and each.changed < newest - _STRAY
        }
        self._drop(symbol, (_files(before) | stray) - named)

    def _drop(self, symbol: str, files: set[str]) -> None:
        self._objects.remove(f"bars/{symbol}/{file}" for file in files)
        for file in files:
            timeframe, _, name = file.partition("/")
            (self._cache.folder(symbol, timeframe) / name).unlink(missing_ok=True)

    async def read(
        self,
        symbol: str,
        timeframe: Timeframe,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """Return bars; see the port."""
        checked_symbol(symbol)
        for _ in range(_READS):
            _, held = await self._indexes.of(symbol)
            meta = held.get(timeframe.value)
            if meta is None:
                return empty_bars()
            try:
                return await _off_loop(self._read, symbol, timeframe, meta, (start, end))
            except FileNotFoundError:
                continue  # a merge replaced the month files meanwhile: its index is there now
            except BadBarsError:
                files = months_between(meta, start, end)
                await _off_loop(self._cache.fetch, symbol, timeframe.value, files)
                return await _off_loop(self._read, symbol, timeframe, meta, (start, end))
        raise StoreDownError(f"held bars of {symbol} {timeframe} can't be read: files are missing")

    def _read(
        self,
        symbol: str,
        timeframe: Timeframe,
        meta: Meta,
        period: tuple[datetime | None, datetime | None],
    ) -> pd.DataFrame:
        folder = self._cache.bring(symbol, timeframe.value, months_between(meta, *period))
        return between(read_months(folder, meta, timeframe, *period), *period)

    async def holdings(self) -> list[Holding]:
        """Return what is held, from the indexes alone."""
        return [
            holding(symbol, timeframe, indexes[timeframe.value])
            for symbol, indexes in (await self._indexes.all()).items()
            for timeframe in Timeframe
            if timeframe.value in indexes
        ]

    async def remove(self, symbol: str, timeframe: Timeframe) -> None:
        """Forget bars."""

        def without(held: Index) -> Index:
            return {name: meta for name, meta in held.items() if name != timeframe.value}

        await self._changed(symbol, timeframe, without)

    async def note_score(self, symbol: str, timeframe: Timeframe, score: float) -> None:
        """Keep a score beside a holding."""

        def scored(held: Index) -> Index:
            return {**held, timeframe.value: {**held[timeframe.value], "score": score}}

        await self._changed(symbol, timeframe, scored)

    async def _changed(
        self, symbol: str, timeframe: Timeframe, change: Callable[[Index], Index]
    ) -> None:
        checked_symbol(symbol)
        for _ in range(_ATTEMPTS):
            revision, held = await self._indexes.of(symbol)
            if timeframe.value not in held:
                return
            new = change(held)
            if await self._indexes.change(symbol, revision, new):
                await _off_loop(self._drop, symbol, _files(held) - _files(new))
                return
        raise StoreDownError(f"the bars of {symbol} change faster than they can be noted")


def _parted(symbol: str, timeframe: Timeframe, source: str, held: Index) -> Index:
    """Return indexes to merge into: made and real bars of a symbol never mix."""
    new = deepcopy(held)
    for name, meta in held.items():
        made = SYNTHETIC in meta["sources"]
        if source == SYNTHETIC and not made:
            raise refuse_sample(symbol)
        if source != SYNTHETIC and made:
            del new[name]
    new.setdefault(timeframe.value, no_bars_held())
    return new


def _files(index: Index) -> set[str]:
    """Return the files that a symbol's indexes name, with their timeframes."""
    return {f"{tf}/{m['file']}" for tf, meta in index.items() for m in meta["months"].values()}


async def _off_loop(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreDownError(f"bars can't be cached on disk: {error.strerror}") from error
