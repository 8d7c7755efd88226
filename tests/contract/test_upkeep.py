"""What is kept for a time only: one suite over memory, SQLite and PostgreSQL."""

import asyncio
import os
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, RunStatus, TaskRecord
from storage.live_tables import COOLDOWNS
from storage.operation_tables import REQUEST_KEYS, SCHEDULE_FIRES
from storage.upkeep_ports import PASSING, Kind
from tests.kit.live_signals import hand_made
from tests.kit.stores import Stores

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ANNA = Actor(channel=Channel.CLI, name="anna")
FILE = {"role": "equity", "media_type": "image/png"}


async def ended_run(stores, at):
    runs = stores.runs()
    run = await runs.create("bt", "backtest_flow", {}, ANNA, at)
    await runs.record_task(run.run_id, TaskRecord(task="a", status="success"), at)
    await runs.start(run.run_id, at)
    await runs.finish(run.run_id, RunStatus.COMPLETED, at)
    return run.run_id


async def test_ended_runs_go_by_age_and_with_their_tasks(stores):
    old, older = [await ended_run(stores, NOW - n * DAY) for n in (10, 11)]
    young = await ended_run(stores, NOW - DAY)
    waiting = await stores.runs().create("bt", "backtest_flow", {}, ANNA, NOW - 20 * DAY)
    rows = stores.upkeep().rows
    assert set(await rows.old_runs(NOW - 5 * DAY)) == {old, older}
    everything = [old, older, young, waiting.run_id]
    assert await rows.forget_runs(everything, NOW - 5 * DAY) == 2
    assert await rows.forget_runs(everything, NOW - 5 * DAY) == 0
    left = {run.run_id: len(run.tasks) for run in await stores.runs().newest(10)}
    assert left == {young: 1, waiting.run_id: 0}


async def test_a_run_that_was_queued_again_stays(stores):
    run_id = await ended_run(stores, NOW - 10 * DAY)
    rows = stores.upkeep().rows
    assert await rows.old_runs(NOW) == [run_id]
    await stores.runs().requeue(run_id, NOW)
    assert await rows.forget_runs([run_id], NOW) == 0
    assert await stores.runs().get(run_id)


async def test_what_signals_and_deliveries_point_to(stores):
    draft = hand_made().model_copy(update={"run_id": "live_2026_11_01_001"})
    kept = await stores.signals().admit(draft, [], cooldown=DAY, now=NOW)
    assert kept.fresh
    outbox = stores.outbox()
    payload = {"run_id": "bt_2026_11_01_001"}
    await outbox.put(1, DeliveryKind.REPORT, payload, dedupe_key="a", now=NOW)
    await outbox.put(1, DeliveryKind.NOTICE, {"text": "x"}, dedupe_key="b", now=NOW)
    found = await stores.upkeep().rows.pointers()
    assert found.signals >= {"live_2026_11_01_001"}
    assert found.deliveries == {"bt_2026_11_01_001"}
    assert found.models == found.labels == frozenset()


async def test_settled_deliveries_go_by_age_owed_ones_never(stores):
    outbox, at = stores.outbox(), NOW - 40 * DAY
    for n in range(4):
        await outbox.put(n, DeliveryKind.NOTICE, {}, dedupe_key=f"k{n}", now=at)
    for delivery in await outbox.claim(at, lease=timedelta(minutes=1)):
        if delivery.chat_id == 0:
            await outbox.fail(delivery.id, at, "blocked")
        elif delivery.chat_id < 3:
            await outbox.ack(delivery.id, at, [1])
    rows, before = stores.upkeep().rows, NOW - 30 * DAY
    assert [await rows.count(k, before) for k in (Kind.SENT, Kind.GIVEN_UP)] == [2, 1]
    assert await rows.count(Kind.SENT, at) == 0
    assert [await rows.forget(Kind.SENT, before, 1) for _ in range(3)] == [1, 1, 0]
    assert await rows.forget(Kind.GIVEN_UP, before, 500) == 1
    assert await stores.outbox().pending() == 1
    assert await stores.outbox().put(2, DeliveryKind.NOTICE, {}, dedupe_key="k2", now=NOW)


async def test_only_passing_memories_go(stores):
    chats, at = stores.chats(), NOW - 40 * DAY
    for key in (*(f"{each}1" for each in PASSING), "owner_code", "migrated:-5", "week:1"):
        await chats.remember(key, {"a": 1}, at)
    await chats.remember("told:young", {}, NOW)
    rows = stores.upkeep().rows
    assert await rows.count(Kind.MEMORIES, NOW - DAY) == len(PASSING)
    assert await rows.forget(Kind.MEMORIES, NOW - DAY, 100) == len(PASSING)
    assert await rows.forget(Kind.MEMORIES, NOW - DAY, 100) == 0
    for key in ("owner_code", "migrated:-5", "week:1"):
        assert await stores.chats().recall(key) == {"a": 1}
    assert await stores.chats().recall("told:young") == {}


@pytest.fixture
async def aged(store_url, tmp_path):
    """Stores whose archive has a clock that the test sets."""
    moment = [NOW]
    made = Stores(store_url, tmp_path / "archive", clock=lambda: moment[0])
    made.moment = moment
    yield made
    await made.close()


