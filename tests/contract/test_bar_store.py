"""One suite for every bar store: on disk and in memory."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.bars import validate_bars
from pipeline.domain.errors import BadBarsError, BadRequestError, StoreDownError
from pipeline.domain.market import Timeframe
from storage.bars import ParquetBarStore
from storage.database import open_database
from storage.memory_bars import MemoryBarStore
from tests.kit.bar_files import random_bars
from tests.kit.shared_bars import shared_bars

NOW = datetime(2026, 11, 21, tzinfo=UTC)
M1, M5 = Timeframe.M1, Timeframe.M5


@pytest.fixture(params=["parquet", "memory", "shared"])
def place(request):
    if request.param != "shared":
        return request.param
    return request.getfixturevalue("sqlite_url"), request.getfixturevalue("s3").objects()


@pytest.fixture
async def store(place, tmp_path):
    if isinstance(place, str):
        yield ParquetBarStore(tmp_path / "bars") if place == "parquet" else MemoryBarStore()
        return
    url, objects = place
    database = open_database(url)
    yield shared_bars(objects, database, tmp_path / "cache")
    await database.close()


async def put(store, bars, symbol="EURUSD", timeframe=M1, source="file"):
    return await store.merge(symbol, timeframe, bars, source=source, now=NOW)


def equal(one, two):
    pd.testing.assert_frame_equal(one.reset_index(drop=True), two.reset_index(drop=True))


async def test_what_goes_in_comes_out(store):
    bars = random_bars(5000, start="2024-02-28 12:00")
    assert await put(store, bars) == (5000, 0)
    found = await store.read("EURUSD", M1)
    equal(found, bars)
    validate_bars(found, M1)


async def test_merging_again_adds_nothing(store):
    bars = random_bars(3000, start="2024-01-31 12:00")
    await put(store, bars)
    assert await put(store, bars) == (0, 3000)
    equal(await store.read("EURUSD", M1), bars)


async def test_overlap_replaces_and_holes_are_filled(store):
    bars, newer = random_bars(1000), random_bars(1000, seed=9)
    await put(store, bars.drop(range(300, 400)).reset_index(drop=True))
    assert await put(store, newer.iloc[250:450].reset_index(drop=True)) == (100, 100)
    equal(await store.read("EURUSD", M1), pd.concat([bars[:250], newer[250:450], bars[450:]]))


async def test_window_is_half_open(store):
    bars = random_bars(100, start="2024-01-31 23:00")
    await put(store, bars)
    start, end = (
        bars["open_time"].iloc[10].to_pydatetime(),
        bars["open_time"].iloc[70].to_pydatetime(),
    )
    equal(await store.read("EURUSD", M1, start, end), bars[10:70])
    equal(await store.read("EURUSD", M1, start), bars[10:])
    equal(await store.read("EURUSD", M1, end=end), bars[:70])
    assert (await store.read("EURUSD", M1, end, start)).empty
    assert (await store.read("EURUSD", M1, datetime(2030, 1, 1, tzinfo=UTC))).empty


async def test_nothing_held(store):
    assert await store.holdings() == []
    found = await store.read("EURUSD", M1)
    assert found.empty
    assert str(found["open_time"].dtype) == "datetime64[us, UTC]"
    await store.remove("EURUSD", M1)
    await store.note_score("EURUSD", M1, 0.5)
    assert await put(store, random_bars(0)) == (0, 0)
    assert await store.holdings() == []


async def test_holdings_in_order_with_sources_and_score(store):
    await put(store, random_bars(50, M5), "GER40", M5, source="a")
    await put(store, random_bars(50), "GER40", M1, source="a")
    await put(store, random_bars(80), "EURUSD", M1, source="a")
    await put(store, random_bars(80), "EURUSD", M1, source="b")
    await store.note_score("EURUSD", M1, 0.75)
    first, *rest = await store.holdings()
    assert [(h.symbol, h.timeframe) for h in rest] == [("GER40", "M1"), ("GER40", "M5")]
    assert (first.bars, first.sources, first.score, first.synthetic) == (
        80,
        ("a", "b"),
        0.75,
        False,
    )
    assert (first.first, first.last) == tuple(
        random_bars(80)["open_time"].iloc[[0, -1]].dt.to_pydatetime()
    )


async def test_remove_forgets_one_timeframe(store):
    await put(store, random_bars(50))
    await put(store, random_bars(50, M5), timeframe=M5)
    await store.remove("EURUSD", M1)
    assert [h.timeframe for h in await store.holdings()] == ["M5"]
    assert (await store.read("EURUSD", M1)).empty


async def test_real_bars_replace_the_sample_as_a_whole(store):
    await put(store, random_bars(500), source="SYNTHETIC")
    await put(store, random_bars(100, M5), timeframe=M5, source="SYNTHETIC")
    await put(store, random_bars(60), "GER40", source="SYNTHETIC")
    assert (await store.holdings())[0].synthetic
    assert await put(store, random_bars(100, seed=5)) == (100, 0)
    equal(await store.read("EURUSD", M1), random_bars(100, seed=5))
    held = await store.holdings()
    assert [(h.symbol, h.timeframe, h.synthetic) for h in held] == [
        ("EURUSD", "M1", False),
        ("GER40", "M1", True),
    ]


async def test_the_sample_is_never_put_over_real_bars(store):
    await put(store, random_bars(50, M5), timeframe=M5)
    with pytest.raises(BadBarsError, match="real bars"):
        await put(store, random_bars(50), source="SYNTHETIC")
    assert [h.timeframe for h in await store.holdings()] == ["M5"]


async def test_bad_bars_are_refused_and_change_nothing(store):
    await put(store, random_bars(50))
    bad = random_bars(60, seed=2)
    bad.loc[30, "high"] = 0.5
    with pytest.raises(BadBarsError):
        await put(store, bad)
    with pytest.raises(BadBarsError):
        await put(store, random_bars(60), timeframe=M5)
    equal(await store.read("EURUSD", M1), random_bars(50))


async def test_what_is_read_can_be_changed_without_harm(store):
    await put(store, random_bars(50))
    found = await store.read("EURUSD", M1)
    found["close"] = 0.0
    equal(await store.read("EURUSD", M1), random_bars(50))


async def test_unknown_spread_stays_unknown(store):
    bars = random_bars(50)
    bars.loc[10:20, "spread"] = np.nan
    await put(store, bars)
    equal(await store.read("EURUSD", M1), bars)


async def test_concurrent_merges_lose_nothing(store):
    bars = random_bars(4000, start="2024-01-30 12:00")
    parts = [bars.iloc[i::8].reset_index(drop=True) for i in range(8)]
    counts = await asyncio.gather(
        *(put(store, part, source=str(i)) for i, part in enumerate(parts))
    )
    assert sum(added for added, _ in counts) == 4000
    equal(await store.read("EURUSD", M1), bars)
    assert sorted((await store.holdings())[0].sources) == sorted("01234567")


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(1, 200), st.integers(1, 5)),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=10, deadline=None)
def test_disk_and_memory_agree(tmp_path_factory, merges):
    async def run():
        stores = (ParquetBarStore(tmp_path_factory.mktemp("bars")), MemoryBarStore())
        for first, count, seed in merges:
            part = random_bars(500, seed=seed, start="2024-02-29 20:00")[first : first + count]
            part = part.reset_index(drop=True)
            one, two = [await put(store, part) for store in stores]
            assert one == two
        one, two = [await store.read("EURUSD", M1) for store in stores]
        equal(one, two)
        assert await stores[0].holdings() == await stores[1].holdings()

    asyncio.run(run())


# What only the disk can do


@pytest.mark.parametrize("symbol", ["../x", "a/b", "", ".", "..", "x" * 99, "a\x00"])
async def test_symbols_are_no_paths(tmp_path, symbol):
    with pytest.raises(BadRequestError):
        await put(ParquetBarStore(tmp_path / "bars"), random_bars(5), symbol)
    assert not (tmp_path / "x").exists()


MERGER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from pipeline.domain.market import Timeframe
from storage.bars import ParquetBarStore
from tests.kit.bar_files import random_bars
root, part, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
bars = random_bars(1200, start="2024-01-31 12:00", seed=seed)
async def run():
    for i in range(part, 12, 2):
        piece = bars[i * 100 : i * 100 + 100].reset_index(drop=True)
        await ParquetBarStore(root).merge("EURUSD", Timeframe.M1, piece, source=str(part), now=datetime.now(UTC))
asyncio.run(run())
"""


