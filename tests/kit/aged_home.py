"""A home that has run for a while: every kind of thing that upkeep looks at, old and young."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from flows.services import Services, open_services
from flows.settings import Settings
from flows.tasks import Stop
from flows.upkeep_parts import DOES
from flows.upkeep_parts.job import Job
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, RunStatus, TaskRecord
from storage.archive import FileArchive
from storage.database import open_database
from storage.live_ports import ScanRecord
from storage.operation_tables import REQUEST_KEYS, SCHEDULE_FIRES
from tests.contract.test_scans import report, said, some_bars
from tests.kit.live_signals import hand_made
from tests.kit.models import a_label

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ANNA = Actor(channel=Channel.CLI, name="anna")
AGES = (400, 200, 100, 40, 20, 0)  # days
NEEDED = ("label", "signal", "owed")
FILE = {"media_type": "image/png"}


@asynccontextmanager
async def at_home(home: Path, now: datetime = NOW, **settings) -> AsyncIterator[Services]:
    """Open services on a home, at a moment."""
    chosen = Settings(_env_file=None, scout_home=home, **settings)
    async with open_services(chosen, computes=False) as services:
        yield replace(services, clock=lambda: now)


async def one_day(services: Services, archive: FileArchive, at: datetime, word: str) -> str:
    """Leave what a day leaves: a run with its files, messages, marks, a scan; the run's id."""
    run = await services.runs.create("bt", "backtest_flow", {}, ANNA, at)
    await services.runs.record_task(run.run_id, TaskRecord(task="a", status="success"), at)
    await services.runs.start(run.run_id, at)
    await services.runs.finish(run.run_id, RunStatus.COMPLETED, at, report={"x": "y" * 500})
    for name in ("equity", "report_json"):
        await archive.put(
            f"results/{run.run_id}_{name}.png", b"x" * 1000, run_id=run.run_id, role=name, **FILE
        )
    for kind in ("sent", "failed"):
        await services.outbox.put(
            7, DeliveryKind.NOTICE, {"run_id": run.run_id}, dedupe_key=f"{kind}{word}", now=at
        )
        [one] = await services.outbox.claim(at, lease=timedelta(minutes=1))
        if kind == "sent":
            await services.outbox.ack(one.id, at, [1])
        else:
            await services.outbox.fail(one.id, at, "blocked")
    await services.chats.remember(f"command:{word}", {"a": 1}, at)
    await services.chats.remember(f"week:{word}", {"a": 1}, at)
    close = at.replace(second=0, microsecond=0)
    await services.scans.record(
        ScanRecord(report(close), {"EURUSD": some_bars(5, close)}, {"EURUSD": close}, [said(close)]),
        at,
    )  # fmt: skip
    folder = services.state.of_run(run.run_id).folder
    (folder / "a.json").write_text("{}")
    os.utime(folder, (at.timestamp(), at.timestamp()))
    return run.run_id


async def age(home: Path) -> dict[str, str]:
    """Fill a home with things of all ages; return the runs that must stay, by what needs them."""
    async with at_home(home) as services:
        database = open_database(services.settings.database)
        archive = FileArchive(home / "archive", database.engine, lambda: moment)
        kept: dict[str, str] = {}
        for days in AGES:
            moment = NOW - days * DAY
            await one_day(services, archive, moment, f"{days}")
        for who in NEEDED:
            moment = NOW - AGES[0] * DAY
            kept[who] = await one_day(services, archive, moment, who)
        await services.labels.put([a_label(run_id=kept["label"])], NOW)
        draft = hand_made().model_copy(update={"run_id": kept["signal"]})
        await services.signals.admit(draft, [], cooldown=DAY, now=NOW)
        payload = {"run_id": kept["owed"], "path": f"results/{kept['owed']}_equity.png"}
        await services.outbox.put(9, DeliveryKind.PHOTO, payload, dedupe_key="owed", now=NOW)
        async with database.engine.begin() as db:
            await db.execute(insert(SCHEDULE_FIRES), [
                {"schedule": "s", "due": NOW - n * DAY, "at": NOW, "outcome": "done",
                 "run_id": "", "reason": ""} for n in AGES
            ])  # fmt: skip
            await db.execute(insert(REQUEST_KEYS), [
                {"key": f"k{n}", "sha256": "", "run_id": "", "at": NOW - n * DAY} for n in AGES
            ])  # fmt: skip
        await database.close()
    for name, days in (
        ("results/stray.png", 3),
        ("results/.half.part", 3),
        ("results/.now.part", 0),
    ):
        path = home / "archive" / name
        path.write_bytes(b"1234")
        os.utime(path, ((NOW - days * DAY).timestamp(),) * 2)
    return kept


async def look(home: Path) -> dict[str, object]:
    """Return all that is there: rows of each table, files; and fail where the two don't agree."""
    async with at_home(home) as services:
        astray = await services.upkeep.files.compare(NOW - DAY)
        assert not astray.lost, astray.lost
        runs = {run.run_id: len(run.tasks) for run in await services.runs.newest(1000)}
        assert set(runs.values()) <= {1}
        files = sorted(p.name for p in (home / "archive").rglob("*") if p.is_file())
        return {
            "runs": sorted(runs),
            "files": files,
            "state": sorted(p.name for p in (home / "state").iterdir()),
            "scans": await services.scans.old(NOW + DAY),
            "owed": await services.outbox.pending(),
            "signals": len(await services.signals.newest(1000)),
        }


async def do_part(services: Services, part: str, *, dry: bool = False):
    """Do one part now."""
    return await DOES[part](Job(services, NOW, dry, Stop()))
