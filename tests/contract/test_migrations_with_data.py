"""Migrations with rows of each revision in every table: values are kept forward and back."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import JSON, BigInteger, Boolean, DateTime, Float, Integer, MetaData, select

from storage.database import migrate, open_database
from storage.revisions import known_revisions
from tests.contract.test_migrations import empty_url, look

__all__ = ["empty_url"]
AT = datetime(2025, 10, 31, 10, 15, 30, tzinfo=UTC)
REVISIONS = known_revisions()


def reflected(connection):
    known = MetaData()
    known.reflect(connection)
    return [table for table in known.sorted_tables if table.name != "alembic_version"]


def old_value(column, number, *, zoned):
    """Return what a row of an old version may hold in a column."""
    if column.foreign_keys:
        [key] = column.foreign_keys
        return old_value(key.column, number, zoned=zoned)
    moment = AT.replace(microsecond=number)
    by_kind = (
        (JSON, {"n": number, "words": ["ü", None, 0.1], "deep": {"x": column.name}}),
        (Boolean, bool(number % 2)),
        (BigInteger, 9_007_199_254_740_993 + number),
        (Integer, 70 + number),
        (Float, 0.1 + number),
        (DateTime, moment if zoned else moment.replace(tzinfo=None)),
    )
    for kind, value in by_kind:
        if isinstance(column.type, kind):
            return value
    words = f"{number} {column.table.name}.{column.name} — “ü”"
    return words[: column.type.length] if getattr(column.type, "length", None) else words


def fill_all(connection):
    """Put two rows into every table: one with every column, one with what must be there."""
    zoned = connection.dialect.name != "sqlite"
    for table in reflected(connection):
        for number in (1, 2):
            connection.execute(
                table.insert().values(
                    {
                        column.name: old_value(column, number, zoned=zoned)
                        for column in table.columns
                        if number == 1 or not column.nullable
                    }
                )
            )


def values(connection):
    """Return each table's rows, a row by its columns."""
    return {
        table.name: {
            tuple(_plain(row[key.name]) for key in table.primary_key.columns): dict(row)
            for row in connection.execute(select(table)).mappings()
        }
        for table in reflected(connection)
    }


def _plain(value):
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def lost(before, after):
    """Return what is no longer as it was, of the tables and columns that both have."""
    found = []
    for table, rows in before.items():
        if table not in after:
            continue
        for key, row in rows.items():
            now = after[table].get(key)
            if now is None:
                found.append(f"{table} {key} is gone")
                continue
            found += [
                f"{table} {key} {name}: {was!r} became {now[name]!r}"
                for name, was in row.items()
                if name in now and now[name] != was
            ]
    return found


async def change(url, what):
    database = open_database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(what)
    await database.close()


@pytest.mark.parametrize("revision", REVISIONS)
async def test_rows_of_a_revision_live_through_all_that_came_after(empty_url, revision):
    """Up to the newest, back step by step, and up again; rows made at this revision stay."""
    await migrate(empty_url, revision)
    await change(empty_url, fill_all)
    first = await look(empty_url, values)
    assert all(len(rows) == 2 for rows in first.values())
    await migrate(empty_url)
    newest = await look(empty_url, values)
    assert set(first) <= set(newest)
    assert lost(first, newest) == []
    for step in reversed(REVISIONS[REVISIONS.index(revision) : -1]):
        await migrate(empty_url, step)
        assert lost(first, await look(empty_url, values)) == []
    again = await look(empty_url, values)
    assert again == first
    await migrate(empty_url)
    assert lost(first, await look(empty_url, values)) == []


async def test_the_newest_rows_go_all_the_way_back_and_forth(empty_url):
    """What an older revision has no place for is lost on the way back, and nothing else."""
    await migrate(empty_url)
    await change(empty_url, fill_all)
    newest = await look(empty_url, values)
    for step in reversed(REVISIONS[:-1]):
        await migrate(empty_url, step)
        assert lost(newest, await look(empty_url, values)) == []
    await migrate(empty_url)
    anew = await look(empty_url, values)
    assert set(anew) == set(newest)


async def test_a_lost_value_would_be_seen():
    row = {"t": {(1,): {"id": 1, "a": 2}}}
    assert lost(row, {"t": {(1,): {"id": 1, "a": 3}}}) == ["t (1,) a: 2 became 3"]
    assert lost(row, {"t": {}}) == ["t (1,) is gone"]
    assert lost(row, {"t": {(1,): {"id": 1}}, "other": {}}) == []
