"""The import folder: whole files are imported, once, told once, and a kill anywhere loses nothing."""

import asyncio
import os
from contextlib import contextmanager
from datetime import timedelta

import pytest

from flows import import_watch
from flows.import_folder import STEADY
from flows.import_watch import ImportWatch
from pipeline.domain.errors import StoreDownError
from pipeline.domain.market import Timeframe
from tests.kit import bar_files as kit
from tests.kit.plain_services import plain_services

BARS = kit.random_bars(3000, Timeframe.M1, start="2024-03-04 08:00")
FILE = kit.mt5_export(BARS, "UTC")
NAME = "EURUSD_M1_202403040800_202403060959.csv"


@pytest.fixture
async def services(tmp_path):
    folder = tmp_path / "import"
    async with plain_services(tmp_path / "home", owner_ids="7", import_folder=folder) as made:
        made.settings.home.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        yield made


async def looks(services, watch=None, times=3):
    watch = watch or ImportWatch(services)
    taken = 0
    for _ in range(times):
        services.clock.now += STEADY
        taken += await watch.look(services.clock())
    return taken


async def told(services):
    """The notices since the last look at them, in the order of their making."""
    found = []
    while claimed := await services.outbox.claim(
        services.clock(), limit=100, lease=timedelta(days=9)
    ):
        for delivery in claimed:
            found.append(delivery.payload["text"])
            await services.outbox.ack(delivery.id, services.clock(), (1,))
    return found


def names(folder):
    return sorted(p.name for p in folder.rglob("*") if p.is_file())


def answers(folder, name, text):
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


SURE = "symbol: EURUSD\ntimeframe: M1\nzone: UTC\n"


async def held(services):
    return await services.bars.read("EURUSD", Timeframe.M1)


async def test_a_file_is_imported_told_and_put_away_with_its_answers(services):
    folder = services.settings.import_folder
    (folder / NAME).write_bytes(FILE)
    answers(folder, NAME, SURE)
    assert await looks(services) == 1
    assert len(await held(services)) == len(BARS)
    assert names(folder / "done") == [NAME, f"{NAME}.yaml"]
    assert names(folder) == names(folder / "done")
    (line,) = await told(services)
    assert line.startswith(f"{NAME} imported: EURUSD M1, 3000 bars added, 0 replaced, 2024-03-04")
    trail = await services.audit.newest()
    assert trail[0].action == "import"
    assert trail[0].actor.name == "import folder"


async def test_a_file_being_written_is_left_until_it_is_whole(services):
    folder, watch = services.settings.import_folder, ImportWatch(services)
    (folder / NAME).write_bytes(b"")
    answers(folder, NAME, SURE)
    for part in range(5):
        with (folder / NAME).open("ab") as file:
            file.write(FILE[part * len(FILE) // 5 : (part + 1) * len(FILE) // 5])
        assert await looks(services, watch, 1) == 0
    assert await looks(services, watch, 1) == 1
    assert len(await held(services)) == len(BARS)


async def test_what_other_programs_write_and_links_are_left_alone(services, tmp_path):
    folder = services.settings.import_folder
    (tmp_path / "elsewhere.csv").write_bytes(FILE)
    (folder / "link.csv").symlink_to(tmp_path / "elsewhere.csv")
    for name in (".hidden.csv", "~lock.csv", "a.csv.part", "a.csv.crdownload", "b.tmp", "c.yaml"):
        (folder / name).write_bytes(FILE)
    (folder / "deeper").mkdir()
    (folder / "deeper" / NAME).write_bytes(FILE)
    assert await looks(services) == 0
    assert not await told(services)


async def test_a_question_is_asked_once_and_answered_beside_the_file(services):
    folder, watch = services.settings.import_folder, ImportWatch(services)
    (folder / "bars.csv").write_bytes(FILE)
    assert await looks(services, watch) == 0
    assert await looks(services) == 0, "after a restart"
    (line,) = await told(services)
    assert "Which symbol" in line
    assert "bars.csv.yaml" in line
    assert "scout import bars.csv --symbol" in line
    answers(folder, "bars.csv", "symbol: EURUSD")
    await looks(services, watch)
    (line,) = await told(services)
    assert "Which clock" in line
    answers(folder, "bars.csv", SURE)
    os.utime(folder / "bars.csv.yaml", ns=(1, 1))  # a clock too coarse to tell two writings apart
    assert await looks(services, watch) == 1
    assert len(await told(services)) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("symbol: [", "can't be read"),
        ("price: 3", "can't be read"),
        ("symbol: NOSUCH", "NOSUCH"),
        ("- a", "can't be read"),
    ],
)
async def test_wrong_answers_leave_the_file_and_say_what_is_wrong(services, text, said):
    folder = services.settings.import_folder
    (folder / NAME).write_bytes(FILE)
    answers(folder, NAME, text)
    assert await looks(services) == 0
    (line,) = await told(services)
    assert said in line
    assert names(folder) == [NAME, f"{NAME}.yaml"]


