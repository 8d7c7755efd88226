"""Databases copied out and into an empty one: every value, between all kinds, at old revisions."""

import pytest
from sqlalchemy import MetaData, text

from pipeline.domain.errors import AppError
from storage.backup import databases
from storage.backup.databases import copy_in, copy_out, is_empty, rows_now
from storage.database import migrate, open_database
from storage.outbox import SqlOutbox
from tests.contract.test_migrations import fill

KINDS = ("sqlite", "dump", "rows")


@pytest.fixture
def make_url(request, tmp_path):
    """Make URLs of empty databases of a kind; those of PostgreSQL are dropped at the end."""
    made = []

    def make(kind, name):
        if kind == "sqlite":
            return f"sqlite+aiosqlite:///{tmp_path}/{name}.db"
        made.append(f"copies_{name}")
        return request.getfixturevalue("postgres").url(made[-1])

    yield make
    for name in made:
        request.getfixturevalue("postgres").drop(name)


async def contents(url):
    """Return every value of every table as a person would compare them."""
    database = open_database(url)
    async with database.engine.connect() as connection:
        tables = await connection.run_sync(_reflected)
        found = {}
        for table in tables:
            rows = (await connection.execute(table.select())).mappings().all()
            plain = [{k: _plain(v) for k, v in row.items()} for row in rows]
            found[table.name] = sorted(plain, key=repr)
    await database.close()
    return found


def _plain(value):
    return str(value).removesuffix("+00:00") if hasattr(value, "tzinfo") else value


def _reflected(connection):
    known = MetaData()
    known.reflect(connection)
    return known.sorted_tables


async def without_programs(name, least):
    return None


async def nulls(url):
    """Return how JSON columns that may be NULL are: NULL itself and JSON's null are two things."""
    database = open_database(url)
    async with database.engine.connect() as connection:
        query = "SELECT answer IS NULL, CAST(extra AS TEXT) FROM signals"
        found = [(bool(a), b) for a, b in (await connection.execute(text(query))).all()]
    await database.close()
    return found


@pytest.mark.parametrize("to", ["sqlite", "postgres"])
@pytest.mark.parametrize("kind", KINDS)
async def test_every_value_comes_back(kind, to, make_url, tmp_path, monkeypatch):
    source = make_url("sqlite" if kind == "sqlite" else "postgres", f"{kind}_{to}_from")
    await migrate(source)
    await fill(source, tmp_path / "archive")
    if kind == "rows":
        monkeypatch.setattr(databases, "suitable", without_programs)
    folder = tmp_path / "copy"
    folder.mkdir()
    entry, facts, notes = await copy_out(source, folder)
    assert entry.rows == facts.rows == await rows_now(source)
    assert bool(notes) == (kind == "rows")
    target = make_url(to, f"{kind}_{to}_to")
    assert await is_empty(target)
    file = folder / entry.file.removeprefix("database/")
    if (kind, to) == ("dump", "sqlite"):
        with pytest.raises(AppError, match="set DATABASE_URL to an empty PostgreSQL"):
            await copy_in(target, entry, file)
        return
    await copy_in(target, entry, file)
    assert await rows_now(target) == entry.rows
    assert await contents(target) == await contents(source)
    assert await nulls(target) == await nulls(source)
    assert not await is_empty(target)
    await migrate(target)


@pytest.mark.parametrize("to", ["sqlite", "postgres"])
@pytest.mark.parametrize("kind", ["sqlite", "rows"])
async def test_numbers_that_were_given_are_not_given_again(
    kind, to, make_url, tmp_path, monkeypatch
):
    from datetime import UTC, datetime

    from pipeline.domain.report import DeliveryKind

    now = datetime(2026, 11, 26, tzinfo=UTC)
    source = make_url("sqlite" if kind == "sqlite" else "postgres", f"n_{kind}_{to}_from")
    await migrate(source)
    database = open_database(source)
    for key in "abc":
        await SqlOutbox(database.engine).put(1, DeliveryKind.NOTICE, {}, dedupe_key=key, now=now)
    async with database.engine.begin() as connection:  # the newest is gone, its number is spent
        await connection.execute(text("DELETE FROM outbox WHERE id = 3"))
    await database.close()
    monkeypatch.setattr(databases, "suitable", without_programs)
    entry, _, _ = await copy_out(source, tmp_path)
    target = make_url(to, f"n_{kind}_{to}_to")
    await copy_in(target, entry, tmp_path / entry.file.removeprefix("database/"))
    database = open_database(target)
    await SqlOutbox(database.engine).put(1, DeliveryKind.NOTICE, {}, dedupe_key="d", now=now)
    async with database.engine.connect() as connection:
        ids = (await connection.execute(text("SELECT id FROM outbox ORDER BY id"))).scalars().all()
    await database.close()
    assert ids == [1, 2, 4]


async def test_pg_dump_is_chosen_by_the_servers_version(tmp_path, monkeypatch):
    from storage.backup import postgres_programs
    from storage.backup.postgres_programs import missing, suitable

    places = []
    for major in (15, 17, 18):
        path = tmp_path / str(major)
        path.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {major}.3 (Debian {major}.3-1)'\n")
        path.chmod(0o755)
        places.append(path)
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(postgres_programs, "_places", lambda name: [broken, *places])
    assert (await suitable("pg_dump", 15)).major == 15
    assert (await suitable("pg_dump", 16)).major == 17
    assert await suitable("pg_dump", 19) is None
    assert "postgresql-client-19" in missing("pg_dump", 19)
