"""What a backup may not be: damaged, cut off, foreign, climbing out, linked, swollen."""

import hashlib
import io
import json
import tarfile
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from pipeline.domain.backup import DatabaseEntry, FileEntry, Manifest
from pipeline.domain.errors import AppError, BadRequestError, DataError
from pipeline.domain.request import Actor, Channel
from storage.backup.checking import MANIFEST, PACKED, SUMS, check, sums_of
from storage.backup.names import checked_name
from storage.backup.packing import entry_of, pack
from storage.backup.restoring import ASIDE, _refuse_large, restore

NOW = datetime(2026, 11, 26, tzinfo=UTC)
GOOD = {"database/scout.db": b"rows" * 500, "home/bars/EURUSD/M1/meta.json": b"{}", "home/news.csv": b"a,b\n"}  # fmt: skip
ANNA = Actor(channel=Channel.CLI)


def entries_of(files):
    return tuple(
        FileEntry(path=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())
        for name, data in files.items()
    )


def sign(folder, promised, **more):
    """Write manifest and sums as an honest product would for these files."""
    manifest = Manifest(
        created_at=NOW, database=DatabaseEntry(kind="sqlite", revision="0005", file="database/scout.db"),
        archive=entry_of(folder / PACKED, PACKED), files=entries_of(promised),
    )  # fmt: skip
    told = json.loads(manifest.model_dump_json()) | more
    (folder / MANIFEST).write_text(json.dumps(told))
    (folder / SUMS).write_text(sums_of(folder, (MANIFEST, PACKED)))
    return folder


@pytest.fixture
def good(tmp_path):
    folder = tmp_path / "backup"
    folder.mkdir()
    pack(folder / PACKED, ((name, io.BytesIO(data)) for name, data in GOOD.items()))
    return sign(folder, GOOD)


def repack(folder, members):
    """Pack anything: (TarInfo, bytes) pairs."""
    with (
        pa.CompressedOutputStream(pa.OSFile(str(folder / PACKED), "wb"), "zstd") as stream,
        tarfile.open(fileobj=stream, mode="w|") as tar,
    ):
        for member, data in members:
            if data is not None:
                member.size = len(data)
            tar.addfile(member, None if data is None else io.BytesIO(data))


def plain(files):
    return [(tarfile.TarInfo(name), data) for name, data in files.items()]


def test_what_was_packed_is_found_right(good):
    assert {entry.path: entry.size for entry in check(good).files} == {
        name: len(data) for name, data in GOOD.items()
    }


