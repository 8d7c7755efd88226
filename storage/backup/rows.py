"""Rows as JSON lines: a database in our own form, the same from SQLite and from PostgreSQL.

The first line is `{"form": 1, "revision": …}`. Then for each table, those that others point to
first, a line `{"table": name, "columns": […], "last": n}` and below it one list of values a row,
by primary key. A moment is text in UTC, a JSON column is text as it was, `last` is the number
that the table's counter gave last.
"""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    DateTime,
    Insert,
    MetaData,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.domain.errors import DataError
from storage.backup.facts import VERSION_TABLE, revision_of

FORM = 1
_AT_ONCE = 500


async def write_rows(connection: AsyncConnection, path: Path) -> None:
    """Write all rows that the connection's transaction sees."""
    revision = await connection.run_sync(revision_of)
    tables = await connection.run_sync(_tables)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        _line(file, {"form": FORM, "revision": revision})
        for table in tables:
            last = await connection.run_sync(_last, table)
            columns = [column.name for column in table.columns]
            _line(file, {"table": table.name, "columns": columns, "last": last})
            async for row in _rows(connection, table):
                _line(file, [_told(value) for value in row])


def _line(file: IO[str], what: Any) -> None:
    file.write(json.dumps(what, ensure_ascii=False, separators=(",", ":")) + "\n")


async def _rows(connection: AsyncConnection, table: Table) -> AsyncIterator[Any]:
    found = await connection.stream(_query(table))
    async for part in found.partitions(_AT_ONCE):
        for row in part:
            yield row


def _query(table: Table) -> Select[Any]:
    columns = [_as_text(column) if _is_json(column) else column for column in table.columns]
    return select(*columns).order_by(*table.primary_key.columns)


def _as_text(column: Column[Any]) -> Any:
    return cast(column, Text).label(column.name)


def _told(value: Any) -> Any:
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat()
    return value


async def read_rows(connection: AsyncConnection, path: Path) -> None:
    """Put all rows of a file into the empty tables of the same revision, as one transaction.

    Raises
    ------
    DataError
        The file is damaged, or of a form or revision that the tables are not.
    """
    tables = {table.name: table for table in await connection.run_sync(_tables)}
    revision = await connection.run_sync(revision_of)
    try:
        with path.open(encoding="utf-8") as file:
            head = json.loads(next(file))
            if head["form"] != FORM or head["revision"] != revision:
                raise DataError("The backup's rows are of another revision than its tables.")
            for table, columns, last, rows in _chapters(file, tables):
                for part in _parts(rows):
                    values = [_taken(row, columns, table, connection) for row in part]
                    await connection.execute(_insert(table, columns), values)
                await connection.run_sync(_count_from, table, last)
    except (ValueError, KeyError, StopIteration, TypeError, AttributeError) as error:
        raise DataError("The backup's rows can't be read.", cause=f"{error!r}") from error


def _chapters(
    file: IO[str], tables: dict[str, Table]
) -> Iterator[tuple[Table, list[str], int | None, list[list[Any]]]]:
    """Give each table's rows; a large table comes in several pieces."""
    head: dict[str, Any] | None = None
    rows: list[list[Any]] = []
    for line in file:
        what = json.loads(line)
        if isinstance(what, dict) or len(rows) >= _AT_ONCE:
            if head is not None:
                yield tables[head["table"]], head["columns"], head["last"], rows
            rows = []
        if isinstance(what, dict):
            head = what
        else:
            rows.append(what)
    if head is not None:
        yield tables[head["table"]], head["columns"], head["last"], rows


def _parts(rows: list[list[Any]]) -> Iterator[list[list[Any]]]:
    for first in range(0, len(rows), _AT_ONCE):
        yield rows[first : first + _AT_ONCE]


def _insert(table: Table, columns: list[str]) -> Insert:
    values = {
        name: cast(bindparam(f"v_{name}", type_=Text()), JSON)
        if _is_json(table.columns[name]) and table.info["casts"]
        else bindparam(f"v_{name}")
        for name in columns
    }
    return table.insert().values(values)


def _taken(
    row: list[Any], columns: list[str], table: Table, connection: AsyncConnection
) -> dict[str, Any]:
    zoned = connection.dialect.name != "sqlite"
    taken = {}
    for name, value in zip(columns, row, strict=True):
        if value is not None and isinstance(table.columns[name].type, DateTime):
            moment = datetime.fromisoformat(value)
            taken[f"v_{name}"] = moment if zoned else moment.replace(tzinfo=None)
        else:
            taken[f"v_{name}"] = value
    return taken


def _tables(connection: Connection) -> list[Table]:
    """Return the tables there are, but alembic's own; a JSON column of SQLite is its text."""
    known = MetaData()
    known.reflect(connection)
    sqlite = connection.dialect.name == "sqlite"
    for table in known.tables.values():
        table.info["casts"] = not sqlite
        for column in table.columns:
            if sqlite and isinstance(column.type, JSON):
                column.type = Text()
                column.info["json"] = True
    return [table for table in known.sorted_tables if table.name != VERSION_TABLE]


def _is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON)


def _last(connection: Connection, table: Table) -> int | None:
    """Return the number that a table's counter gave last; None: it has no counter."""
    if connection.dialect.name == "sqlite":
        counted = "SELECT name FROM sqlite_master WHERE name = 'sqlite_sequence'"
        if connection.execute(text(counted)).first() is None:
            return None
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return connection.execute(query, {"name": table.name}).scalar_one_or_none()
    counter = _counter(connection, table)
    if counter is None:
        return None
    called = text(f"SELECT CASE WHEN is_called THEN last_value END FROM {counter}")  # noqa: S608
    return connection.execute(called).scalar_one_or_none()


def _count_from(connection: Connection, table: Table, last: int | None) -> None:
    """Let a table's counter go on behind `last` and behind all numbers there are."""
    keys = list(table.primary_key.columns)
    if connection.dialect.name == "sqlite":
        if last is not None:
            query = text("UPDATE sqlite_sequence SET seq = :last WHERE name = :name")
            connection.execute(query, {"last": last, "name": table.name})
        return
    counter = _counter(connection, table)
    if counter is None:
        return
    highest = connection.execute(select(keys[0]).order_by(keys[0].desc()).limit(1)).scalar()
    number = max(last or 0, highest or 0)
    if number:
        connection.execute(
            text("SELECT setval(:counter, :last)"), {"counter": counter, "last": number}
        )


def _counter(connection: Connection, table: Table) -> str | None:
    """Return the name of the sequence that numbers a PostgreSQL table."""
    keys = list(table.primary_key.columns)
    if len(keys) != 1:
        return None
    query = text("SELECT pg_get_serial_sequence(:table, :column)")
    asked = {"table": f'"{table.name}"', "column": keys[0].name}
    found = connection.execute(query, asked).scalar_one_or_none()
    return None if found is None else str(found)
