"""The database engine: SQLite (WAL) or PostgreSQL behind one URL, its transactions and errors."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from weakref import WeakKeyDictionary

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Table, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from pipeline.domain.errors import AppError, StoreDownError
from storage.tables import json_text

BUSY_SECONDS = 15
MIGRATING_SECONDS = 90.0  # a busy machine on which several processes start at once
BUSY = "is busy"
_MIGRATION_LOCK = 7_205_759_403
_WRITES = "scout_writes"  # execution option: the transaction is going to write
_QUEUES: WeakKeyDictionary[AsyncEngine, asyncio.Lock] = WeakKeyDictionary()
_OUR_FAULT = (IntegrityError, ProgrammingError, DataError)
_DENIED = "42501"  # PostgreSQL: insufficient_privilege
_DOWN = (PoolTimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


@dataclass(frozen=True)
class Database:
    """An open database. Stores take its `engine`; whoever opened it closes it."""

    engine: AsyncEngine
    url: str

    async def close(self) -> None:
        """Give all connections back; the engine opens new ones if it is used again."""
        await self.engine.dispose()


def open_database(url: str) -> Database:
    """Return a database for `sqlite+aiosqlite:///path` or `postgresql+asyncpg://…`.

    Nothing is connected before the first use. A missing folder of an SQLite file is made.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Database(_sqlite_engine(url, parsed.database), url)
    engine = create_async_engine(
        url,
        json_serializer=json_text,
        pool_pre_ping=True,  # a restarted server costs one ping, not one failed step
        connect_args={"timeout": 5, "command_timeout": BUSY_SECONDS},
    )
    return Database(engine, url)


def _sqlite_engine(url: str, file: str | None) -> AsyncEngine:
    if not file or file == ":memory:":
        raise ValueError("an SQLite URL must name a file: each connection has its own :memory:")
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(
        url, json_serializer=json_text, connect_args={"timeout": BUSY_SECONDS}
    )
    event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin_sqlite
    cursor = connection.cursor()
    cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")  # said before the first table is made
    _switch_to_wal(cursor)
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _switch_to_wal(cursor: Any) -> None:
    """Set WAL mode, patiently: on a fresh file SQLite refuses at once while another does it."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except Exception:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later can't wait for a lock (its snapshot is
    # stale by then), so writers take the lock at once and readers never do.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def is_sqlite(engine: AsyncEngine) -> bool:
    """Whether the engine speaks to SQLite."""
    return engine.dialect.name == "sqlite"


def insert_into(engine: AsyncEngine, table: Table) -> sqlite.Insert:
    """Return an INSERT that knows ON CONFLICT; both dialects' own have the same words."""
    if is_sqlite(engine):
        return sqlite.insert(table)
    return cast("sqlite.Insert", postgresql.insert(table))


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a transaction that writes; committed at the end, rolled back by an exception."""
    with mapped_errors():
        async with _turn(engine), engine.connect() as connection:
            await connection.execution_options(**{_WRITES: True})
            async with connection.begin():
                yield connection


@asynccontextmanager
async def _turn(engine: AsyncEngine) -> AsyncIterator[None]:
    """Wait for one's turn to write; PostgreSQL has many writers, so nobody waits there.

    Left to themselves SQLite's writers sleep and ask again: twenty at once take five times as
    long, and the unlucky wait longest.
    """
    if not is_sqlite(engine):
        yield
        return
    queue = _QUEUES.setdefault(engine, asyncio.Lock())
    try:
        async with asyncio.timeout(BUSY_SECONDS):
            await queue.acquire()
    except TimeoutError as error:
        raise _unreachable(BUSY, "no turn to write") from error
    try:
        yield
    finally:
        queue.release()


async def alone(db: AsyncConnection, key: int) -> None:
    """Wait until no other transaction that said this key is open; SQLite's writers are alone."""
    if db.dialect.name != "sqlite":
        await db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a transaction that only reads; it never waits for writers on SQLite."""
    with mapped_errors():
        async with engine.connect() as connection, connection.begin():
            yield connection


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn a vendor's "down", "locked" or "too slow" into StoreDownError.

    What can only be a fault of our own statements (a broken constraint, bad SQL) passes as it is.
    """
    try:
        yield
    except _OUR_FAULT as error:
        if getattr(error.orig, "sqlstate", "") == _DENIED:
            raise AppError(
                "The database's user may not do this. Tables are changed by their owner alone: "
                "let that user start the new version once.",
                cause=str(error.orig),
            ) from error
        raise
    except (DBAPIError, *_DOWN) as error:
        raise _down(error) from error


def _down(error: Exception) -> StoreDownError:
    locked = isinstance(error, OperationalError) and "locked" in str(error.orig)
    reason = BUSY if locked else "doesn't answer"
    cause = error.orig if isinstance(error, DBAPIError) else error
    return _unreachable(reason, f"{type(cause).__name__}: {cause}")


def _unreachable(reason: str, cause: str) -> StoreDownError:
    return StoreDownError(
        f"The database {reason}. Please try again in a moment.", store="database", cause=cause
    )


async def migrate(database: Database | str, revision: str = "head") -> None:
    """Bring the tables to `revision` (an older one: back to it); nothing to do is no error.

    An empty database is brought up to it.

    Processes that start at once wait for each other: the first one migrates.
    """
    if isinstance(database, str):
        opened = open_database(database)
        try:
            await migrate(opened, revision)
        finally:
            await opened.close()
        return
    until = time.monotonic() + MIGRATING_SECONDS
    while True:
        try:
            await _migrate(database, revision)
        except StoreDownError as error:
            if BUSY not in error.user_text or time.monotonic() > until:
                raise
        else:
            return


async def _migrate(database: Database, revision: str) -> None:
    async with writing(database.engine) as connection:
        if not is_sqlite(database.engine):
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK}
            )
        await connection.run_sync(_move, revision)


def alembic_config(connection: Connection) -> Config:
    """Return alembic's configuration that runs in a given connection and its transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _move(connection: Connection, revision: str) -> None:
    config = alembic_config(connection)
    empty = MigrationContext.configure(connection).get_current_revision() is None
    forward = revision == "head" or revision.startswith("+") or (empty and revision != "base")
    try:
        (command.upgrade if forward else command.downgrade)(config, revision)
    except CommandError as error:  # a revision that this version doesn't know
        raise AppError(
            "The database was written by a newer version of Setup Scout. Please update.",
            cause=str(error),
        ) from error


async def wait_until_up(database: Database, seconds: float) -> None:
    """Return when the database answers; after `seconds` its StoreDownError is raised."""
    until = time.monotonic() + seconds
    while True:
        try:
            async with reading(database.engine) as connection:
                await connection.execute(text("SELECT 1"))
        except (StoreDownError, SQLAlchemyError):
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)
        else:
            return
