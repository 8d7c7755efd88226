"""Shared bars: what two hosts, their caches and a storage that fails can do to them."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from pipeline.domain.bars import validate_bars
from pipeline.domain.errors import StoreDownError
from pipeline.domain.market import Timeframe
from storage.database import open_database
from tests.kit.bar_files import random_bars
from tests.kit.shared_bars import shared_bars

NOW = datetime(2026, 11, 21, tzinfo=UTC)
M1 = Timeframe.M1
BARS = random_bars(3000, start="2024-01-31 12:00")
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def database(sqlite_url):
    opened = open_database(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture
def objects(s3):
    return s3.objects()


def equal(one, two):
    pd.testing.assert_frame_equal(one.reset_index(drop=True), two.reset_index(drop=True))


async def put(store, bars=BARS, source="file"):
    return await store.merge("EURUSD", M1, bars, source=source, now=NOW)


async def test_what_one_host_merges_another_reads(objects, database, tmp_path):
    one, two = [shared_bars(objects, database, tmp_path / n) for n in "12"]
    await put(one)
    equal(await two.read("EURUSD", M1), BARS)
    newer = random_bars(3000, start="2024-01-31 12:00", seed=8)
    await put(two, newer)
    equal(await one.read("EURUSD", M1), newer)
    assert len(objects.listed("bars")) == 2  # the months; what was replaced is gone


async def test_two_hosts_merge_without_loss_while_a_third_reads(
    s3, objects, postgres_url, tmp_path
):
    database = open_database(postgres_url)
    merging = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.kit.shared_bars", postgres_url, objects.url, s3.endpoint,
            str(tmp_path / str(part)), str(part), cwd=ROOT, env={**os.environ, "PYTHONPATH": "."},
        )
        for part in (0, 1)
    ]  # fmt: skip
    store, seen = shared_bars(objects, database, tmp_path / "reader"), 0
    ended = asyncio.gather(*(process.wait() for process in merging))
    while not ended.done():
        found = await store.read("EURUSD", M1)
        validate_bars(found, M1)
        assert len(found) >= seen
        assert len(found) % 200 == 0
        seen = len(found)
        await asyncio.sleep(0.1)
    assert await ended == [0, 0]
    equal(await store.read("EURUSD", M1), random_bars(1200, start="2024-01-31 12:00", seed=1))
    assert sorted((await store.holdings())[0].sources) == ["0", "1"]
    await database.close()
    assert len(objects.listed("bars")) == 2


@pytest.mark.parametrize("at", range(4))
async def test_a_storage_that_fails_in_the_middle_leaves_the_old_bars(
    objects, database, tmp_path, monkeypatch, at
):
    store = shared_bars(objects, database, tmp_path / "1")
    await put(store)
    newer, calls = random_bars(3000, start="2024-01-31 12:00", seed=8), 0

    def failing(real):
        def call(*args):
            nonlocal calls
            calls += 1
            if calls > at:
                raise StoreDownError("down")
            return real(*args)

        return call

    for name in ("put", "get_many"):
        monkeypatch.setattr(objects, name, failing(getattr(objects, name)))
    with pytest.raises(StoreDownError):
        await put(store, newer)
    monkeypatch.undo()
    other = shared_bars(objects, database, tmp_path / "2")
    equal(await other.read("EURUSD", M1), BARS)
    await put(other, newer)
    equal(await store.read("EURUSD", M1), newer)


async def test_the_cache_spares_the_storage_and_stays_small(objects, database, tmp_path):
    year = random_bars(30_000, start="2024-01-01", timeframe=Timeframe.M5)
    writer = shared_bars(objects, database, tmp_path / "writer")
    await writer.merge("EURUSD", Timeframe.M5, year, source="f", now=NOW)
    size = sum(each.size for each in objects.listed("bars").values())
    reader = shared_bars(objects, database, tmp_path / "reader", most=size // 2)
    fetched = []
    get_many = objects.get_many
    objects.get_many = lambda names: get_many(fetched.append(list(names)) or fetched[-1])
    start, end = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 3, 20, tzinfo=UTC)
    first = await reader.read("EURUSD", Timeframe.M5, start, end)
    again = await reader.read("EURUSD", Timeframe.M5, start, end)
    equal(first, again)
    assert [len(names) for names in fetched] == [1]
    equal(await reader.read("EURUSD", Timeframe.M5), year)  # more than it may keep
    await reader.read("EURUSD", Timeframe.M5, datetime(2024, 1, 1, tzinfo=UTC), start)
    held = sum(path.stat().st_size for path in (tmp_path / "reader").rglob("*.parquet"))
    assert held <= size


async def test_a_damaged_copy_is_fetched_anew_and_never_merged(objects, database, tmp_path):
    store = shared_bars(objects, database, tmp_path / "1")
    await put(store)
    for path in (tmp_path / "1").rglob("*.parquet"):
        path.write_bytes(path.read_bytes()[:-50])
    equal(await store.read("EURUSD", M1), BARS)
    for path in (tmp_path / "1").rglob("*.parquet"):
        path.write_bytes(b"")
    last = random_bars(3001, start="2024-01-31 12:00")[3000:].reset_index(drop=True)
    assert await put(store, last) == (1, 0)
    assert len(await shared_bars(objects, database, tmp_path / "2").read("EURUSD", M1)) == 3001


async def test_lost_objects_are_said_and_can_be_imported_again(objects, database, tmp_path):
    await put(shared_bars(objects, database, tmp_path / "1"))
    objects.remove(list(objects.listed("bars")))
    store = shared_bars(objects, database, tmp_path / "2")
    with pytest.raises(StoreDownError, match="files are missing"):
        await store.read("EURUSD", M1)
    await put(store)
    equal(await store.read("EURUSD", M1), BARS)
