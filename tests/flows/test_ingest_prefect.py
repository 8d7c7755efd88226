"""A scheduled ingest on a real Prefect server: the bars of the source are in the store after it."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.scheduling import fire_due
from flows.services import open_services
from flows.settings import Settings
from pipeline.domain.ingest import IngestReport
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Channel, RunStatus
from tests.flows.test_schedules_prefect import over, until
from tests.kit.dukascopy import Loopback, made_ticks, running_dukascopy
from tests.kit.prefect_server import WorkerProcess, prefect_server
from tests.kit.schedules import MINUTE, schedule
from tests.kit.source_worlds import walk_bars

__all__ = ["prefect_server"]
pytestmark = [pytest.mark.prefect, pytest.mark.timeout(300)]


async def test_a_schedule_brings_the_bars_of_its_source_through_prefect(prefect_server, tmp_path):
    now = datetime.now(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    world = Loopback(now=now)
    world.hold("GBPUSD", made_ticks(today - timedelta(days=1), 24, seed=3, level=130_000))
    async with running_dukascopy(world) as served:
        outside = {"sources": "dukascopy", "source_urls": f"dukascopy={served.url}"}
        settings = Settings(
            _env_file=None, scout_home=tmp_path, prefect_api_url=prefect_server.api_url,
            owner_ids="7", **outside,
        )  # fmt: skip
        env = {name.upper(): value for name, value in outside.items()}
        worker = WorkerProcess(tmp_path, prefect_server.api_url, OWNER_IDS="7", **env)
        async with open_services(settings) as services:
            old = walk_bars(today - timedelta(days=2), today - timedelta(days=1))
            await services.bars.merge("GBPUSD", Timeframe.M1, old, source="dukascopy", now=now)
            asked = schedule("ingest-soon", interval_minutes=60, created_at=now - 61 * MINUTE)
            asked = asked.model_copy(
                update={"flow_name": "ingest_flow", "payload": {"text": "/ingest end_of_day"}}
            )
            worker.start()
            try:
                await services.schedules.put(asked, now)
                await fire_due("ingest-soon", services, services.clock())

                async def launched():
                    return await services.schedules.fires("ingest-soon", outcome="launched")

                (fire, *_) = await until(launched)
                run = await over(fire.run_id, services)
            finally:
                worker.stop()
            assert run.status is RunStatus.COMPLETED, run.error
            assert run.actor.channel is Channel.SCHEDULE
            (row,) = IngestReport.model_validate(run.report).rows
            held = await services.bars.read("GBPUSD", Timeframe.M1)
            assert len(held) == len(old) + row.added
            assert row.added > 0 and not row.error and world.asked
