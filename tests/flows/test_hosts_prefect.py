"""Two worker hosts with homes of their own: one dies or stands still, the other tells the run."""

import pytest

from flows import control
from pipeline.domain.request import RunStatus
from tests.kit.hosts import CHAT, COMMAND, SharedPlaces, WorkerHost, at_task, hold_bars, reached
from tests.kit.prefect_server import PrefectServer

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.timeout(400)]
LEASE = 3.0


@pytest.fixture
async def shared(postgres, valkey, s3, empty_postgres_url):
    made = SharedPlaces(empty_postgres_url, valkey.url, s3, LEASE)
    await made.prepare()
    return made


@pytest.fixture
def servers(postgres, valkey):
    """Two Prefect servers on one database, with Redis between them."""
    made = [PrefectServer(postgres.url("prefect_of_hosts"), valkey.url) for _ in range(2)]
    for server in made:
        server.start()
    yield made
    for server in made:
        server.stop()


@pytest.fixture
def hosts(shared, servers, tmp_path):
    made = [
        WorkerHost(tmp_path / name, server.api_url, shared)
        for name, server in zip(("one", "two"), servers, strict=True)
    ]
    for host in made:
        host.start()
    yield made
    for host in made:
        host.kill()


async def test_a_run_goes_on_at_the_other_host_and_is_told_once(shared, servers, hosts, tmp_path):
    async with shared.front(tmp_path / "front", servers[0].api_url) as services:
        await hold_bars(services)
        run = await control.launch_text(COMMAND, CHAT, services)
        run = await reached(services, run.run_id, at_task("setup_manager"))
        [victim] = [host for host in hosts if host.owns(run)]
        victim.kill()
        run = await reached(services, run.run_id, lambda r: r.status.ended)
        assert (run.status, run.attempt, run.asked) == (RunStatus.COMPLETED, 2, 1)
        assert not victim.owns(run)
        kept = {task.task for task in run.tasks if task.outputs.get("kept")}
        assert {"data_ingest", "data_processor", "market_tools"} <= kept
        assert await shared.owed("report") == 1

        # Only one host is left: it stands still for longer than its lease, the first one comes
        # back and takes over, and the one that stood still may write nothing.
        [still] = [host for host in hosts if host is not victim]
        again = await control.launch_text(COMMAND, CHAT, services)
        again = await reached(services, again.run_id, at_task("market_tools"))
        still.freeze(still=True)
        victim.start()
        again = await reached(services, again.run_id, lambda r: r.status.ended)
        still.freeze(still=False)
        assert (again.status, victim.owns(again)) == (RunStatus.COMPLETED, True)
        await reached(services, again.run_id, lambda _: "run_lost_to_another" in still.log)
        assert await services.runs.get(again.run_id) == again
        assert await shared.owed("report") == 2
