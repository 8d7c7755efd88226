"""ParquetBarUpkeep: old months of bars leave the bar store for an archive folder.

A month's file gets its second name in the archive first, then the index forgets it, then its first
name goes: whoever dies in between has it in both places or in the archive, never in none.
"""

import asyncio
import os
import shutil
from calendar import monthrange
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.domain.errors import StoreDownError
from pipeline.domain.market import Timeframe
from storage.bar_files import load, save
from storage.bars import ParquetBarStore
from storage.upkeep_ports import OldMonths


class ParquetBarUpkeep:
    """Old months of the bar store below `root`; see `storage.upkeep_ports.BarUpkeep`."""

    def __init__(self, root: Path, away: Path) -> None:
        self._store = ParquetBarStore(root)
        self._root = root
        self._away = away

    async def old(self, symbol: str, timeframe: Timeframe, before: datetime) -> OldMonths:
        """Return the months that ended before that."""
        return await asyncio.to_thread(self._old, symbol, timeframe, before)

    async def put_away(self, symbol: str, timeframe: Timeframe, before: datetime) -> OldMonths:
        """Move those months into the archive folder, under the symbol's lock."""
        return await asyncio.to_thread(self._put_away, symbol, timeframe, before)

    def _old(self, symbol: str, timeframe: Timeframe, before: datetime) -> OldMonths:
        folder = self._root / symbol / timeframe.value
        meta = load(folder)
        names = [] if meta is None else _names(meta, before)
        size = 0
        for name in names:
            with suppress(FileNotFoundError):  # its merge has just put another in its place
                size += (folder / meta["months"][name]["file"]).stat().st_size if meta else 0
        return OldMonths(tuple(names), size)

    def _put_away(self, symbol: str, timeframe: Timeframe, before: datetime) -> OldMonths:
        folder = self._root / symbol / timeframe.value
        with self._store.locked(symbol):
            found, meta = self._old(symbol, timeframe, before), load(folder)
            if meta is None or not found.months:
                return OldMonths()
            try:
                files = [(name, meta["months"][name]["file"]) for name in found.months]
                for name, file in files:
                    _second_name(folder / file, self._place(symbol, timeframe, name))
                months = {k: v for k, v in meta["months"].items() if k not in found.months}
                save(folder, meta | {"months": months})
                for _, file in files:
                    (folder / file).unlink(missing_ok=True)
            except OSError as error:
                raise StoreDownError(f"bars can't be put away: {error.strerror}") from error
        return found

    def _place(self, symbol: str, timeframe: Timeframe, month: str) -> Path:
        return (
            self._away / symbol / timeframe.value / f"{symbol}_{timeframe.value}_{month}.parquet"
        )


def _names(meta: dict[str, Any], before: datetime) -> list[str]:
    """Return the months that ended before a moment; the newest one held stays always."""
    months = sorted(meta["months"])
    return [month for month in months[:-1] if _end(month) <= before]


def _end(month: str) -> datetime:
    year, number = map(int, month.split("-"))
    last = datetime(year, number, monthrange(year, number)[1], tzinfo=UTC)
    return last.replace(hour=23, minute=59, second=59)


def _second_name(source: Path, place: Path) -> None:
    """Give a file its name in the archive; a copy where the folder lies on another disk."""
    place.parent.mkdir(parents=True, exist_ok=True)
    passing = place.with_suffix(".tmp")
    passing.unlink(missing_ok=True)
    try:
        os.link(source, passing)
    except OSError:
        shutil.copyfile(source, passing)
        with passing.open("rb") as file:
            os.fsync(file.fileno())
    passing.replace(place)
