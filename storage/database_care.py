"""SqlDatabaseCare: how large the database is, its statistics, and its empty space given back.

On SQLite what upkeep has emptied is used again by what comes next, so the file stays as large as
it was at its fullest. Space is given back only where much of the file is empty, in steps short
enough for alerts to go between them. A file made by an early version can only be made anew as a
whole, which holds up writers: that is done when nobody waits for alerts. PostgreSQL vacuums
without holding up anybody.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.database import is_sqlite, mapped_errors, reading, writing
from storage.outside_tables import METADATA
from storage.upkeep_ports import DatabaseCare

_INCREMENTAL = 2  # SQLite's word for auto_vacuum=INCREMENTAL
_PAYS, _LEFT = 0.25, 0.10  # of the file: empty space that is worth giving back, and what stays
_LEAST_BYTES = 4_000_000  # empty space below that is nobody's trouble
_STEP_PAGES = 250  # 1 MB of 4 kB pages, some milliseconds
_PAUSE_SECONDS = 0.02
_BUSY_MS = 50
_VACUUM_SECONDS = 3600.0


def care_of(engine: AsyncEngine) -> DatabaseCare:
    """Return the upkeep of the database that the engine speaks to."""
    return SqliteCare(engine) if is_sqlite(engine) else PostgresCare(engine)


class SqliteCare:
    """An SQLite file's upkeep; see `storage.upkeep_ports.DatabaseCare`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._file = Path(engine.url.database or "")

    async def size(self) -> int:
        """Return the bytes of the file and of what is on its way into it."""
        beside = (self._file, *(self._file.with_name(self._file.name + e) for e in _BESIDE))
        return await asyncio.to_thread(lambda: sum(p.stat().st_size for p in beside if p.exists()))

    async def sizes(self) -> dict[str, int]:
        """Return the bytes of each table with its indexes, largest first."""
        query = text(
            "SELECT m.tbl_name, sum(d.pgsize) FROM dbstat d JOIN sqlite_master m USING (name)"
            " WHERE d.aggregate = TRUE GROUP BY m.tbl_name ORDER BY 2 DESC"
        )
        async with reading(self._engine) as db:
            return {name: int(size) for name, size in (await db.execute(query)).all()}

    async def reclaimable(self) -> int:
        """Return the bytes of pages that hold nothing."""
        return await self._pragma("freelist_count") * await self._pragma("page_size")

    async def tidy(self, *, quiet: bool) -> list[str]:
        """Give back much empty space, renew statistics, empty the log of writes."""
        done = await self._give_back(quiet=quiet)
        async with self._bare() as bare:
            await bare.execute_fetchall(f"PRAGMA busy_timeout={_BUSY_MS}")
            await bare.execute_fetchall("PRAGMA analysis_limit=400")
            await bare.execute_fetchall("PRAGMA optimize")
            await bare.execute_fetchall("PRAGMA wal_checkpoint(PASSIVE)")
            [(busy, *_)] = await bare.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        done.append("statistics renewed")
        return done if busy else [*done, "the log of writes emptied"]

    async def _give_back(self, *, quiet: bool) -> list[str]:
        free, pages, size = [
            await self._pragma(each) for each in ("freelist_count", "page_count", "page_size")
        ]
        if free * size < _LEAST_BYTES or free < _PAYS * pages:
            return []
        if await self._pragma("auto_vacuum") == _INCREMENTAL:
            await self._in_steps(free - int(_LEFT * (pages - free)))
        elif quiet:
            async with self._bare() as bare:
                await bare.execute_fetchall("PRAGMA auto_vacuum=INCREMENTAL")
                await bare.execute_fetchall("VACUUM")
        else:
            return ["much of the file is empty; it is made anew when no market is watched"]
        back = (pages - await self._pragma("page_count")) * size
        return [f"{back / 1e6:,.1f} MB given back to the disk"]

    async def _in_steps(self, pages: int) -> None:
        for _ in range(0, pages, _STEP_PAGES):
            async with writing(self._engine) as db:
                raw: Any = (await db.get_raw_connection()).driver_connection
                # to its end: it gives one page back each time it is asked for the next row
                await raw.execute_fetchall(f"PRAGMA incremental_vacuum({_STEP_PAGES})")
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _pragma(self, name: str) -> int:
        async with reading(self._engine) as db:
            return int((await db.exec_driver_sql(f"PRAGMA {name}")).scalar_one())

    def _bare(self) -> AbstractAsyncContextManager[Any]:
        return _bare(self._engine)


_BESIDE = ("-wal", "-shm")


class PostgresCare:
    """A PostgreSQL database's upkeep; see `storage.upkeep_ports.DatabaseCare`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def size(self) -> int:
        """Return the bytes of the whole database."""
        async with reading(self._engine) as db:
            query = text("SELECT pg_database_size(current_database())")
            return int((await db.execute(query)).scalar_one())

    async def sizes(self) -> dict[str, int]:
        """Return the bytes of each table with its indexes, largest first."""
        query = text(
            "SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables"
            " ORDER BY 2 DESC, 1"
        )
        async with reading(self._engine) as db:
            found = (await db.execute(query)).all()
        return {name: int(size) for name, size in found if name in METADATA.tables}

    async def reclaimable(self) -> int:
        """Return about how many bytes dead rows take, going by each table's share of them."""
        query = text(
            "SELECT coalesce(sum(pg_relation_size(relid) * n_dead_tup"
            " / greatest(n_live_tup + n_dead_tup, 1)), 0) FROM pg_stat_user_tables"
        )
        async with reading(self._engine) as db:
            return int((await db.execute(query)).scalar_one())

    async def tidy(self, *, quiet: bool) -> list[str]:
        """Vacuum and analyse table by table; nobody is held up."""
        del quiet
        async with _bare(self._engine) as bare:
            for name in METADATA.tables:
                await bare.execute(f'VACUUM (ANALYZE) "{name}"', timeout=_VACUUM_SECONDS)
        return [f"{len(METADATA.tables)} tables vacuumed, statistics renewed"]


@asynccontextmanager
async def _bare(engine: AsyncEngine) -> AsyncIterator[Any]:
    """Give the vendor's own connection, in no transaction; it isn't used again afterwards."""
    with mapped_errors():
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            try:
                yield raw.driver_connection
            finally:
                await connection.invalidate()
