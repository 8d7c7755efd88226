"""One suite over both setup stores: versions are made, kept, and never lost or taken over."""

import asyncio
import multiprocessing
import re
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.domain.errors import SetupError, StoreDownError, UnknownSetupError
from pipeline.setups.versions import NO_REASON
from storage.database import open_database
from storage.memory_setups import MemorySetupStore
from storage.setup_files import FileSetupStore, builtin_library
from storage.shared_setups import SharedSetups
from tests.kit.setups import TEXTS

NOW = datetime(2025, 5, 1, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
MINE = (
    TEXTS["Asia_sweep_engulf_v1.yaml"]
    .replace("setup_id: Asia_sweep_engulf_v1", "setup_id: My_sweep")
    .replace("author: Setup Scout", "author: Ada")
)


class Memory:
    """The store in memory, with the user's folder as a dict."""

    def __init__(self, path):
        self.store = MemorySetupStore(library=TEXTS)

    def write(self, name, text):
        self.store.files[name] = text

    def remove(self, name):
        del self.store.files[name]


class Files:
    """The store on disk, with a real user folder."""

    def __init__(self, path):
        self.user = path / "mine"
        self.kept = path / "rules"
        self.store = FileSetupStore(builtin_library(), self.user, self.kept)

    def write(self, name, text):
        self.user.mkdir(parents=True, exist_ok=True)
        (self.user / name).write_text(text, encoding="utf-8")

    def remove(self, name):
        (self.user / name).unlink()


class Shared(Files):
    """One of two hosts that share setups: it writes, and the other asks."""

    def __init__(self, path, objects, engine):
        super().__init__(path)
        self.store = SharedSetups(self.store, (self.user, self.kept), objects, engine)


@pytest.fixture
def shared_place(sqlite_url, s3):
    return s3.objects(), open_database(sqlite_url)


@pytest.fixture(params=[Memory, Files, Shared])
def home(request, tmp_path):
    if request.param is not Shared:
        return request.param(tmp_path)
    objects, database = request.getfixturevalue("shared_place")
    return Shared(tmp_path, objects, database.engine)


async def test_the_library_is_active_after_the_first_sync(home):
    new = await home.store.sync(NOW)
    assert sorted(v.setup_id for v in new) == sorted(f.removesuffix(".yaml") for f in TEXTS)
    assert all(v.difference == () and v.at == NOW for v in new)
    active = await home.store.active()
    assert [s.setup_id for s in active] == sorted(v.setup_id for v in new)
    assert await home.store.problems() == []
    assert await home.store.sync(LATER) == []


async def test_a_change_is_a_new_version_with_its_difference(home):
    home.write("a.yaml", MINE)
    await home.store.sync(NOW)
    changed = MINE.replace("tp: 2.0", "tp: 2.5").replace(
        "reason: first version, from the house's definitions", "reason: more room"
    )
    assert changed.count("more room") == 1
    home.write("a.yaml", changed)
    (version,) = await home.store.sync(LATER)
    assert (version.setup_id, version.rule_version, version.author) == ("My_sweep", "1.1", "Ada")
    assert version.reason == "more room"
    assert [(d.field, d.old, d.new) for d in version.difference] == [("targets[0].tp", 2.0, 2.5)]
    both = await home.store.versions("My_sweep")
    assert [v.rule_version for v in both] == ["1.0", "1.1"]
    assert both[0].text == MINE
    assert (await home.store.get("My_sweep")).targets[0].tp == 2.5
    assert (await home.store.get("My_sweep")).rule_version == "1.1"
    assert (await home.store.get("My_sweep", "1.0")).targets[0].tp == 2.0
    assert (await home.store.get("My_sweep", "v1.0")).rule_version == "1.0"
    assert await home.store.sync(LATER) == []


async def test_a_change_without_a_new_reason_is_marked(home):
    home.write("a.yaml", MINE)
    await home.store.sync(NOW)
    for i, tp in enumerate(("2.1", "2.2"), start=1):
        home.write("a.yaml", MINE.replace("tp: 2.0", f"tp: {tp}"))
        (version,) = await home.store.sync(LATER)
        assert (version.rule_version, version.reason) == (f"1.{i}", NO_REASON)
    assert (await home.store.get("My_sweep")).reason == NO_REASON


async def test_a_major_version_by_choice_and_a_return_to_an_old_text(home):
    home.write("a.yaml", MINE)
    await home.store.sync(NOW)
    home.write("a.yaml", MINE.replace("rule_version: 1.0", "rule_version: 2.0"))
    (version,) = await home.store.sync(NOW)
    assert version.rule_version == "2.0"
    home.write("a.yaml", MINE)
    (version,) = await home.store.sync(NOW)
    assert version.rule_version == "2.1"
    home.write("a.yaml", MINE.replace("rule_version: 1.0", "rule_version: 2.10"))
    await home.store.sync(NOW)
    kept = await home.store.versions("My_sweep")
    assert [v.rule_version for v in kept] == ["1.0", "2.0", "2.1", "2.10"]


async def test_a_draft_waits_and_an_archived_setup_rests(home):
    home.write("a.yaml", MINE.replace("status: active", "status: draft"))
    await home.store.sync(NOW)
    assert "My_sweep" not in [s.setup_id for s in await home.store.active()]
    assert (await home.store.get("My_sweep")).status == "draft"
    home.write("a.yaml", MINE)
    await home.store.sync(NOW)
    home.write(
        "a.yaml", MINE.replace("status: active", "status: draft").replace("tp: 2.0", "tp: 3")
    )
    await home.store.sync(NOW)
    assert (await home.store.get("My_sweep")).rule_version == "1.1"
    assert "1.1" in [s.rule_version for s in await home.store.active() if s.setup_id == "My_sweep"]
    home.write("a.yaml", MINE.replace("status: active", "status: archived"))
    await home.store.sync(NOW)
    assert "My_sweep" not in [s.setup_id for s in await home.store.active()]
    assert len(await home.store.versions("My_sweep")) == 4


async def test_a_broken_change_leaves_the_last_good_version_in_use(home):
    home.write("a.yaml", MINE)
    await home.store.sync(NOW)
    home.write("a.yaml", MINE.replace("detector: engulfing", "detector: engulfng"))
    assert await home.store.sync(LATER) == []
    (problem,) = await home.store.problems()
    line = next(n for n, text in enumerate(MINE.splitlines(), 1) if "detector: engulfing" in text)
    assert problem.startswith(f"a.yaml:{line}: tools.engulf.detector")
    assert "engulfing" in problem
    assert (await home.store.get("My_sweep")).rule_version == "1.0"
    assert "My_sweep" in [s.setup_id for s in await home.store.active()]


async def test_a_builtin_id_cannot_be_taken(home):
    home.write("x.yaml", TEXTS["Frank_raid_v1.yaml"].replace("tp: 2.0", "tp: 9.0"))
    home.write("a.yaml", MINE)
    home.write("b.yaml", MINE.replace("tp: 2.0", "tp: 4.0"))
    await home.store.sync(NOW)
    first, second = sorted(await home.store.problems())
    assert re.match(r"b\.yaml:\d+: setup_id: 'My_sweep' is taken by a\.yaml", first)
    assert re.match(
        r"x\.yaml:\d+: setup_id: 'Frank_raid_v1' is taken by Frank_raid_v1\.yaml", second
    )
    assert (await home.store.get("Frank_raid_v1")).targets[0].tp == 2.0
    assert (await home.store.get("My_sweep")).targets[0].tp == 2.0


async def test_a_file_taken_away_is_no_longer_active_but_not_forgotten(home):
    home.write("a.yaml", MINE)
    await home.store.sync(NOW)
    home.remove("a.yaml")
    await home.store.sync(LATER)
    assert "My_sweep" not in [s.setup_id for s in await home.store.active()]
    assert (await home.store.get("My_sweep", "1.0")).author == "Ada"


async def test_the_unknown_is_refused_with_what_is_near(home):
    await home.store.sync(NOW)
    with pytest.raises(UnknownSetupError) as caught:
        await home.store.get("Frank_raid")
    assert "Frank_raid_v1" in caught.value.facts["closest"]
    with pytest.raises(UnknownSetupError):
        await home.store.get("Frank_raid_v1", "9.9")
    for odd in ("", "../x", "a/b", "."):
        assert await home.store.versions(odd) == []
        with pytest.raises(UnknownSetupError):
            await home.store.get(odd)


async def test_concurrent_syncs_make_one_version(home):
    home.write("a.yaml", MINE)
    made = await asyncio.gather(*(home.store.sync(NOW) for _ in range(6)))
    assert sum(len(m) for m in made) == len(TEXTS) + 1


def _sync(user, kept, go, results):
    store = FileSetupStore(builtin_library(), user, kept)
    go.wait()
    results.put([v.rule_version for v in asyncio.run(store.sync(NOW)) if v.setup_id == "My_sweep"])


def test_two_processes_make_one_version(tmp_path):
    home = Files(tmp_path)
    home.write("a.yaml", MINE)
    asyncio.run(home.store.sync(NOW))
    home.write("a.yaml", MINE.replace("tp: 2.0", "tp: 3.0"))
    context = multiprocessing.get_context("fork")
    go, results = context.Event(), context.Queue()
    workers = [
        context.Process(target=_sync, args=(home.user, home.kept, go, results)) for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    go.set()
    made = [results.get(timeout=30) for _ in workers]
    for worker in workers:
        worker.join()
    assert sorted(made) == [[], [], ["1.1"]]
    assert sorted(p.name for p in (home.kept / "My_sweep").iterdir()) == ["v1.0.yaml", "v1.1.yaml"]


async def test_bytes_that_are_no_text_and_other_files(tmp_path):
    home = Files(tmp_path)
    home.write("readme.txt", "not a setup")
    (home.user / "bad.yaml").write_bytes(b"\xff\xfe\x00 \x80")
    (home.user / "huge.yml").write_bytes(b"a: " + b"x" * 200_000)
    await home.store.sync(NOW)
    problems = await home.store.problems()
    assert [p.split(":")[0] for p in problems] == ["bad.yaml", "huge.yml"]
    assert "64 KB" in problems[1]


async def test_a_version_changed_by_hand_is_named(tmp_path):
    home = Files(tmp_path)
    home.write("a.yaml", MINE)
    await home.store.sync(NOW)
    kept = home.kept / "My_sweep" / "v1.0.yaml"
    before = kept.read_bytes()
    await home.store.sync(LATER)
    assert kept.read_bytes() == before
    kept.write_text("nothing")
    assert any("My_sweep/v1.0.yaml" in p for p in await home.store.problems())
    with pytest.raises(SetupError):
        await home.store.versions("My_sweep")
    assert await home.store.sync(LATER) == []
    assert len(await home.store.active()) == len(TEXTS)


async def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path):
    (tmp_path / "file").write_text("")
    store = FileSetupStore(builtin_library(), tmp_path / "none", tmp_path / "file" / "rules")
    with pytest.raises(StoreDownError):
        await store.sync(NOW)


async def test_a_setup_that_is_added_is_a_file_and_a_version(home):
    await home.store.sync(NOW)
    version = await home.store.add(MINE, NOW)
    assert (version.setup_id, version.rule_version, version.author) == ("My_sweep", "1.0", "Ada")
    assert "My_sweep" in [s.setup_id for s in await home.store.active()]
    assert await home.store.sync(LATER) == []
    assert await home.store.add(MINE, LATER) == version
    changed = await home.store.add(MINE.replace("tp: 2.0", "tp: 2.5"), LATER)
    assert changed.rule_version == "1.1"
    assert len(await home.store.versions("My_sweep")) == 2
    assert await home.store.problems() == []


async def test_an_added_draft_is_kept_and_not_active(home):
    await home.store.sync(NOW)
    version = await home.store.add(MINE.replace("status: active", "status: draft"), NOW)
    assert version.status == "draft"
    assert "My_sweep" not in [s.setup_id for s in await home.store.active()]
    assert (await home.store.get("My_sweep", "1.0")).status == "draft"


async def test_a_users_file_under_another_name_is_replaced(home):
    home.write("a.yaml", MINE)
    await home.store.sync(NOW)
    version = await home.store.add(MINE.replace("tp: 2.0", "tp: 3.0"), NOW)
    assert version.rule_version == "1.1"
    assert await home.store.problems() == []


async def test_a_broken_file_of_that_name_is_left_alone(home):
    home.write("My_sweep.yaml", "setup_id: [")
    await home.store.sync(NOW)
    await home.store.add(MINE, NOW)
    assert len(await home.store.problems()) == 1
    assert (await home.store.get("My_sweep")).setup_id == "My_sweep"


async def test_nothing_is_written_of_what_can_not_be_added(home):
    await home.store.sync(NOW)
    assert await home.store.is_builtin("Frank_raid_v1")
    assert not await home.store.is_builtin("My_sweep")
    for text in (TEXTS["Frank_raid_v1.yaml"], "hello", MINE.replace("tool: raids", "tool: raid")):
        with pytest.raises(SetupError):
            await home.store.add(text, NOW)
    assert await home.store.problems() == []
    assert await home.store.sync(LATER) == []


# What only shared setups can do


@pytest.fixture
async def hosts(shared_place, tmp_path):
    objects, database = shared_place
    yield [Shared(tmp_path / name, objects, database.engine) for name in "ab"]
    await database.close()


async def test_what_one_host_adds_another_runs_at_once_and_has_active_soon(hosts):
    one, two = hosts
    await two.store.sync(NOW)
    version = await one.store.add(MINE, NOW)
    found = await two.store.get("My_sweep", version.rule_version)
    assert found == await one.store.get("My_sweep", version.rule_version)
    async with asyncio.timeout(10):
        while "My_sweep" not in {spec.setup_id for spec in await two.store.active()}:
            await asyncio.sleep(0.05)


async def test_a_file_changed_or_taken_away_on_one_host_is_so_on_all(hosts):
    one, two = hosts
    one.write("mine.yaml", MINE)
    await one.store.sync(NOW)
    await two.store.sync(NOW)
    two.write("mine.yaml", MINE.replace("author: Ada", "author: Bob"))
    assert [v.rule_version for v in await two.store.sync(LATER)]
    await one.store.sync(LATER)
    assert len(await one.store.versions("My_sweep")) == 2
    assert "author: Bob" in (one.user / "mine.yaml").read_text()
    one.remove("mine.yaml")
    await one.store.sync(LATER)
    await two.store.sync(LATER)
    assert not (two.user / "mine.yaml").exists()
    assert len(await two.store.versions("My_sweep")) == 2


async def test_two_hosts_never_give_one_number_to_two_texts(hosts):
    one, two = hosts
    texts = [MINE.replace("author: Ada", f"author: A{n}") for n in range(6)]
    await asyncio.gather(*((one, two)[n % 2].store.add(text, NOW) for n, text in enumerate(texts)))
    kept = await one.store.versions("My_sweep")
    assert len({version.rule_version for version in kept}) == len(kept) == 6
    assert kept == await two.store.versions("My_sweep")


async def test_without_the_storage_what_is_here_is_used(hosts):
    one, _ = hosts
    one.write("mine.yaml", MINE)
    await one.store.sync(NOW)

    def down(*_):
        raise StoreDownError("down")

    one.store._objects.listed = down
    await one.store.sync(NOW)
    assert "My_sweep" in {spec.setup_id for spec in await one.store.active()}
    await asyncio.sleep(0.05)
    with pytest.raises(StoreDownError):
        await one.store.add(MINE.replace("Ada", "Eve"), NOW)