@pytest.mark.parametrize("name", [MANIFEST, PACKED, SUMS])
def test_a_flipped_bit_is_found_wherever_it_is(good, name):
    data = bytearray((good / name).read_bytes())
    data[len(data) // 2] ^= 1
    (good / name).write_bytes(data)
    with pytest.raises(DataError):
        check(good)


@pytest.mark.parametrize("name", [MANIFEST, PACKED, SUMS])
def test_a_missing_or_cut_off_part_is_found(good, name):
    data = (good / name).read_bytes()
    (good / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError):
        check(good)
    (good / name).unlink()
    with pytest.raises(DataError):
        check(good)


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
def test_a_cut_off_packed_file_is_found_without_its_hash_too(good, keep):
    data = (good / PACKED).read_bytes()
    (good / PACKED).write_bytes(data[: int(len(data) * keep)])
    sign(good, GOOD)
    with pytest.raises(DataError, match=r"cut off|lacks"):
        check(good)


def test_a_foreign_folder_is_named_as_such(good, tmp_path):
    sign(good, GOOD, product="another-bot")
    with pytest.raises(DataError, match="no backup of setup-scout; it says 'another-bot'"):
        check(good)
    sign(good, GOOD, format=99)
    with pytest.raises(DataError, match="form 99"):
        check(good)
    for text in ("[]", "null", "{", "[" * 100_000):
        (good / MANIFEST).write_text(text)
        with pytest.raises(DataError):
            check(good)
    with pytest.raises(DataError, match="no backup"):
        check(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd", "/etc/passwd", "home/../../x", "home/./x", "home//x", "home", "",
        "home/bars\\..\\x", "C:/x", "home/.ssh/keys", "logs/x", "home/a\x00b", "home/" + "x" * 900,
    ],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(good, name):
    with pytest.raises(DataError):
        checked_name(name)
    if "\x00" not in name and name:
        files = GOOD | {name: b"x"}
        repack(good, plain(files))
        sign(good, files)
        with pytest.raises(DataError):
            check(good)


def test_links_devices_and_holes_are_refused(good):
    name = "home/news.csv"
    for kind in (
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.FIFOTYPE,
        tarfile.DIRTYPE,
    ):
        odd = tarfile.TarInfo(name)
        odd.type, odd.linkname = kind, "/etc/passwd"
        files = {key: data for key, data in GOOD.items() if key != name}
        repack(good, [*plain(files), (odd, None)])
        sign(good, GOOD | {name: b""})
        with pytest.raises(DataError):
            check(good)


def test_a_file_that_nobody_promised_and_one_that_comes_twice_are_refused(good):
    repack(good, plain(GOOD | {"home/rules/x.yaml": b"x"}))
    sign(good, GOOD)
    with pytest.raises(DataError, match="doesn't name"):
        check(good)
    repack(good, [*plain(GOOD), *plain({"home/news.csv": b"a,b\n"})])
    sign(good, GOOD)
    with pytest.raises(DataError, match="doesn't name"):
        check(good)
    repack(good, plain({key: GOOD[key] for key in list(GOOD)[:2]}))
    sign(good, GOOD)
    with pytest.raises(DataError, match=r"lacks home/news\.csv"):
        check(good)


def test_a_file_swapped_for_another_of_its_size_is_found(good):
    repack(good, plain(GOOD | {"home/news.csv": b"c,d\n"}))
    sign(good, GOOD)
    with pytest.raises(DataError, match=r"home/news\.csv in the backup is damaged"):
        check(good)


def test_a_bomb_is_given_up_before_it_unpacks(good):
    zeros = bytes(50_000_000)  # 2 kB packed
    repack(good, plain(GOOD | {"home/news.csv": zeros}))
    sign(good, GOOD)
    with pytest.raises(DataError, match="damaged"):
        check(good)
    with pa.CompressedOutputStream(pa.OSFile(str(good / PACKED), "wb"), "zstd") as stream:
        stream.write(zeros)  # an archive that ends at once, and much behind its end
    sign(good, GOOD)
    with pytest.raises(DataError, match=r"lacks|more than it says|damaged"):
        check(good)


def test_a_long_name_that_never_ends_is_refused(good):
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 40_000
    with pa.CompressedOutputStream(pa.OSFile(str(good / PACKED), "wb"), "zstd") as stream:
        stream.write(header.tobuf(tarfile.GNU_FORMAT) + bytes(40_960))
    sign(good, GOOD)
    with pytest.raises(DataError):
        check(good)


class TestRestoring:
    async def test_nothing_is_written_before_all_is_checked(self, good, tmp_path):
        repack(good, plain(GOOD | {"home/news.csv": b"c,d\n"}))
        sign(good, GOOD)
        home = tmp_path / "home"
        with pytest.raises(DataError):
            await restore(good, home, url(home), ANNA, NOW)
        assert not home.exists()

    async def test_a_place_with_anything_in_it_is_refused_and_told(self, good, tmp_path):
        home = tmp_path / "home"
        home.mkdir()
        for number in range(7):
            (home / f"file{number}").touch()
        with pytest.raises(BadRequestError, match=r"it has file0, file1, .* and 2 more"):
            await restore(good, home, url(home), ANNA, NOW)
        other = tmp_path / "other"
        (other / ASIDE).mkdir(parents=True)
        with pytest.raises(BadRequestError, match="broken off"):
            await restore(good, other, url(other), ANNA, NOW)

    async def test_a_database_with_anything_in_it_is_refused(self, good, tmp_path):
        (tmp_path / "db").touch()
        with pytest.raises(BadRequestError, match="not empty"):
            await restore(good, tmp_path / "home", f"sqlite+aiosqlite:///{tmp_path}/db", ANNA, NOW)

    async def test_a_newer_versions_backup_is_refused_kindly(self, good, tmp_path):
        newer = {"kind": "sqlite", "revision": "0099", "file": "database/scout.db"}
        sign(good, GOOD, database=newer, version="9.9.0")
        home = tmp_path / "home"
        with pytest.raises(AppError, match=r"version 9\.9\.0.*please update first"):
            await restore(good, home, url(home), ANNA, NOW)
        assert not home.exists()

    async def test_a_disk_without_room_is_told_before(self, good, tmp_path):
        huge = [{"path": "home/news.csv", "size": 10**16, "sha256": "0" * 64}]
        sign(good, GOOD, files=huge)
        home = tmp_path / "home"
        with pytest.raises(DataError):
            await restore(good, home, url(home), ANNA, NOW)
        manifest = check(sign(good, GOOD)).model_copy(
            update={"files": (FileEntry(path="home/x", size=10**16, sha256="0" * 64),)}
        )
        with pytest.raises(AppError, match=r"10,000,000,034 MB; .* free"):
            _refuse_large(home, manifest)

    async def test_a_database_that_is_none_leaves_nothing_behind(self, good, tmp_path):
        home = tmp_path / "home"
        with pytest.raises(AppError):
            await restore(good, home, url(home), ANNA, NOW)
        assert list(home.iterdir()) == []


def url(home):
    return f"sqlite+aiosqlite:///{home}/scout.db"
