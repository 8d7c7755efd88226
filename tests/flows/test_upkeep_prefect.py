"""Upkeep's look at Prefect's own database: a real server, one that lags, one that is gone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flows.tasks import Stop
from flows.upkeep_parts import DOES
from flows.upkeep_parts.job import Job
from storage.database import open_database
from storage.database_care import care_of
from tests.kit.plain_services import plain_services
from tests.kit.prefect_server import prefect_server
from tests.kit.servers import free_port

__all__ = ["prefect_server"]


async def looked(services, now=None):
    job = Job(services, now or services.clock(), dry=True, stop=Stop())
    return await DOES["prefect"](job)


async def test_without_prefect_there_is_nothing_to_look_at(tmp_path):
    async with plain_services(tmp_path) as services:
        assert (await looked(services)).notes == ("not used",)


async def test_a_server_that_is_gone_is_told(tmp_path):
    url = f"http://127.0.0.1:{free_port()}/api"
    async with plain_services(tmp_path, prefect_api_url=url) as services:
        [first, *_] = (await looked(services)).notes
        assert "doesn't answer" in first


@pytest.mark.prefect
async def test_a_real_server_is_asked_for_what_should_be_gone(tmp_path, prefect_server):
    from prefect import flow
    from prefect.client.orchestration import PrefectClient
    from prefect.states import Completed

    @flow(name="upkeep-is-looking")
    async def some() -> None:
        return None

    async with PrefectClient(prefect_server.api_url) as client:
        run = await client.create_flow_run(some)
        await client.set_flow_run_state(run.id, Completed(), force=True)
    database = open_database(prefect_server._database_url)
    async with plain_services(tmp_path, prefect_api_url=prefect_server.api_url) as services:
        upkeep = replace(services.upkeep, prefect=care_of(database.engine))
        services = replace(services, upkeep=upkeep)
        now = datetime.now(UTC)
        kept, size, *more = (await looked(services, now)).notes
        assert "flow runs are kept" in kept
        assert "MB on the disk" in size
        assert not more
        later = await looked(services, now + timedelta(days=20))
        assert "its server lags" in later.notes[-1]
        assert " 0 flow runs" not in later.notes[-1]
    await database.close()