async def test_two_processes_merge_without_loss_while_a_third_reads(tmp_path):
    repo = Path(__file__).parents[2]
    command = [sys.executable, "-c", MERGER, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(repo)}
    merging = [
        subprocess.Popen([*command, str(part), "1"], env=env, cwd=repo)  # noqa: ASYNC220 (starting is quick)
        for part in (0, 1)
    ]
    store, seen = ParquetBarStore(tmp_path), 0
    while any(p.poll() is None for p in merging):
        found = await store.read("EURUSD", M1)
        validate_bars(found, M1)
        assert len(found) >= seen
        assert len(found) % 100 == 0
        seen = len(found)
        await asyncio.sleep(0.01)
    assert [p.returncode for p in merging] == [0, 0]
    equal(await store.read("EURUSD", M1), random_bars(1200, start="2024-01-31 12:00", seed=1))


@pytest.mark.parametrize("at", range(12))
async def test_a_crash_at_any_step_leaves_the_old_bars(tmp_path, monkeypatch, at):
    store = ParquetBarStore(tmp_path)
    bars = random_bars(4000, start="2024-01-30 12:00")
    await put(store, bars)
    newer = random_bars(6000, start="2024-01-30 12:00", seed=8)
    steps = 0

    def crash(real):
        def step(*args, **kwargs):
            nonlocal steps
            steps += 1
            if steps == at + 1:
                raise OSError(28, "No space left on device")
            return real(*args, **kwargs)

        return step

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, crash(getattr(os, name)))
    monkeypatch.setattr(Path, "replace", crash(Path.replace))
    with contextlib.suppress(StoreDownError):
        await put(store, newer)
    monkeypatch.undo()
    found = await store.read("EURUSD", M1)
    equal(found, newer if steps <= at or len(found) == len(newer) else bars)
    await put(store, newer)
    equal(await store.read("EURUSD", M1), newer)
    meta = json.loads((tmp_path / "EURUSD" / "M1" / "meta.json").read_text())
    files = {p.name for p in (tmp_path / "EURUSD" / "M1").iterdir()}
    assert files == {"meta.json", *(m["file"] for m in meta["months"].values())}


async def test_damaged_month_is_said_and_can_be_imported_again(tmp_path):
    store, bars = ParquetBarStore(tmp_path), random_bars(3000, start="2024-01-31 12:00")
    await put(store, bars)
    file = next((tmp_path / "EURUSD" / "M1").glob("2024-02*"))
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(BadBarsError, match="damaged"):
        await store.read("EURUSD", M1)
    await put(store, bars)
    equal(await store.read("EURUSD", M1), bars)
