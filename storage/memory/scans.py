"""MemoryScanLog: the scan log in memory."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from pipeline.domain.bars import PRICES, bar_frame, empty_bars
from pipeline.domain.live import Evaluation, LiveScanReport
from pipeline.domain.market import Timeframe
from storage.live_ports import ScanRecord
from storage.stretches import Line, Stretch, prolong

_Bar = tuple[tuple[float, ...], datetime]  # its six figures, and when it was seen


class MemoryScanLog:
    """Scans in dicts; see `storage.live_ports.ScanLog`."""

    def __init__(self) -> None:
        self._scans: list[tuple[LiveScanReport, datetime]] = []
        self._bars: dict[tuple[str, str], dict[datetime, _Bar]] = {}
        self._marks: dict[tuple[str, str], tuple[datetime, datetime]] = {}
        self._stretches: dict[str, dict[int, tuple[Stretch, datetime]]] = {}
        self._numbers = 0

    async def record(self, scan: ScanRecord, now: datetime) -> None:
        """Keep one scan; a bar already kept stays as it was seen first."""
        origin = scan.report.origin
        self._scans.append((scan.report.model_copy(deep=True), now))
        for symbol, bars in scan.bars.items():
            held = self._bars.setdefault((origin, symbol), {})
            for opened, *figures in bars[["open_time", *PRICES, "volume", "spread"]].itertuples(
                index=False
            ):
                held.setdefault(opened.to_pydatetime(), (tuple(figures), now))
        for symbol, closed in scan.scanned.items():
            kept = self._marks.get((origin, symbol))
            if kept is None or closed > kept[0]:
                self._marks[origin, symbol] = closed, now
        self._say(origin, scan, now)

    def _say(self, origin: str, scan: ScanRecord, now: datetime) -> None:
        kept = self._stretches.setdefault(origin, {})
        last: dict[Line, Stretch] = {s.line: s for s, _ in kept.values()}
        longer, fresh = prolong(last, scan.evaluations)
        for stretch in longer:
            kept[stretch.seq] = stretch, now
        for stretch in fresh:
            self._numbers += 1
            kept[self._numbers] = replace(stretch, seq=self._numbers), now

    async def scanned(self, origin: str) -> dict[str, datetime]:
        """Return the close up to which each symbol was scanned."""
        return {s: closed for (o, s), (closed, _) in sorted(self._marks.items()) if o == origin}

    async def bars(
        self, origin: str, symbol: str, start: datetime | None = None, end: datetime | None = None
    ) -> pd.DataFrame:
        """Return M1 bars as they were seen live, start <= open_time < end."""
        held = self._bars.get((origin, symbol), {})
        times = sorted(
            t for t in held if (start is None or start <= t) and (end is None or t < end)
        )
        if not times:
            return empty_bars()
        figures = np.array([held[t][0] for t in times], dtype="float64")
        opened = pd.DatetimeIndex(times)
        return bar_frame(opened, Timeframe.M1, figures[:, :4], figures[:, 4], figures[:, 5])

    async def symbols(self, origin: str) -> list[str]:
        """Return the symbols of which bars were seen."""
        return sorted(symbol for (o, symbol), held in self._bars.items() if o == origin and held)

    async def evaluation(
        self, origin: str, symbol: str, setup_id: str, tf: Timeframe, at: datetime
    ) -> Evaluation | None:
        """Return what was said at the last close <= `at` of that UTC day; None: nothing."""
        line = symbol, setup_id, tf.value
        mine = [s for s, _ in self._stretches.get(origin, {}).values() if s.line == line]
        before = [s for s in mine if s.first_close <= at and _same_day(s.first_close, at)]
        return max(before, key=lambda s: s.first_close).at(at) if before else None

    async def scans(
        self, origin: str, start: datetime, end: datetime, limit: int = 2000
    ) -> list[LiveScanReport]:
        """Return the scans with start <= trigger_time < end, newest first."""
        newest_first = (r for r, _ in reversed(self._scans) if r.origin == origin)
        found = [r for r in newest_first if start <= r.trigger_time < end]
        return sorted(found, key=lambda r: r.trigger_time, reverse=True)[:limit]

    async def old(self, before: datetime) -> int:
        """Return how many rows were recorded before that."""
        tables: list[dict[Any, Any]] = [*self._bars.values(), self._marks]
        tables += self._stretches.values()
        seen = [at for _, at in self._scans]
        seen += [at for table in tables for _, at in table.values()]
        return sum(at < before for at in seen)

    async def prune(self, before: datetime) -> int:
        """Forget what was recorded before that; return how many rows."""
        rows = len(self._scans)
        self._scans = [kept for kept in self._scans if kept[1] >= before]
        gone = rows - len(self._scans)
        tables: list[dict[Any, Any]] = [*self._bars.values(), self._marks]
        tables += self._stretches.values()
        return gone + sum(_forget(table, before) for table in tables)


def _forget(table: dict[Any, Any], before: datetime) -> int:
    old = [key for key, kept in table.items() if kept[1] < before]
    for key in old:
        del table[key]
    return len(old)


def _same_day(one: datetime, other: datetime) -> bool:
    return one.astimezone(UTC).date() == other.astimezone(UTC).date()
