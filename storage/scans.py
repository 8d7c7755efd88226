"""SqlScanLog: the scan log in the database, one transaction for each scan."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Table, delete, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.live import Evaluation, LiveScanReport
from pipeline.domain.market import Timeframe
from storage.database import insert_into, is_sqlite, reading, writing
from storage.live_ports import ScanRecord
from storage.live_tables import EVALUATIONS, LIVE_BARS, SCANNED, SCANS
from storage.scan_rows import (
    bar_rows,
    bars_query,
    frame_of,
    last_stretches,
    stretch_of,
    write_stretches,
)
from storage.stretches import prolong

_TABLES = (SCANS, SCANNED, EVALUATIONS, LIVE_BARS)
_AT_ONCE = 2000  # rows


class SqlScanLog:
    """Scans, bars as seen, marks and evaluations; see `storage.live_ports.ScanLog`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def record(self, scan: ScanRecord, now: datetime) -> None:
        """Keep one scan; a bar already kept stays as it was seen first."""
        origin = scan.report.origin
        bars = list(bar_rows(origin, scan.bars, now))
        async with writing(self._engine) as db:
            await self._report(db, scan.report, now)
            if bars:
                await db.execute(
                    insert_into(self._engine, LIVE_BARS).on_conflict_do_nothing(), bars
                )
            await self._mark(db, scan, now)
            if scan.evaluations:
                last = await last_stretches(db, origin, scan.evaluations)
                await write_stretches(db, origin, prolong(last, scan.evaluations), now)

    async def _report(self, db: AsyncConnection, report: LiveScanReport, now: datetime) -> None:
        row = {
            "origin": report.origin,
            "run_id": report.run_id,
            "trigger_time": report.trigger_time,
            "report": report.model_dump(mode="json"),
            "seen_at": now,
        }
        await db.execute(SCANS.insert().values(**row))

    async def _mark(self, db: AsyncConnection, scan: ScanRecord, now: datetime) -> None:
        if not scan.scanned:
            return
        origin = scan.report.origin
        marks = insert_into(self._engine, SCANNED).values(
            [
                {"origin": origin, "symbol": symbol, "closed": closed, "seen_at": now}
                for symbol, closed in sorted(scan.scanned.items())
            ]
        )
        forward = marks.on_conflict_do_update(
            index_elements=["origin", "symbol"],
            set_={"closed": marks.excluded.closed, "seen_at": now},
            where=SCANNED.c.closed < marks.excluded.closed,
        )
        await db.execute(forward)

    async def scanned(self, origin: str) -> dict[str, datetime]:
        """Return the close up to which each symbol was scanned."""
        query = select(SCANNED.c.symbol, SCANNED.c.closed).where(SCANNED.c.origin == origin)
        async with reading(self._engine) as db:
            return {row.symbol: row.closed for row in await db.execute(query)}

    async def bars(
        self, origin: str, symbol: str, start: datetime | None = None, end: datetime | None = None
    ) -> pd.DataFrame:
        """Return M1 bars as they were seen live, start <= open_time < end."""
        async with reading(self._engine) as db:
            rows = (await db.execute(bars_query(origin, symbol, start, end))).all()
        return frame_of(rows)

    async def symbols(self, origin: str) -> list[str]:
        """Return the symbols of which bars were seen."""
        query = select(LIVE_BARS.c.symbol).where(LIVE_BARS.c.origin == origin).distinct()
        async with reading(self._engine) as db:
            return sorted((await db.execute(query)).scalars())

    async def evaluation(
        self, origin: str, symbol: str, setup_id: str, tf: Timeframe, at: datetime
    ) -> Evaluation | None:
        """Return what was said at the last close <= `at` of that UTC day; None: nothing."""
        c = EVALUATIONS.c
        midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        query = select(EVALUATIONS).where(
            c.origin == origin, c.symbol == symbol, c.setup_id == setup_id, c.tf == tf.value,
            c.first_close >= midnight, c.first_close <= at,
        )  # fmt: skip
        async with reading(self._engine) as db:
            rows = await db.execute(query.order_by(c.first_close.desc()).limit(1))
            found = rows.mappings().one_or_none()
        return None if found is None else stretch_of(found).at(at)

    async def scans(
        self, origin: str, start: datetime, end: datetime, limit: int = 2000
    ) -> list[LiveScanReport]:
        """Return the scans with start <= trigger_time < end, newest first."""
        c = SCANS.c
        query = select(c.report).where(
            c.origin == origin, c.trigger_time >= start, c.trigger_time < end
        )
        newest = query.order_by(c.trigger_time.desc(), c.seq.desc()).limit(limit)
        async with reading(self._engine) as db:
            found = (await db.execute(newest)).scalars().all()
        return [LiveScanReport.model_validate(each) for each in found]

    async def old(self, before: datetime) -> int:
        """Return how many rows were recorded before that."""
        counts = [select(func.count()).where(table.c.seen_at < before) for table in _TABLES]
        async with reading(self._engine) as db:
            return sum([(await db.execute(each)).scalar_one() for each in counts])

    async def prune(self, before: datetime) -> int:
        """Forget what was recorded before that; return how many rows."""
        return sum([await self._forget(table, before) for table in _TABLES])

    async def _forget(self, table: Table, before: datetime) -> int:
        """Forget old rows in small steps, so that no alert waits for the whole of it."""
        sqlite, old = is_sqlite(self._engine), table.c.seen_at < before
        row: ColumnElement[Any] = literal_column("rowid" if sqlite else "ctid")
        some: Any = select(row).select_from(table).where(old).limit(_AT_ONCE)
        gone = 0
        while True:
            rows = some
            if sqlite:  # looked for before the one write lock is taken
                async with reading(self._engine) as db:
                    rows = (await db.execute(some)).scalars().all()
            async with writing(self._engine) as db:
                step = (await db.execute(delete(table).where(row.in_(rows), old))).rowcount
            gone += step
            if step == 0:
                return gone
