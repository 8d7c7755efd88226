"""A backup of hosts that share their files in S3-compatible storage, restored into another place."""

import shutil
from pathlib import Path

import pytest

from flows import control
from flows.adapters import make_objects, utc_now
from flows.services import open_services
from flows.settings import Settings
from pipeline.domain.backup import BackupReport, BackupRequest
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Actor, Channel, TaskRecord
from storage.backup.restoring import restore
from tests.kit.drill import MODEL, Work, grown, minutes
from tests.kit.s3 import s3

__all__ = ["s3"]
CLI = Actor(channel=Channel.CLI)


async def test_shared_files_come_back_into_another_place(tmp_path, s3):
    def settings(home, url):
        shared = (
            {name.lower(): value for name, value in s3.environment(url).items()} if url else {}
        )
        return Settings(
            _env_file=None, scout_home=tmp_path / home, use_prefect=False,
            backup_dir=tmp_path / "backups", **shared,
        )  # fmt: skip

    first, second = f"s3://{s3.bucket()}/set", f"s3://{s3.bucket()}/set"
    lost = settings("lost", first)
    async with open_services(lost, computes=False) as services:
        work = Work(services, [grown("v1.0", 1)])
        await work.begin()
        run = await control.launch(BackupRequest(), CLI, services)
        await services.launcher.wait(run.run_id)
        report = BackupReport.model_validate((await services.runs.get(run.run_id)).report)
    assert report.warnings == ()
    assert {"bars", "archive", "models", "rules", "versions"} <= set(report.parts)
    shutil.rmtree(lost.home)

    def back(to):
        return restore(
            Path(report.place), to.home, to.database, CLI, utc_now(), objects=make_objects(to)
        )

    with pytest.raises(BadRequestError, match="shared storage is not empty"):
        await back(settings("anew", first))
    with pytest.raises(BadRequestError, match="set STORAGE_URL to an empty place"):
        await back(settings("anew", None))
    anew = settings("anew", second)
    found = await back(anew)
    assert found.missing == ()
    async with open_services(anew, computes=False) as services:
        bars = await services.bars.read("EURUSD", Timeframe.M1)
        assert bars.equals(minutes(0, 100))
        assert (await services.models.get(MODEL, "v1.0")).trees == work.models[0].trees
        assert await services.archive.get(f"results/{work.runs[0]}_report.json")
        assert await services.setups.get("Every_engulfing_v1")
        services.state.take_up(work.runs[0], 2)
        assert services.state.of_run(work.runs[0]).kept("data_ingest", TaskRecord)
