"""Copying a database out while others write, and back into an empty one."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.domain.backup import DatabaseEntry
from pipeline.domain.errors import AppError, DataError, StoreDownError
from storage.backup.facts import Facts, facts_of, row_counts, table_names
from storage.backup.names import DATABASE
from storage.backup.postgres_programs import (
    connection_environment,
    missing,
    run_program,
    suitable,
)
from storage.backup.rows import read_rows, write_rows
from storage.database import (
    BUSY_SECONDS,
    mapped_errors,
    migrate,
    open_database,
    reading,
    writing,
)

Looked: TypeAlias = Callable[[Connection], Facts]
_HUNDREDS = 10_000  # server_version_num is the major version times this
SQLITE_FILE, DUMP_FILE, ROWS_FILE = "scout.db", "scout.dump", "rows.jsonl"


async def copy_out(
    url: str, folder: Path, *, shared: bool = False
) -> tuple[DatabaseEntry, Facts, list[str]]:
    """Copy our database as it is at one moment into a folder; nobody who writes waits.

    Returns
    -------
    tuple
        How it lies there, what it held at that moment, and notes for people.
    """
    looked = partial(facts_of, shared=shared)
    if _is_sqlite(url):
        entry, facts = await _copy_sqlite(url, folder, looked)
        return entry, facts, []
    return await _copy_postgres(url, folder, looked)


async def _copy_sqlite(url: str, folder: Path, looked: Looked) -> tuple[DatabaseEntry, Facts]:
    target = folder / SQLITE_FILE
    await asyncio.to_thread(_online_backup, Path(make_url(url).database or ""), target)
    async with _connected(f"sqlite+aiosqlite:///{target}") as connection:
        facts = await connection.run_sync(looked)
    await asyncio.to_thread(_settle, target)
    return _entry("sqlite", facts, SQLITE_FILE), facts


def _online_backup(source: Path, target: Path) -> None:
    """Copy by SQLite's own backup, in one step: one moment, and in WAL mode nobody waits."""
    address = f"file:{quote(str(source))}?mode=ro"
    try:
        with (
            closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
            [(verdict,)] = copy.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.Error as error:
        raise StoreDownError("The database can't be copied.", cause=f"{error}") from error
    if verdict != "ok":
        raise DataError(f"The database is damaged ({verdict}); restore the last backup.")


def _settle(target: Path) -> None:
    """Leave one file, without a journal beside it."""
    with closing(sqlite3.connect(target)) as copy:
        copy.execute("PRAGMA journal_mode=DELETE")


async def _copy_postgres(
    url: str, folder: Path, looked: Looked
) -> tuple[DatabaseEntry, Facts, list[str]]:
    async with _connected(url) as connection:
        facts = await connection.run_sync(looked)
        major = await _major(connection)
        program = await suitable("pg_dump", major)
        if program is None:
            await write_rows(connection, folder / ROWS_FILE)
            note = f"Kept as rows: {missing('pg_dump', major)}."
            return _entry("rows", facts, ROWS_FILE), facts, [note]
        exported = await connection.execute(text("SELECT pg_export_snapshot()"))
        await _dump(program.path, url, folder / DUMP_FILE, f"--snapshot={exported.scalar_one()}")
    return _entry("pg_dump", facts, DUMP_FILE), facts, []


async def dump_whole(url: str, target: Path) -> DatabaseEntry:
    """Dump a PostgreSQL database that isn't ours, such as Prefect's.

    Raises
    ------
    AppError
        It doesn't answer, or no `pg_dump` suits its version.
    """
    async with _connected(url) as connection:
        major = await _major(connection)
    program = await suitable("pg_dump", major)
    if program is None:
        raise StoreDownError(f"It was left out: {missing('pg_dump', major)}.")
    await _dump(program.path, url, target)
    return DatabaseEntry(kind="pg_dump", file=f"prefect/{target.name}")


async def _dump(program: Path, url: str, target: Path, *words: str) -> None:
    command = [str(program), "--format=custom", "--compress=1", "--no-owner", "--no-acl"]
    await run_program([*command, *words, f"--file={target}"], connection_environment(url))


async def is_empty(url: str) -> bool:
    """Tell whether a database has no table (an SQLite one: no file)."""
    if _is_sqlite(url):
        return not await asyncio.to_thread(Path(make_url(url).database or "").exists)
    async with _connected(url) as connection:
        return not await connection.run_sync(table_names)


async def copy_in(url: str, entry: DatabaseEntry, file: Path) -> None:
    """Fill an empty database from a copy, at the copy's revision.

    An SQLite file and rows fit both databases, so a restore may move from one to the other;
    PostgreSQL's own dump fits PostgreSQL alone.
    """
    if entry.kind == "pg_dump":
        if _is_sqlite(url):
            raise AppError(
                "This backup's database is a dump of PostgreSQL: set DATABASE_URL to an empty "
                "PostgreSQL database."
            )
        await restore_dump(url, file)
    elif entry.kind == "sqlite" and _is_sqlite(url):
        target = Path(make_url(url).database or "")
        target.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(shutil.copyfile, file, target)
    elif entry.kind == "sqlite":
        rows = file.with_name(ROWS_FILE)
        async with _connected(f"sqlite+aiosqlite:///{file}") as connection:
            await write_rows(connection, rows)
        await _from_rows(url, entry.revision, rows)
    else:
        await _from_rows(url, entry.revision, file)


async def _from_rows(url: str, revision: str, rows: Path) -> None:
    database = open_database(url)
    try:
        await migrate(database, revision)
        async with writing(database.engine) as connection:
            await read_rows(connection, rows)
    finally:
        await database.close()


async def restore_dump(url: str, file: Path) -> None:
    """Restore PostgreSQL's own dump into an empty database, all or nothing."""
    async with _connected(url) as connection:
        major = await _major(connection)
    program = await suitable("pg_restore", major)
    if program is None:
        raise AppError(f"The database can't be restored: {missing('pg_restore', major)}.")
    env = connection_environment(url)
    words = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-acl"]
    place = f"--dbname={env['PGDATABASE']}"
    await run_program([str(program.path), *words, place, str(file)], env)


async def rows_now(url: str) -> dict[str, int]:
    """Return the rows of each table."""
    async with _connected(url) as connection:
        return await connection.run_sync(row_counts)


def _entry(kind: str, facts: Facts, name: str) -> DatabaseEntry:
    return DatabaseEntry.model_validate(
        {
            "kind": kind, "revision": facts.revision, "rows": facts.rows,
            "file": f"{DATABASE}/{name}",
        }
    )  # fmt: skip


def _is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[AsyncConnection]:
    """Open a transaction that sees one moment and writes nothing."""
    database = open_database(url)
    try:
        if _is_sqlite(url):
            async with reading(database.engine) as connection:
                yield connection
            return
        with mapped_errors():
            async with database.engine.connect() as connection:
                await connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
                async with connection.begin():
                    yield connection
    finally:
        await database.close()


async def _major(connection: AsyncConnection) -> int:
    number = await connection.execute(text("SHOW server_version_num"))
    return int(number.scalar_one()) // _HUNDREDS
