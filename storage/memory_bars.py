"""The bar store held in memory: the same promises as on disk, gone with the process."""

from datetime import datetime

import numpy as np
import pandas as pd

from pipeline.domain.bars import COLUMNS, empty_bars, epoch_seconds, validate_bars
from pipeline.domain.errors import BadBarsError
from pipeline.domain.market import Timeframe
from pipeline.domain.report import Holding

SYNTHETIC = "SYNTHETIC"
_ORDER = {t: i for i, t in enumerate(Timeframe)}


def merge_bars(held: pd.DataFrame, new: pd.DataFrame) -> tuple[pd.DataFrame, int, int]:
    """Return both frames as one, `new` winning, and how many bars were added and replaced."""
    if held.empty:
        return new.reset_index(drop=True), len(new), 0
    replaced = np.isin(epoch_seconds(held["open_time"]), epoch_seconds(new["open_time"]))
    both = pd.concat([held[~replaced], new]).sort_values("open_time", ignore_index=True)
    count = int(replaced.sum())
    return both[list(COLUMNS)], len(new) - count, count


def between(bars: pd.DataFrame, start: datetime | None, end: datetime | None) -> pd.DataFrame:
    """Return the bars with start <= open_time < end."""
    if start is None and end is None:
        return bars
    seconds = epoch_seconds(bars["open_time"])
    first = 0 if start is None else int(np.searchsorted(seconds, start.timestamp()))
    last = len(bars) if end is None else int(np.searchsorted(seconds, end.timestamp()))
    return bars.iloc[first : max(first, last)].reset_index(drop=True)


class MemoryBarStore:
    """Bars in a dict."""

    def __init__(self) -> None:
        self._bars: dict[tuple[str, Timeframe], pd.DataFrame] = {}
        self._sources: dict[tuple[str, Timeframe], tuple[str, ...]] = {}
        self._scores: dict[tuple[str, Timeframe], float] = {}

    async def merge(
        self,
        symbol: str,
        timeframe: Timeframe,
        bars: pd.DataFrame,
        *,
        source: str,
        now: datetime,  # noqa: ARG002 (the port's signature)
    ) -> tuple[int, int]:
        """Add bars; see the port."""
        validate_bars(bars, timeframe)
        if bars.empty:
            return 0, 0
        self._part_synthetic(symbol, source)
        key = (symbol, timeframe)
        merged, added, replaced = merge_bars(self._bars.get(key, empty_bars()), bars)
        self._bars[key] = merged.copy()
        self._sources[key] = tuple(dict.fromkeys((*self._sources.get(key, ()), source)))
        return added, replaced

    def _part_synthetic(self, symbol: str, source: str) -> None:
        """Keep made and real bars of a symbol apart."""
        keys = [k for k in self._bars if k[0] == symbol]
        real = [k for k in keys if SYNTHETIC not in self._sources[k]]
        if source == SYNTHETIC and real:
            raise BadBarsError(
                f"real bars of {symbol} are held: the sample is not written over them"
            )
        if source != SYNTHETIC:
            for key in keys:
                if key not in real:
                    self._forget(key)

    async def read(
        self,
        symbol: str,
        timeframe: Timeframe,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """Return bars; see the port."""
        held = self._bars.get((symbol, timeframe))
        return empty_bars() if held is None else between(held, start, end).copy()

    async def holdings(self) -> list[Holding]:
        """Return what is held."""
        keys = sorted(self._bars, key=lambda k: (k[0], _ORDER[k[1]]))
        return [self._holding(key) for key in keys]

    def _holding(self, key: tuple[str, Timeframe]) -> Holding:
        bars = self._bars[key]
        return Holding(
            symbol=key[0],
            timeframe=key[1].value,
            bars=len(bars),
            first=bars["open_time"].iloc[0].to_pydatetime(),
            last=bars["open_time"].iloc[-1].to_pydatetime(),
            sources=self._sources[key],
            synthetic=SYNTHETIC in self._sources[key],
            score=self._scores.get(key),
        )

    async def remove(self, symbol: str, timeframe: Timeframe) -> None:
        """Forget bars."""
        self._forget((symbol, timeframe))

    def _forget(self, key: tuple[str, Timeframe]) -> None:
        for table in (self._bars, self._sources, self._scores):
            table.pop(key, None)

    async def note_score(self, symbol: str, timeframe: Timeframe, score: float) -> None:
        """Keep a score beside a holding."""
        if (symbol, timeframe) in self._bars:
            self._scores[symbol, timeframe] = score