async def test_a_refused_file_lies_in_refused_with_its_reason(services):
    folder = services.settings.import_folder
    (folder / "EURUSD_M1.csv").write_bytes(b"hello,world\n1,2\n")
    (folder / "big.csv").write_bytes(b"x" * 21_000_000)
    assert await looks(services) == 2
    assert names(folder / "refused") == [
        "EURUSD_M1.csv", "EURUSD_M1.csv.reason.txt", "big.csv", "big.csv.reason.txt",
    ]  # fmt: skip
    reason = (folder / "refused" / "big.csv.reason.txt").read_text()
    assert reason == "it has 21.0 MB, more than 20 (IMPORT_MAX_MB).\n"
    assert len((folder / "refused" / "EURUSD_M1.csv.reason.txt").read_text().splitlines()) == 1
    assert all("refused/" in line for line in await told(services))


async def test_the_same_file_again_is_not_imported_again(services, monkeypatch):
    folder = services.settings.import_folder
    (folder / NAME).write_bytes(FILE)
    answers(folder, NAME, SURE)
    await looks(services)
    await told(services)

    async def never(*_):
        raise AssertionError("imported twice")

    monkeypatch.setattr(import_watch, "import_file", never)
    (folder / NAME).write_bytes(FILE)
    assert await looks(services) == 1
    (line,) = await told(services)
    assert "was imported before (2026-11-21)" in line
    assert len([n for n in names(folder / "done") if n.endswith(".csv")]) == 2


async def test_another_content_of_the_same_name_is_imported_and_keeps_the_first(services):
    folder = services.settings.import_folder
    for bars in (BARS, kit.random_bars(500, start="2024-05-06 08:00")):
        (folder / NAME).write_bytes(kit.mt5_export(bars, "UTC"))
        answers(folder, NAME, SURE)
        assert await looks(services) == 1
    assert len(await held(services)) == 3500
    assert len([n for n in names(folder / "done") if n.endswith(".csv")]) == 2


async def test_a_file_written_anew_while_it_is_imported_is_not_put_away(services, monkeypatch):
    folder = services.settings.import_folder
    (folder / NAME).write_bytes(FILE)
    answers(folder, NAME, SURE)
    newer = kit.mt5_export(kit.random_bars(500, start="2024-05-06 08:00"), "UTC")
    real = import_watch.import_file

    async def slow(*question):
        outcome = await real(*question)
        if not (folder / "seen").exists():
            (folder / "seen").mkdir()
            (folder / NAME).write_bytes(newer)
        return outcome

    monkeypatch.setattr(import_watch, "import_file", slow)
    await looks(services, times=6)
    assert len(await held(services)) == 3500
    assert NAME in names(folder / "done")


