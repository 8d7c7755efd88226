"""The drill: back up under load, destroy everything, restore elsewhere, find all of it again.

With a real SQLite and a real PostgreSQL, a real Valkey for leases and hints.
"""

import asyncio
import shutil
from collections import Counter
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from flows import control
from flows.adapters import utc_now
from flows.services import open_services
from pipeline.domain.backup import BackupReport, BackupRequest
from pipeline.domain.errors import DataError
from pipeline.domain.live import LIVE, AlertFor
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Actor, Channel, RunStatus, TaskRecord
from pipeline.ml.scoring import Scorer
from storage.backup.restoring import restore
from storage.database import open_database, reading
from tests.kit.drill import (
    ANNA,
    APART,
    COOLDOWN,
    DATA,
    MODEL,
    Work,
    drill_settings,
    grown,
    minutes,
)
from tests.kit.live_signals import CLOSE, hand_made

CLI = Actor(channel=Channel.CLI)


@pytest.fixture(scope="module")
def models():
    return [grown(f"v{n + 1}.0", n) for n in range(6)]


@pytest.fixture(params=["sqlite", "postgres"])
def urls(request):
    """URLs of the database to be lost, and of an empty one."""
    if request.param == "sqlite":
        return None, None
    return tuple(
        request.getfixturevalue("postgres").url(f"drill_{name}") for name in ("lost", "anew")
    )


@pytest.fixture
def dropped(request, urls):
    """Drop a PostgreSQL database of the drill."""
    made = {"lost", "anew"}

    def drop(name):
        if urls[0]:
            request.getfixturevalue("postgres").drop(f"drill_{name}")
        made.discard(name)

    yield drop
    for name in tuple(made):
        drop(name)


async def backed_up(services) -> BackupReport:
    run = await control.launch(BackupRequest(), CLI, services)
    await services.launcher.wait(run.run_id)
    ended = await services.runs.get(run.run_id)
    assert ended.status is RunStatus.COMPLETED, ended.error
    return BackupReport.model_validate(ended.report)


async def worked(settings, models):
    """Back up in the midst of work; return what had been done before, and the report."""
    async with open_services(settings, computes=False) as services:
        work = Work(services, models)
        await work.begin()
        going = asyncio.create_task(work.go_on())
        async with asyncio.timeout(60):
            while not work.much():
                await asyncio.sleep(0.02)
        before = Work(
            services, models, runs=list(work.runs), signals=list(work.signals),
            sent=set(work.sent), bars=work.bars, champions=list(work.champions),
            setups=list(work.setups),
        )  # fmt: skip
        report = await backed_up(services)
        assert len(work.runs) > len(before.runs), "nobody waited for the backup"
        work.stop.set()
        await going
        first = await backed_up(services)
        assert first.last == Path(report.place).name
        return before, report


async def test_all_is_there_again(tmp_path, urls, dropped, redis_url, models):
    lost, anew = tmp_path / "lost", tmp_path / "anew"
    backups = tmp_path / "elsewhere"
    before, report = await worked(drill_settings(lost, urls[0], redis_url, backups), models)
    assert report.verified
    assert not [line for line in report.warnings if "Missing" in line]
    shutil.rmtree(lost)
    dropped("lost")
    async with Redis.from_url(redis_url) as redis:
        await redis.flushall()

    settings = drill_settings(anew, urls[1], redis_url, backups)
    found = await restore(Path(report.place), anew, settings.database, CLI, utc_now())
    assert found.missing == ()
    async with open_services(settings, computes=False) as services:
        await the_runs_go_on(services, before)
        await every_file_is_as_its_row_says(services, settings)
        await signals_are_whole_and_silent(services, before, settings)
        await what_was_owed_is_owed(services, before, settings)
        await the_champion_scores_as_before(services, before)
        await the_rest_is_there(services, before)
    dropped("anew")


