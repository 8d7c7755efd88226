"""Upkeep: the same figures dry and real, nothing that is needed goes, a crash at any step heals."""

import asyncio
import shutil
from datetime import timedelta

import pytest

from bot.reports import report_view
from flows import control
from flows.cli_reports import lines_of_report
from flows.tasks import Stop
from flows.upkeep import UPKEEP_TASKS
from flows.upkeep_parts import DOES
from flows.upkeep_parts.job import Job
from pipeline.domain.errors import BadRequestError
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, RunStatus
from pipeline.domain.upkeep import PARTS, UpkeepReport
from storage.archive import FileArchive
from storage.database import open_database
from tests.kit.aged_home import AGES, NOW, age, at_home, do_part, look, one_day
from tests.kit.plain_services import plain_services

CHAT = Actor(channel=Channel.TELEGRAM, chat_id=5)
FIGURES = tuple(part for part in PARTS if part not in ("database", "prefect"))


@pytest.fixture(scope="module")
def aged(tmp_path_factory):
    """A home full of things, old and young, and the runs in it that must stay."""
    home = tmp_path_factory.mktemp("aged") / "home"
    return home, asyncio.run(age(home))


@pytest.fixture
def home(aged, tmp_path):
    """A copy of it for one test."""
    return shutil.copytree(aged[0], tmp_path / "home")


async def upkept(services, text="/upkeep", actor=CHAT):
    run = await control.launch_text(text, actor, services)
    await services.launcher.wait(run.run_id)
    run = await services.runs.get(run.run_id)
    assert run.status is RunStatus.COMPLETED, run.error
    return run, UpkeepReport.model_validate(run.report)


async def claimed(services):
    """Take what is owed to the chat until its report comes."""
    while True:
        for each in await services.outbox.claim(NOW, lease=timedelta(minutes=1)):
            await services.outbox.ack(each.id, NOW, [1])
            if each.kind is DeliveryKind.REPORT:
                return each


async def test_a_dry_run_says_what_the_real_one_does_and_changes_nothing(aged, home):
    _, kept = aged
    before = await look(home)
    async with at_home(home) as services:
        dry = {p: await do_part(services, p, dry=True) for p in FIGURES}
    assert await look(home) == before
    async with at_home(home) as services:
        real = {part: await do_part(services, part) for part in FIGURES}
    assert dry == real
    removed = {part: found.removed for part, found in real.items()}
    after = await look(home)
    assert removed == {
        "runs": 5 - len(kept), "state": 8, "artifacts": 2 * (6 - 1), "deliveries": 7 + 6,
        "scan_log": before["scans"] - after["scans"], "marks": 7 + 4 + 4, "models": 0, "bars": 0,
        "leftovers": 2,
    }  # fmt: skip
    assert len(before["runs"]) - len(after["runs"]) == removed["runs"]
    assert len(before["files"]) - len(after["files"]) == removed["artifacts"] + 2
    assert 0 < after["scans"] < before["scans"]
    assert after["signals"] == 1
    async with at_home(home) as services:
        again = [await do_part(services, part) for part in FIGURES]
    assert [each.removed for each in again] == [0] * len(FIGURES)


async def test_what_a_label_a_signal_or_a_message_needs_stays(aged, home):
    _, kept = aged
    async with at_home(home) as services:
        found = await do_part(services, "runs")
        files = await do_part(services, "artifacts")
        await do_part(services, "deliveries")
        for run_id in kept.values():
            assert (await services.runs.get(run_id)).tasks
        assert found.kept == {
            "labels were made by it": 1,
            "signals were found by it": 1,
            "a message of it is owed": 1,
        }
        assert files.kept == {"a message of the run is owed": 2}
        assert await services.archive.get(f"results/{kept['owed']}_equity.png")
        assert await services.archive.of_run(kept["signal"]) == []
        [signal] = await services.signals.newest(10)
        assert signal.run_id == kept["signal"]
        [photo] = await services.outbox.claim(NOW, lease=NOW - NOW)
        assert photo.dedupe_key == "owed"


async def test_the_story_tells_part_by_part(home):
    async with at_home(home, owner_ids="1") as services:
        run, report = await upkept(services, "/upkeep dry")
        assert report.dry
        assert [task.task for task in run.tasks] == list(UPKEEP_TASKS)
        assert [part.part for part in report.parts] == list(PARTS)
        assert not report.failed
        _, real = await upkept(services, "/upkeep")
        figures = {part.part: part.removed for part in report.parts}
        assert {part.part: part.removed for part in real.parts} == figures
        told = await claimed(services)
        words = report_view(told.payload["report"]).text
        assert words.startswith("Upkeep would remove ")
        assert "Nothing was changed" in words
        assert "signals were found by it" in words
        lines = lines_of_report(run.report, home / "archive")
        assert any("Archive: 10 of 12 files, 10.0 kB" in line for line in lines)


async def test_parts_can_be_named_and_strange_ones_are_refused(tmp_path):
    async with plain_services(tmp_path) as services:
        _, report = await upkept(services, "/upkeep artifacts runs --dry-run")
        assert [part.part for part in report.parts] == ["runs", "artifacts"]
        with pytest.raises(BadRequestError) as refused:
            await control.launch_text("/upkeep dry artefacts", CHAT, services)
        assert refused.value.corrected == "/upkeep dry artifacts"


async def test_a_part_that_fails_is_named_and_the_others_are_done(tmp_path, monkeypatch):
    async with plain_services(tmp_path) as services:

        async def broken(*_):
            raise BadRequestError("The disk is upside down.", field="x", value="y")

        monkeypatch.setattr(services.scans, "old", broken)
        _, report = await upkept(services)
        assert set(report.failed) == {"scan_log"}
        assert "upside down" in report.failed["scan_log"]
        assert len(report.parts) == len(PARTS) - 1


async def test_an_upkeep_run_again_looks_anew(home):
    async with at_home(home, owner_ids="1") as services:
        run, first = await upkept(services)
        assert sum(part.removed for part in first.parts) > 0
        await control.rerun(run.run_id, CHAT, services)
        await services.launcher.wait(run.run_id)
        again = UpkeepReport.model_validate((await services.runs.get(run.run_id)).report)
        assert sum(part.removed for part in again.parts) == 0


async def test_with_upkeep_each_night_the_size_stays_flat(tmp_path):
    """Twenty days of work: no day after the second week keeps more rows and files than the one before."""
    home, start, kept = tmp_path / "home", NOW - timedelta(days=20), []
    days = {"runs_days": 7, "state_days": 5, "artifacts_days": 7, "scan_log_days": 5,
            "outbox_days": 5, "given_up_days": 5, "marks_days": 7}  # fmt: skip
    async with at_home(home, **days) as services:
        database = open_database(services.settings.database)
        archive = FileArchive(home / "archive", database.engine, lambda: now)
        for day in range(20):
            now = start + timedelta(days=day)
            await one_day(services, archive, now, f"{day}")
            for part in ("runs", "state", "artifacts", "deliveries", "scan_log", "marks"):
                await DOES[part](Job(services, now, dry=False, stop=Stop()))
            runs = len(await services.runs.newest(1000))
            files = sum(path.is_file() for path in home.joinpath("archive").rglob("*"))
            kept.append((runs, files, await services.scans.old(now + timedelta(days=1))))
        await database.close()
    assert kept[-1] == kept[-5] == kept[12]
    assert kept[-1][0] == 8


def test_there_are_things_of_all_ages():
    assert max(AGES) > 180 > min(AGES)
