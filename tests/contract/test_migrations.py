"""Migrations: equal to the tables, forward and back with data, safe when two start at once."""

import asyncio
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, make_url, text

from pipeline.domain.errors import AppError
from pipeline.domain.live import AlertFor, Life, LifeState
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, AuditEvent, Channel, TaskRecord
from pipeline.domain.trade import Missed
from pipeline.domain.watch import Watch
from pipeline.live.labels import label_of
from storage.archive import FileArchive
from storage.audit import SqlAuditLog
from storage.chats import SqlChatStore
from storage.database import migrate, open_database
from storage.health import SqlHealthBoard
from storage.live_ports import ScanRecord
from storage.model_tables import METADATA, MODEL_CHANGES, MODEL_STANDINGS, MODEL_VERSIONS
from storage.operation_tables import (
    API_TOKENS,
    BAR_INDEXES,
    DEPLOYMENTS,
    REQUEST_KEYS,
    SCHEDULE_FIRES,
    SCHEDULES,
    TELEGRAM_UPDATES,
)
from storage.outbox import SqlOutbox
from storage.outside_tables import (
    ANALYSES,
    ANALYST_SPENDING,
    DATA_QUALITY,
    INSTRUMENT_FACTS,
    JOURNAL_ENTRIES,
    LOAD_RUNS,
    SOURCE_CHOICES,
    WITHHELD_BARS,
)
from storage.runs import SqlRunStore
from storage.scans import SqlScanLog
from storage.signals import SqlSignalStore
from storage.tables import AUDIT
from storage.trials import SqlTrialLedger
from storage.watches import SqlWatchStore
from tests.contract.test_scans import OPEN, report, said, some_bars
from tests.contract.test_trials import trial
from tests.kit.live_signals import hand_made

NOW = datetime(2025, 10, 31, tzinfo=UTC)
ANNA = Actor(channel=Channel.CLI)
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/new/folder/scout.db"
    return request.getfixturevalue("empty_postgres_url")


async def look(url, what):
    database = open_database(url)
    try:
        async with database.engine.connect() as connection:
            return await connection.run_sync(what)
    finally:
        await database.close()


def table_names(connection):
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def differences(connection):
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "target_metadata": METADATA}
    )
    return compare_metadata(context, METADATA)


def index_names(connection):
    found = inspect(connection)
    return {
        (t, i["name"], tuple(i["column_names"]))
        for t in METADATA.tables
        for i in found.get_indexes(t)
    } | {
        (t, u["name"], tuple(u["column_names"]))
        for t in METADATA.tables
        for u in found.get_unique_constraints(t)
    }


