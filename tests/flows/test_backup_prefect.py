"""Prefect's own database, as `make run` keeps it: into a backup and back into another home."""

import shutil
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import text

from flows import control
from flows.adapters import utc_now
from flows.prefect_restoring import restore_prefect
from flows.services import open_services
from flows.settings import Settings
from flows.supervisor.postgres import EmbeddedPostgres, serving
from pipeline.domain.backup import BackupReport, BackupRequest
from pipeline.domain.request import Actor, Channel
from storage.backup.restoring import restore
from storage.database import open_database
from tests.kit.servers import no_server

CLI = Actor(channel=Channel.CLI)


@pytest.fixture
def top():
    """A folder that the user of the server may pass through, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="scout-backup-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


async def run_sql(url, *commands):
    database = open_database(url)
    async with database.engine.begin() as connection:
        for command in commands:
            found = await connection.execute(text(command))
    await database.close()
    return found


async def backed_up(settings):
    async with open_services(settings, computes=False) as services:
        run = await control.launch(BackupRequest(), CLI, services)
        await services.launcher.wait(run.run_id)
        return BackupReport.model_validate((await services.runs.get(run.run_id)).report)


@pytest.mark.slow
async def test_the_homes_own_server(top):
    backups = top / "backups"
    lost = Settings(_env_file=None, scout_home=top / "lost", backup_dir=backups)
    anew = Settings(_env_file=None, scout_home=top / "anew", backup_dir=backups)
    own = EmbeddedPostgres(lost.home)
    try:
        async with serving(own):
            await run_sql(
                own.url, "CREATE TABLE flow_run (id int)", "INSERT INTO flow_run VALUES (7)"
            )
            report = await backed_up(lost)
            assert report.prefect
            assert report.parts["prefect"] > 0
    except (OSError, RuntimeError) as error:
        no_server("PostgreSQL", error)
    idle = await backed_up(lost)  # whose server is down now
    assert not idle.prefect
    assert any("Prefect's database: it does not run" in line for line in idle.warnings)
    shutil.rmtree(lost.home)

    found = await restore(Path(report.place), anew.home, anew.database, CLI, utc_now())
    [line] = await restore_prefect(found, anew)
    assert "Prefect's database is restored" in line
    assert not found.prefect.exists()
    own = EmbeddedPostgres(anew.home)
    async with serving(own):
        rows = await run_sql(own.url, "SELECT id FROM flow_run")
        assert rows.scalars().all() == [7]


async def test_a_backup_without_it_is_told(tmp_path):
    settings = Settings(_env_file=None, scout_home=tmp_path / "a", use_prefect=False)
    report = await backed_up(settings)
    anew = Settings(_env_file=None, scout_home=tmp_path / "b", use_prefect=True)
    found = await restore(
        Path(report.place),
        anew.home,
        anew.database,
        CLI,
        utc_now(),
    )
    [line] = await restore_prefect(found, anew)
    assert "is not in the backup" in line