async def test_what_is_down_is_waited_for(services, monkeypatch):
    folder, watch = services.settings.import_folder, ImportWatch(services)
    (folder / NAME).write_bytes(FILE)
    answers(folder, NAME, SURE)
    real = import_watch.import_file

    async def down(*_):
        raise StoreDownError("The bar store doesn't answer.")

    monkeypatch.setattr(import_watch, "import_file", down)
    assert await looks(services, watch) == 0
    assert not await told(services)
    monkeypatch.setattr(import_watch, "import_file", real)
    assert await looks(services, watch, 1) == 1


async def test_two_watches_share_the_work(services):
    folder = services.settings.import_folder
    (folder / NAME).write_bytes(FILE)
    answers(folder, NAME, SURE)
    one, other = ImportWatch(services), ImportWatch(services)
    await looks(services, one, 1)
    await looks(services, other, 1)
    assert await looks(services, one, 1) + await looks(services, other, 1) == 1
    assert len(await told(services)) == 1


async def test_a_folder_that_cannot_be_used_is_told_once_and_works_when_it_can(
    services, monkeypatch
):
    folder = services.settings.import_folder
    folder.rmdir()
    folder.write_text("a file where the folder should be")
    monkeypatch.setattr(import_watch, "LOOK", 0.01)
    watching = asyncio.create_task(ImportWatch(services).keep())
    lines = []
    while not lines:
        await asyncio.sleep(0.02)
        lines = await told(services)
    assert lines[0].startswith("Files of bars can't be imported: IMPORT_FOLDER can't be used (")
    await asyncio.sleep(0.1)
    assert not await told(services)
    folder.unlink()
    while not (folder / "done").exists():
        await asyncio.sleep(0.02)
    watching.cancel()


async def test_without_a_folder_nothing_is_watched(tmp_path):
    async with plain_services(tmp_path) as services:
        await asyncio.wait_for(ImportWatch(services).keep(), 5)
        assert await ImportWatch(services).look(services.clock()) == 0


class Killed(BaseException):
    """The process dies here."""


@contextmanager
def dying_at(services, n, monkeypatch):
    """Let the n-th step of the import fail for good: before it and after it is done."""
    count = iter(range(10_000))

    def step():
        if next(count) == n:
            raise Killed

    def around(owner, name):
        real = getattr(owner, name)

        async def awaited(*args, **more):
            step()
            result = await real(*args, **more)
            step()
            return result

        patch.setattr(owner, name, awaited)

    with monkeypatch.context() as patch:
        for owner, name in (
            (services.bars, "merge"), (services.bars, "note_score"), (services.audit, "append"),
            (services.chats, "remember"), (services.outbox, "put"),
        ):  # fmt: skip
            around(owner, name)
        rename = os.replace

        def renamed(*args):
            step()
            rename(*args)
            step()

        patch.setattr("pathlib.os.replace", renamed)
        yield


@pytest.mark.parametrize("wrong", [False, True], ids=["bars", "refused"])
async def test_a_kill_at_any_step_loses_nothing_and_tells_once(services, monkeypatch, wrong):
    folder, killed = services.settings.import_folder, 0
    place = folder / ("refused" if wrong else "done")
    for n in range(60):
        name = f"EURUSD_M1_{n}.csv"
        bars = kit.random_bars(20, start=f"2024-03-{4 + n % 25:02d} {n % 20:02d}:00", seed=n)
        (folder / name).write_bytes(
            b"hello,world\n1,%d\n" % n if wrong else kit.mt5_export(bars, "UTC")
        )
        answers(folder, name, SURE)
        dead = False
        with dying_at(services, n, monkeypatch):
            try:
                await looks(services)
            except Killed:
                dead = True
        services.lease._held.clear()  # the dead one's runs out
        await looks(services)  # the next process
        assert name in names(place), n
        assert len([line for line in await told(services) if name in line]) == 1, n
        if not wrong:
            got = await held(services)
            assert got["open_time"].isin(bars["open_time"]).sum() == 20
        killed += dead
        if not dead:
            break
    assert killed >= (4 if wrong else 10), "and no step is left at which it could have died"
    assert not dead