async def test_migrations_make_the_tables_that_the_code_speaks_of(empty_url):
    await migrate(empty_url)
    assert await look(empty_url, differences) == []
    assert await look(empty_url, table_names) == set(METADATA.tables)
    made_by_migration = await look(empty_url, index_names)
    await migrate(empty_url, "base")
    assert await look(empty_url, table_names) == set()
    database = open_database(empty_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    await database.close()
    assert await look(empty_url, index_names) == made_by_migration


async def test_a_difference_would_be_seen(empty_url):
    await migrate(empty_url)
    database = open_database(empty_url)
    async with database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE runs DROP COLUMN error"))
    await database.close()
    assert await look(empty_url, differences) != []


async def fill(url, folder):
    database = open_database(url)
    engine = database.engine
    run = await SqlRunStore(engine).create("bt", "backtest_flow", {}, ANNA, NOW)
    await SqlRunStore(engine).record_task(run.run_id, TaskRecord(task="a", status="success"), NOW)
    await SqlAuditLog(engine).append(
        AuditEvent(at=NOW, actor=ANNA, action="backtest", verdict="accepted")
    )
    await SqlOutbox(engine).put(1, DeliveryKind.NOTICE, {}, dedupe_key="k", now=NOW)
    await SqlChatStore(engine).set_role(1, "owner", NOW)
    await SqlChatStore(engine).note_stranger(2, NOW)
    await SqlChatStore(engine).remember("k", {}, NOW)
    await SqlTrialLedger(engine).append_many([trial()])
    await FileArchive(folder, engine, lambda: NOW).put(
        "a.csv", b"x", run_id=run.run_id, role="r", media_type="t"
    )
    await _fill_live(engine)
    await _fill_models(engine)
    await _fill_operations(engine)
    await database.close()


async def _fill_operations(engine):
    """Put one row into each table of operation."""
    fire = {
        "schedule": "s",
        "due": NOW,
        "at": NOW,
        "outcome": "claimed",
        "run_id": "",
        "reason": "",
    }
    token = {"sha256": "0" * 64, "name": "t", "user_id": 1, "role": "trader", "created_at": NOW}
    rows = [
        (SCHEDULES, {"name": "s", "spec": {}, "paused": False, "changed_at": NOW}),
        (SCHEDULE_FIRES, fire),
        (DEPLOYMENTS, {"name": "d", "entry": {}, "status": "active", "applied_at": NOW}),
        (API_TOKENS, token),
        (REQUEST_KEYS, {"key": "k", "sha256": "0" * 64, "run_id": "", "at": NOW}),
        (TELEGRAM_UPDATES, {"update_id": 1, "lane": "1", "body": {}, "at": NOW, "owner": ""}),
        (BAR_INDEXES, {"symbol": "s", "revision": 1, "timeframes": {}}),
        *OUTSIDE_ROWS,
    ]
    async with engine.begin() as connection:
        for table, row in rows:
            await connection.execute(table.insert().values(**row))


BAR = {"symbol": "s", "timeframe": "M1", "at": NOW}
COUNTED = dict.fromkeys(("bars", "added", "withheld", "pages", "seconds"), 0)
OUTSIDE_ROWS = [
    (LOAD_RUNS, BAR | COUNTED | {"run_id": "", "source": "x", "source_symbol": "s", "asked_start": NOW,
                                 "asked_end": NOW, "status": "done", "error": ""}),
    (SOURCE_CHOICES, {"symbol": "s", "sources": ["x"], "changed_at": NOW}),
    (WITHHELD_BARS, BAR | {"open_time": NOW, "source": "x", "kind": "spike", "bar": {}, "sha256": "0" * 64,
                           "state": "open"}),
    (DATA_QUALITY, BAR | {"run_id": "", "score": 1.0, "report": {}}),
    (INSTRUMENT_FACTS, {"source": "x", "symbol": "s", "facts": {}, "at": NOW}),
    (ANALYSES, {"key": "0" * 64, "purpose": "alert", "subject": "s", "analysis": {}, "at": NOW}),
    (ANALYST_SPENDING, {"chat_id": 1, "day": "2025-10-31", "cost": 0.1, "settled": 1, "at": NOW}),
    (JOURNAL_ENTRIES, {"key": "k", "kind": "run", "entry": {}, "revision": 1, "page": {}, "state": "owed",
                       "attempts": 0, "due_at": NOW, "leases": 0, "error": "", "created_at": NOW}),
]  # fmt: skip


async def _fill_models(engine):
    """Put one row into each table of the model registry."""
    standing = {"model_id": "m", "standing": {}, "changed_at": NOW}
    async with engine.begin() as connection:
        version = {"model_id": "m", "version": "v1.0", "number": 1, "created_at": NOW}
        rest = {"run_id": "", "sha256": "0" * 64}
        await connection.execute(MODEL_VERSIONS.insert().values(**version, **rest))
        await connection.execute(MODEL_STANDINGS.insert().values(**standing, revision=1))
        await connection.execute(MODEL_CHANGES.insert().values(**standing))


async def _fill_live(engine):
    """Put one row into each table of live watching."""
    signals = SqlSignalStore(engine)
    alerts = [AlertFor(chat_id=1, held="quiet", due_at=NOW)]
    kept = await signals.admit(hand_made(), alerts, cooldown=timedelta(minutes=15), now=NOW)
    missed = Missed(signal_id="s", reason="EXPIRED")
    life = Life(state=LifeState.EXPIRED, as_of=NOW, missed=missed)
    label = label_of(kept.record, life)
    await signals.live_on(kept.record.signal_id, life, label=label, now=NOW)
    close = OPEN + timedelta(minutes=1)
    scan = ScanRecord(report(close), {"EURUSD": some_bars(1)}, {"EURUSD": close}, [said(close)])
    await SqlScanLog(engine).record(scan, NOW)
    await SqlWatchStore(engine).put(Watch(chat_id=1), NOW)
    await SqlHealthBoard(engine).beat("bot@here:1", {}, NOW)


def count_rows(connection):
    return {
        name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
        for name in METADATA.tables
    }


async def test_forward_again_keeps_data_and_back_and_forward_works(empty_url, tmp_path):
    await migrate(empty_url)
    await fill(empty_url, tmp_path)
    await migrate(empty_url)
    assert await look(empty_url, count_rows) == dict.fromkeys(METADATA.tables, 1)
    await migrate(empty_url, "base")
    assert await look(empty_url, table_names) == set()
    await migrate(empty_url)
    await fill(empty_url, tmp_path)
    assert await look(empty_url, count_rows) == dict.fromkeys(METADATA.tables, 1)


async def test_many_at_once_in_one_process(empty_url):
    await asyncio.gather(*(migrate(empty_url) for _ in range(5)))
    assert await look(empty_url, differences) == []


async def test_two_processes_at_once(empty_url):
    code = f"import asyncio; from storage.database import migrate; asyncio.run(migrate({empty_url!r}))"
    command = sys.executable, "-c", code
    started = [
        await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
        for _ in range(2)
    ]
    for process in started:
        _, errors = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, errors.decode()
    assert await look(empty_url, differences) == []


async def test_a_database_of_a_newer_version_is_refused_kindly(empty_url):
    await migrate(empty_url)
    database = open_database(empty_url)
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(AppError, match="newer version"):
        await migrate(database)
    await database.close()


async def test_the_trail_of_an_older_version_is_put_into_the_chain(empty_url):
    await migrate(empty_url)
    await migrate(empty_url, "0005")
    row = {
        "at": NOW, "actor": {"channel": "telegram", "user_id": 1}, "action": "backtest",
        "what": {"text": "ö 1.50"}, "verdict": "refused", "reason": "no", "run_id": None,
    }  # fmt: skip
    database = open_database(empty_url)
    async with database.engine.begin() as connection:
        for _ in range(3):
            await connection.execute(AUDIT.insert().values(**row))
    await migrate(database)
    await SqlAuditLog(database.engine).append(
        AuditEvent(at=NOW, actor=ANNA, action="backtest", verdict="accepted")
    )
    found = await SqlAuditLog(database.engine).verify()
    await database.close()
    assert (found.events, found.fault) == (4, "")


async def test_a_user_who_may_not_change_tables_is_told_who_may(empty_postgres_url):
    owner = open_database(empty_postgres_url)
    name = f"reader_{uuid.uuid4().hex[:8]}"
    async with owner.engine.begin() as connection:
        await connection.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD 'only-for-this-test'"))
    url = make_url(empty_postgres_url).set(username=name, password="only-for-this-test")
    try:
        with pytest.raises(AppError, match="changed by their owner alone"):
            await migrate(url.render_as_string(hide_password=False))
        await migrate(owner)
        poor = open_database(url.render_as_string(hide_password=False))
        with pytest.raises(AppError, match="changed by their owner alone"):
            await SqlAuditLog(poor.engine).newest()
        await poor.close()
    finally:
        async with owner.engine.begin() as connection:
            await connection.execute(text(f"DROP ROLE {name}"))
        await owner.close()