async def test_old_files_go_with_their_rows(aged):
    archive, files = aged.archive(), aged.upkeep().files
    for n in (3, 2, 1):
        aged.moment[0] = NOW - n * DAY
        await archive.put(f"results/{n}.png", b"x" * n, run_id=f"r{n}", **FILE)
    before = NOW - timedelta(hours=36)
    assert [f.path for f in await files.old(before)] == ["results/3.png", "results/2.png"]
    aged.moment[0] = NOW
    await archive.put("results/2.png", b"anew", run_id="r2", **FILE)
    freed = await files.forget([f"results/{n}.png" for n in (1, 2, 3)], before)
    assert (freed.files, freed.size) == (1, 3)
    assert await archive.of_run("r3") == []
    assert await archive.get("results/2.png") == b"anew"
    assert (await files.compare(NOW + DAY)).lost == ()


@pytest.fixture
def on_disk(aged):
    if aged.url is None:
        pytest.skip("nothing is astray in memory")
    return aged


async def test_files_without_rows_and_rows_without_files(on_disk, tmp_path):
    root, files = tmp_path / "archive", on_disk.upkeep().files
    on_disk.moment[0] = NOW - 3 * DAY
    for name in "ab":
        await on_disk.archive().put(f"results/{name}.png", b"x", run_id="r", **FILE)
    (root / "results" / "b.png").unlink()
    for name, days in ((".half.part", 3), ("stray.png", 3), (".now.part", 0)):
        (root / "results" / name).write_bytes(b"1234")
        at = (NOW - days * DAY).timestamp()
        os.utime(root / "results" / name, (at, at))
    found = await files.compare(NOW - DAY)
    assert found.strays == {"results/.half.part": 4, "results/stray.png": 4}
    assert found.lost == ("results/b.png",)
    every = [*found.strays, "results/.now.part", "results/a.png", "results/b.png"]
    freed = await files.remove_strays(every, NOW - DAY)
    assert (freed.files, freed.size) == (2, 8)
    assert {p.name for p in (root / "results").iterdir()} == {"a.png", ".now.part"}
    assert await on_disk.archive().get("results/a.png") == b"x"


async def test_a_file_put_anew_while_it_is_forgotten_is_whole_or_gone(on_disk):
    files = on_disk.upkeep().files
    for n in range(10):
        on_disk.moment[0] = NOW - 3 * DAY
        await on_disk.archive().put(f"results/{n}.png", b"old", run_id="r", **FILE)
        on_disk.moment[0] = NOW
        await asyncio.gather(
            files.forget([f"results/{n}.png"], NOW - DAY),
            on_disk.archive().put(f"results/{n}.png", b"new", run_id="r", **FILE),
        )
        assert await on_disk.archive().get(f"results/{n}.png") == b"new"


async def test_times_keys_and_cooldowns(on_disk):
    engine = on_disk.database().engine
    old, none = NOW - 9 * DAY, {"outcome": "done", "run_id": "", "reason": ""}
    replay = await on_disk.runs().create("live", "replay_flow", {}, ANNA, NOW)
    cool = {"setup_id": "s", "owner": "k", "until": old}
    async with engine.begin() as db:
        fires = [("a", old), ("a", old - DAY), ("b", old - DAY), ("a", NOW)]
        await db.execute(insert(SCHEDULE_FIRES), [
            {"schedule": s, "due": at, "at": at, **none} for s, at in fires
        ])  # fmt: skip
        await db.execute(insert(REQUEST_KEYS), [
            {"key": f"{n}", "sha256": "", "run_id": f"bt_{n}", "at": NOW - n * DAY} for n in (1, 9)
        ])  # fmt: skip
        await db.execute(insert(COOLDOWNS), [
            {"origin": origin, "symbol": "X", **cool} for origin in ("live", "gone", replay.run_id)
        ])  # fmt: skip
    rows, before = on_disk.upkeep().rows, NOW - 5 * DAY
    wanted = {Kind.FIRES: 2, Kind.REQUEST_KEYS: 1, Kind.COOLDOWNS: 2}
    for kind, count in wanted.items():
        assert await rows.count(kind, before) == count
        assert await rows.forget(kind, before, 100) == count
        assert await rows.forget(kind, before, 100) == 0
    assert (await rows.pointers()).request_keys == {"bt_1"}
    async with engine.connect() as db:
        left = (await db.execute(select(SCHEDULE_FIRES.c.schedule))).scalars().all()
        assert sorted(left) == ["a", "b"]
        origins = (await db.execute(select(COOLDOWNS.c.origin))).scalars().all()
        assert origins == [replay.run_id]


async def test_the_database_is_measured_and_tidied(stores):
    care = stores.upkeep().database
    if stores.url is None:
        assert await care.tidy(quiet=True) == []
        return
    await ended_run(stores, NOW)
    assert await care.size() > 0
    sizes = await care.sizes()
    assert sizes["runs"] > 0
    assert list(sizes.values()) == sorted(sizes.values(), reverse=True)
    assert await care.tidy(quiet=False)


async def test_an_emptied_file_gives_its_space_back(stores):
    if stores.url is None or "sqlite" not in stores.url:
        pytest.skip("PostgreSQL gives space back as it sees fit")
    outbox = stores.outbox()
    for n in range(40):
        text = {"text": f"{n}" * 60_000}
        await outbox.put(1, DeliveryKind.NOTICE, text, dedupe_key=f"{n}", now=NOW)
    for _ in range(40):
        [one] = await outbox.claim(NOW, lease=timedelta(minutes=1))
        await outbox.ack(one.id, NOW, [1])
    upkeep = stores.upkeep()
    assert await upkeep.rows.forget(Kind.SENT, NOW + DAY, 100) == 40
    full = await upkeep.database.size()
    assert full > 4_000_000
    assert await upkeep.database.reclaimable() > 4_000_000
    [words, *_] = await upkeep.database.tidy(quiet=False)
    assert "given back" in words
    assert await upkeep.database.size() < full / 2
