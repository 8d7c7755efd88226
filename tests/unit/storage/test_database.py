import asyncio
import signal
import sqlite3
import statistics
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from pipeline.domain.errors import StoreDownError
from pipeline.domain.report import DeliveryKind
from storage import database as module
from storage.chats import SqlChatStore
from storage.database import mapped_errors, migrate, open_database, reading, wait_until_up, writing
from storage.outbox import SqlOutbox
from tests.kit.servers import Postgres, running

NOW = datetime(2025, 10, 31, tzinfo=UTC)


@pytest.fixture
async def opened(database_url):
    database = open_database(database_url)
    yield database
    await database.close()


async def _insert(database, then=lambda: None):
    async with writing(database.engine) as db:
        await db.execute(text("INSERT INTO run_numbers VALUES ('a', 'b', 1)"))
        then()


async def test_sqlite_is_set_up_for_several_processes(sqlite_url):
    database = open_database(sqlite_url)
    async with reading(database.engine) as db:
        found = [
            (await db.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        ]
    assert found == ["wal", 1, 15_000, 1]
    await database.close()


async def test_an_exception_rolls_back(opened):
    with pytest.raises(ZeroDivisionError):
        await _insert(opened, then=lambda: 1 // 0)
    async with reading(opened.engine) as db:
        assert (await db.execute(text("SELECT count(*) FROM run_numbers"))).scalar() == 0


async def test_a_cancelled_writer_leaves_no_lock(opened):
    async def hang():
        async with writing(opened.engine) as db:
            await db.execute(text("INSERT INTO run_numbers VALUES ('a', 'b', 1)"))
            await asyncio.sleep(60)

    task = asyncio.create_task(hang())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await SqlChatStore(opened.engine).set_role(1, "owner", NOW)
    assert await SqlChatStore(opened.engine).users() == {1: "owner"}


async def test_our_own_faults_pass_as_they_are(opened):
    await _insert(opened)
    with pytest.raises(IntegrityError):
        await _insert(opened)


async def test_a_locked_database_is_down_and_retryable(sqlite_url, monkeypatch):
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.1)
    database = open_database(sqlite_url)
    chats = SqlChatStore(database.engine)
    assert await chats.role(1) is None
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite+aiosqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreDownError, match="busy") as down:
        await chats.set_role(1, "owner", NOW)
    assert down.value.retryable
    assert await chats.role(1) is None  # readers don't wait for writers
    other.execute("ROLLBACK")
    other.close()
    await chats.set_role(1, "owner", NOW)
    await database.close()


async def test_a_writer_waits_for_its_turn(sqlite_url):
    database = open_database(sqlite_url)
    other = sqlite3.connect(
        sqlite_url.removeprefix("sqlite+aiosqlite:///"),
        isolation_level=None,
        check_same_thread=False,
    )
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(SqlChatStore(database.engine).set_role(1, "owner", NOW))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    other.execute("COMMIT")
    other.close()
    await waiting
    await database.close()


async def test_writers_of_one_process_go_in_the_order_they_came(sqlite_url):
    database, done = open_database(sqlite_url), []

    async def write(n):
        async with writing(database.engine) as db:
            await db.execute(text("INSERT INTO run_numbers VALUES ('a', :n, 1)"), {"n": str(n)})
            await asyncio.sleep(0.002)
            done.append(n)

    await asyncio.gather(*(write(n) for n in range(30)))
    assert done == list(range(30))
    await database.close()


async def test_a_writer_does_not_queue_for_ever(sqlite_url, monkeypatch):
    database = open_database(sqlite_url)
    async with writing(database.engine):
        monkeypatch.setattr(module, "BUSY_SECONDS", 0.1)
        with pytest.raises(StoreDownError, match="busy"):
            await _insert(database)
    await _insert(database)
    await database.close()


async def test_a_folder_in_the_file_s_place_is_down(tmp_path):
    database = open_database(f"sqlite+aiosqlite:///{tmp_path}")
    with pytest.raises(StoreDownError):
        await SqlChatStore(database.engine).role(1)
    await database.close()
    await asyncio.sleep(0.05)  # aiosqlite's thread ends a moment later


def test_an_sqlite_url_must_name_a_file():
    with pytest.raises(ValueError, match="file"):
        open_database("sqlite+aiosqlite://")


@pytest.mark.parametrize("where", ["127.0.0.1:1/x", "/x?host=/nonexistent"])
async def test_no_server_is_down(where):
    database = open_database(f"postgresql+asyncpg://u:pw@{where}")
    with pytest.raises(StoreDownError) as down:
        await SqlChatStore(database.engine).role(1)
    assert "pw" not in str(down.value)
    with pytest.raises(StoreDownError):
        await wait_until_up(database, 0.2)
    await database.close()


async def test_a_restarted_server_is_used_again():
    with running(Postgres) as server:
        database = open_database(server.url("scout"))
        await migrate(database)
        chats = SqlChatStore(database.engine)
        await chats.set_role(1, "owner", NOW)
        server.stop(signal.SIGINT)
        with pytest.raises(StoreDownError):
            await chats.role(1)
        server.start()
        await wait_until_up(database, 10)
        assert await chats.role(1) == "owner"
        await database.close()


def test_other_exceptions_are_left_alone():
    with pytest.raises(KeyError), mapped_errors():
        raise KeyError


async def test_the_outbox_is_quick(sqlite_url):
    database = open_database(sqlite_url)
    outbox, put, turn, empty = SqlOutbox(database.engine), [], [], []
    for n in range(30):
        began = time.perf_counter()
        await outbox.put(1, DeliveryKind.NOTICE, {"n": n}, dedupe_key=f"k{n}", now=NOW)
        put.append(time.perf_counter() - began)
    for _ in range(30):
        began = time.perf_counter()
        [each] = await outbox.claim(NOW, lease=timedelta(seconds=9))
        await outbox.ack(each.id, NOW, [1])
        turn.append(time.perf_counter() - began)
    for _ in range(30):
        began = time.perf_counter()
        assert await outbox.claim(NOW, lease=timedelta(seconds=9)) == []
        empty.append(time.perf_counter() - began)
    await database.close()
    put_ms, turn_ms, empty_ms = (statistics.median(each) * 1000 for each in (put, turn, empty))
    # 3, 5 and 1.3 ms on two idle cores; the bounds leave room for a busy machine
    assert put_ms < 40, put_ms
    assert turn_ms < 80, turn_ms
    assert empty_ms < 20, empty_ms
