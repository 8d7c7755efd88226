"""Bars on disk: parquet by symbol, timeframe and month, with one small index file each.

Layout: `root/SYMBOL/M1/meta.json` names the month files (`2024-01.3f9a….parquet`) that count.
A merge writes new month files beside the old ones and then replaces meta.json in one rename:
that is the moment it happens. Readers follow meta.json, so they see all of it or nothing, and
a crash leaves files that nobody names; the next merge sweeps them away.
"""

import asyncio
import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pandas as pd

from pipeline.domain.bars import empty_bars, validate_bars
from pipeline.domain.errors import BadBarsError, BadRequestError, StoreDownError
from pipeline.domain.market import Timeframe
from pipeline.domain.report import Holding
from storage.bar_files import (
    by_month,
    erase,
    holding,
    load,
    merge_month,
    no_bars_held,
    read_months,
    save,
    sweep,
)
from storage.memory_bars import SYNTHETIC, between

_ATTEMPTS = 5


class ParquetBarStore:
    """The bar store on disk, safe for several processes at once.

    Parameters
    ----------
    root
        A folder of its own; made when the first bars come.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    async def merge(
        self, symbol: str, timeframe: Timeframe, bars: pd.DataFrame, *, source: str, now: datetime
    ) -> tuple[int, int]:
        """Add bars; see the port."""
        validate_bars(bars, timeframe)
        if bars.empty:
            return 0, 0
        return await asyncio.to_thread(self._merge, symbol, timeframe, bars, source, now)

    async def read(
        self,
        symbol: str,
        timeframe: Timeframe,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """Return bars; see the port."""
        return await asyncio.to_thread(self._read, symbol, timeframe, start, end)

    async def holdings(self) -> list[Holding]:
        """Return what is held, from the index files alone."""
        return await asyncio.to_thread(self._holdings)

    async def remove(self, symbol: str, timeframe: Timeframe) -> None:
        """Forget bars."""
        await asyncio.to_thread(self._remove, symbol, timeframe)

    async def note_score(self, symbol: str, timeframe: Timeframe, score: float) -> None:
        """Keep a score beside a holding."""
        await asyncio.to_thread(self._note_score, symbol, timeframe, score)

    def _folder(self, symbol: str, timeframe: Timeframe) -> Path:
        return self._root / checked_symbol(symbol) / timeframe.value

    @contextmanager
    def locked(self, symbol: str) -> Iterator[None]:
        """Hold the symbol's lock against other threads and processes; map disk faults."""
        folder = self._folder(symbol, Timeframe.M1).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise StoreDownError(f"the bar store can't be written: {error.strerror}") from error

    def _merge(
        self, symbol: str, timeframe: Timeframe, bars: pd.DataFrame, source: str, now: datetime
    ) -> tuple[int, int]:
        folder = self._folder(symbol, timeframe)
        with self.locked(symbol):
            self._part_synthetic(symbol, timeframe, source)
            meta = load(folder) or no_bars_held()
            if source != SYNTHETIC and SYNTHETIC in meta["sources"]:
                meta = no_bars_held()
            folder.mkdir(parents=True, exist_ok=True)
            added = replaced = 0
            for month, part in by_month(bars):
                counts = merge_month(folder, meta, timeframe, month, part)
                added, replaced = added + counts[0], replaced + counts[1]
            meta["sources"] = list(dict.fromkeys([*meta["sources"], source]))
            meta["merged_at"] = now.isoformat()
            save(folder, meta)
            sweep(folder, meta)
        return added, replaced

    def _part_synthetic(self, symbol: str, timeframe: Timeframe, source: str) -> None:
        """Keep made and real bars of a symbol apart; other timeframes' made bars go first."""
        for other in Timeframe:
            folder = self._folder(symbol, other)
            meta = load(folder)
            if meta is None:
                continue
            made = SYNTHETIC in meta["sources"]
            if source == SYNTHETIC and not made:
                raise refuse_sample(symbol)
            if source != SYNTHETIC and made and other is not timeframe:
                erase(folder)

    def _read(
        self, symbol: str, timeframe: Timeframe, start: datetime | None, end: datetime | None
    ) -> pd.DataFrame:
        folder = self._folder(symbol, timeframe)
        for _ in range(_ATTEMPTS):
            meta = load(folder)
            if meta is None:
                return empty_bars()
            try:
                return between(read_months(folder, meta, timeframe, start, end), start, end)
            except FileNotFoundError:
                continue  # a merge replaced the month files meanwhile: its index is there now
        raise StoreDownError(f"held bars of {symbol} {timeframe} can't be read: files are missing")

    def _holdings(self) -> list[Holding]:
        if not self._root.is_dir():
            return []
        symbols = sorted(p.name for p in self._root.iterdir() if p.is_dir())
        found = []
        for symbol in symbols:
            for timeframe in Timeframe:
                meta = load(self._root / symbol / timeframe.value)
                if meta is not None:
                    found.append(holding(symbol, timeframe, meta))
        return found

    def _remove(self, symbol: str, timeframe: Timeframe) -> None:
        folder = self._folder(symbol, timeframe)
        if folder.is_dir():
            with self.locked(symbol):
                erase(folder)

    def _note_score(self, symbol: str, timeframe: Timeframe, score: float) -> None:
        folder = self._folder(symbol, timeframe)
        if load(folder) is None:
            return
        with self.locked(symbol):
            meta = load(folder)
            if meta is not None:
                save(folder, meta | {"score": score})


def checked_symbol(symbol: str) -> str:
    """Return a symbol that may name a folder; BadRequestError for anything else."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._#-]{0,39}", symbol):
        raise BadRequestError(f"{symbol!r} is no symbol", field="symbol", value=symbol)
    return symbol


def refuse_sample(symbol: str) -> BadBarsError:
    """Return the refusal to put the sample over real bars."""
    return BadBarsError(f"real bars of {symbol} are held: the sample is not written over them")
