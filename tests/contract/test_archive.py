"""Archive: one suite over memory and files with their hashes in SQLite and PostgreSQL."""

import asyncio
import hashlib

import pytest

from pipeline.domain.errors import BadRequestError, DataError
from storage.object_archive import named

RUN = {"run_id": "bt_2025_10_31_001", "role": "trades_csv", "media_type": "text/csv"}
BAD_PATHS = [
    "",
    "/etc/passwd",
    "../x",
    "a/../b",
    "a//b",
    "a/",
    "./a",
    ".hidden",
    "a/.b",
    "a\\b",
    "C:x",
    "a b",
    "é",
    "a\x00",
    "a\n",
    "x" * 121,
    "/".join(["a"] * 200),
]


@pytest.fixture
def stores(placed_stores):
    return placed_stores


async def test_what_is_put_comes_back(stores):
    artifact = await stores.archive().put(
        "results/bt_1_trades.csv", b"a,b\n", meta={"symbol": "GER40"}, **RUN
    )
    assert artifact.sha256 == hashlib.sha256(b"a,b\n").hexdigest()
    assert artifact.size == 4
    assert await stores.archive().get("results/bt_1_trades.csv") == b"a,b\n"
    assert await stores.archive().of_run(RUN["run_id"]) == [artifact]


async def test_an_overwritten_file_keeps_its_place(stores):
    archive = stores.archive()
    for name in ("b", "a", "c"):
        await archive.put(f"results/{name}.csv", name.encode(), **RUN)
    await archive.put("results/b.csv", b"new", **RUN)
    await archive.put("results/z.csv", b"", **{**RUN, "run_id": "other"})
    assert [a.path for a in await archive.of_run(RUN["run_id"])] == [
        f"results/{n}.csv" for n in "bac"
    ]
    assert await archive.get("results/b.csv") == b"new"
    assert await archive.get("results/z.csv") == b""


async def test_odd_paths_are_refused(stores):
    archive = stores.archive()
    for path in BAD_PATHS:
        with pytest.raises(BadRequestError) as refused:
            await archive.put(path, b"x", **RUN)
        assert refused.value.field == "path"
        with pytest.raises(BadRequestError):
            await archive.get(path)


async def test_a_missing_file_is_a_data_error(stores):
    with pytest.raises(DataError, match="missing"):
        await stores.archive().get("results/nothing.csv")
    assert await stores.archive().of_run("bt_x") == []


async def test_a_damaged_or_deleted_file_is_a_data_error(stores, tmp_path):
    if stores.url is None:
        pytest.skip("memory can't be damaged")
    await stores.archive().put("results/a.csv", b"abc", **RUN)
    file, objects = tmp_path / "archive" / "results" / "a.csv", stores.objects
    name = named("results/a.csv", hashlib.sha256(b"abc").hexdigest())
    file.write_bytes(b"abd") if objects is None else objects.put(name, b"abd")
    with pytest.raises(DataError, match="damaged"):
        await stores.archive().get("results/a.csv")
    file.unlink() if objects is None else objects.remove([name])
    with pytest.raises(DataError, match="missing"):
        await stores.archive().get("results/a.csv")
    await stores.archive().put("results/a.csv", b"abc", **RUN)
    assert await stores.archive().get("results/a.csv") == b"abc"


async def test_a_file_the_index_does_not_know_is_missing(stores, tmp_path):
    if stores.url is None or stores.objects is not None:
        pytest.skip("no files")
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "stray.csv").write_bytes(b"x")
    with pytest.raises(DataError, match="missing"):
        await stores.archive().get("stray.csv")


async def test_readers_see_the_old_or_the_new_file_whole(stores, tmp_path):
    archive, versions = stores.archive(), [bytes([n]) * 50_000 for n in range(8)]
    await archive.put("a.bin", versions[0], **RUN)

    async def write():
        for data in versions[1:]:
            await archive.put("a.bin", data, **RUN)

    async def read():
        return [await stores_reader.get("a.bin") for _ in range(12)]

    stores_reader = stores.archive()
    _, seen = await asyncio.gather(write(), read())
    assert all(data in versions for data in seen)
    assert await archive.get("a.bin") == versions[-1]
    assert not list(tmp_path.rglob("*.part"))


async def test_concurrent_writers_of_one_path_leave_it_whole(stores):
    makers = [stores.archive() for _ in range(4)]
    await asyncio.gather(
        *(makers[n % 4].put("a.bin", bytes([n]) * 1000, **RUN) for n in range(12))
    )
    data = await stores.archive().get("a.bin")
    assert len(data) == 1000
    assert len(set(data)) == 1


async def test_replacing_leaves_no_object_behind(stores):
    if stores.objects is None:
        pytest.skip("files have one place each")
    for data in (b"1", b"2", b"2", b"3"):
        await stores.archive().put("results/a.csv", data, **RUN)
    hashed = hashlib.sha256(b"3").hexdigest()
    assert list(stores.objects.listed("archive")) == [f"archive/results/a.{hashed[:16]}.csv"]