async def the_runs_go_on(services, before):
    for run_id in before.runs:
        run = await services.runs.get(run_id)
        assert run is not None
        assert run.tasks[0].status == "success"
    queued = await services.runs.newest(10_000, status=RunStatus.QUEUED)
    assert queued
    for run in queued[-20:]:
        if run.tasks:
            assert services.state.of_run(run.run_id).kept("data_ingest", TaskRecord)
            assert services.state.of_run(run.run_id).frame_path("bars").exists()
    held = {run.run_id for run in await services.runs.newest(10_000)}
    assert (
        await services.runs.create("bt", "backtest_flow", {}, ANNA, services.clock())
    ).run_id not in held


async def every_file_is_as_its_row_says(services, settings):
    paths = [row.path for row in await rows(settings, "SELECT path FROM artifacts")]
    assert paths
    for path in paths:
        assert await services.archive.get(path)


async def rows(settings, query):
    database = open_database(settings.database)
    async with reading(database.engine) as connection:
        found = (await connection.execute(text(query))).all()
    await database.close()
    return found


async def signals_are_whole_and_silent(services, before, settings):
    signals = await services.signals.newest(10_000)
    assert {each.signal_id for each in signals} >= set(before.signals)
    alerts = await rows(settings, "SELECT signal_id FROM alerts")
    assert Counter(row.signal_id for row in alerts) == dict.fromkeys(
        (each.signal_id for each in signals), 2
    )
    last = signals[0].signal.known_at
    again = await admit(services, hand_made(last))
    assert again.record.signal_id == signals[0].signal_id
    close = await admit(services, hand_made(last + COOLDOWN / 3))
    assert close.record.decision.decision.value == "suppressed"
    assert len(await rows(settings, "SELECT signal_id FROM alerts")) == len(alerts)
    kept = await admit(services, hand_made(last + APART))
    assert kept.record.decision.decision.value == "approved"
    assert kept.record.signal_id not in {each.signal_id for each in signals}


async def admit(services, draft):
    return await services.signals.admit(
        draft, [AlertFor(chat_id=1)], cooldown=COOLDOWN, now=services.clock()
    )


async def what_was_owed_is_owed(services, before, settings):
    found = await rows(settings, "SELECT id, state, dedupe_key FROM outbox")
    states = {row.id: row.state for row in found}
    assert all(states[each] != "owed" for each in before.sent)
    notices = {row.dedupe_key for row in found if row.dedupe_key.startswith("notice ")}
    assert notices >= {f"notice {n}" for n in range(len(before.signals) - 1)}
    pending = await services.outbox.pending()
    assert pending > 0
    claimed = await services.outbox.claim(
        services.clock() + APART, lease=COOLDOWN, limit=1
    )  # leases of the lost set have run out by then
    assert claimed


async def the_champion_scores_as_before(services, before):
    standing = await services.models.standing(MODEL)
    assert standing.champion
    number = int(standing.champion.removeprefix("v").split(".")[0])
    assert number >= len(before.champions)
    kept = await services.models.get(MODEL, standing.champion)
    was = before.models[number - 1]
    then = Scorer.of(was.manifest, was.trees).scores(DATA.x)
    assert (Scorer.of(kept.manifest, kept.trees).scores(DATA.x) == then).all()


async def the_rest_is_there(services, before):
    bars = await services.bars.read("EURUSD", Timeframe.M1)
    assert len(bars) >= before.bars
    assert bars.equals(minutes(0, len(bars)))
    assert [each.name for each in await services.schedules.all()] == ["nightly"]
    assert [each.name for each in await services.deployments.all()] == ["nightly_prod"]
    assert await services.chats.role(1) == "owner"
    [setup] = before.setups
    versions = await services.setups.versions("Every_engulfing_v1")
    assert len(versions) > 2
    assert (services.settings.home / "rules" / f"{setup}.yaml").exists()
    assert (await services.audit.verify()).whole
    trail = await services.audit.newest(10_000)
    assert trail[0].action == "restore"
    assert {each.run_id for each in trail} >= set(before.runs)
    assert (services.settings.home / "instruments.yaml").read_text() == "[]\n"
    assert await services.signals.between(LIVE, CLOSE, CLOSE + APART)
    with pytest.raises(DataError):
        await services.archive.get("results/never.json")
