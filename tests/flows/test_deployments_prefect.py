"""Deployments on a real Prefect server: brought there once, changed alone, paused, pruned."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound

from flows.cli_deploy import _write as write_prefect_yaml
from flows.deployed_flows import FLOWS, POOLS
from flows.deploying import deploy, register
from flows.deployment_file import SHIPPED, parse_file, read_file
from flows.deployments import set_paused
from flows.registry import PrefectRegistry, keep_registered
from flows.services import open_services
from flows.settings import Settings
from pipeline.domain.request import Actor, Channel
from tests.kit.prefect_server import prefect_server

__all__ = ["prefect_server"]
pytestmark = [pytest.mark.prefect, pytest.mark.timeout(300)]
OWNER = Actor(channel=Channel.CLI, name="test")
ROOT = Path(__file__).parents[2]
NIGHTLY = """
  - name: nightly_eurusd
    flow: flows.backtest_flow
    schedule: "30 22 * * mon-fri"
    work_pool: ingestion_pool
    tags: [nightly]
    concurrency_limit: 2
    parameters: {default_spread: 1.5, text: /backtest Frank_raid_v1 EURUSD last 30d}
"""
TEXT = SHIPPED.read_text() + NIGHTLY
NAME = "backtest_flow/nightly_eurusd"


class Counting(PrefectClient):
    """A client that counts what it writes; questions by POST are none."""

    def __init__(self, api_url):
        self.writes = []
        super().__init__(api_url, httpx_settings={"event_hooks": {"request": [self._seen]}})

    async def _seen(self, request):
        if request.method != "GET" and not request.url.path.endswith("/filter"):
            self.writes.append((request.method, request.url.path))


@pytest.fixture
async def services(prefect_server, tmp_path):
    settings = Settings(
        _env_file=None, scout_home=tmp_path, prefect_api_url=prefect_server.api_url
    )
    async with open_services(settings) as opened:
        yield opened


@pytest.fixture
async def client(prefect_server):
    async with Counting(prefect_server.api_url) as client:
        for one in await client.read_deployments():
            await client.delete_deployment(one.id)
        client.writes.clear()
        yield client


async def deployed(services, client, text=TEXT, **how):
    client.writes.clear()
    file = parse_file(text, Path("deployments.yaml"))
    return await deploy(file, services, OWNER, PrefectRegistry(client), **how)


async def test_all_is_registered_once_and_the_second_time_nothing_is_written(services, client):
    dry = await deployed(services, client, dry_run=True)
    assert client.writes == []
    assert await client.read_deployments() == []
    await deployed(services, client)
    assert len(dry.changes) >= 2 * (len(FLOWS) + 1)
    pools = {pool.name: pool.type for pool in await client.read_work_pools()}
    assert {name: pools[name] for name in POOLS} == dict.fromkeys(POOLS, "resident")
    held = await client.read_deployments()
    assert {one.name for one in held} == {*(f"{flow}_prod" for flow in FLOWS), "nightly_eurusd"}
    nightly = await client.read_deployment_by_name(NAME)
    assert (nightly.parameters, nightly.tags) == ({"default_spread": 1.5}, ["nightly"])
    assert (nightly.work_pool_name, nightly.paused) == ("ingestion_pool", False)
    assert nightly.global_concurrency_limit.limit == 2
    assert nightly.entrypoint == "flows/backtest_flow.py:backtest_flow"
    assert nightly.version == (await services.deployments.get("nightly_eurusd")).version
    assert (await deployed(services, client)).nothing
    assert client.writes == []
    assert await keep_registered(client, services) == []
    assert client.writes == []


async def test_a_change_is_told_and_writes_what_changed_alone(services, client):
    await deployed(services, client)
    before = {one.name: one.updated for one in await client.read_deployments()}
    changed = TEXT.replace("default_spread: 1.5", "default_spread: 2.5")
    changed = changed.replace("concurrency_limit: 2", "concurrency_limit: 5")
    changed = changed.replace(
        "  - name: live_pool", "  - name: live_pool\n    concurrency_limit: 3"
    )
    dry = await deployed(services, client, changed, dry_run=True)
    assert client.writes == []
    told = {str(field) for one in dry.changes if one.where for field in one.fields}
    assert told == {
        "parameters: default_spread=1.5 → default_spread=2.5", "concurrency_limit: 2 → 5",
        "concurrency_limit: none → 3",
    }  # fmt: skip
    await deployed(services, client, changed)
    assert [method for method, _ in client.writes] == ["PATCH", "PATCH"]
    after = {one.name: one.updated for one in await client.read_deployments()}
    assert {name for name in after if after[name] != before[name]} == {"nightly_eurusd"}
    nightly = await client.read_deployment_by_name(NAME)
    assert nightly.global_concurrency_limit.limit == 5
    assert (await client.read_work_pool("live_pool")).concurrency_limit == 3
    without = changed.replace("concurrency_limit: 5", "concurrency_limit: null")
    without = without.replace("concurrency_limit: 3", "concurrency_limit: null")
    await deployed(services, client, without)
    assert (await client.read_deployment_by_name(NAME)).global_concurrency_limit is None
    assert (await client.read_work_pool("live_pool")).concurrency_limit is None
    assert (await deployed(services, client, without)).nothing


async def test_a_pause_is_shown_by_prefect_and_outlives_workers_and_deploys(services, client):
    await deployed(services, client)
    await set_paused("nightly_eurusd", OWNER, services, paused=True)
    assert (await client.read_deployment_by_name(NAME)).paused
    await register(services)
    await keep_registered(client, services)
    assert (await deployed(services, client)).nothing
    assert (await client.read_deployment_by_name(NAME)).paused
    await set_paused("nightly_eurusd", OWNER, services, paused=False)
    assert not (await client.read_deployment_by_name(NAME)).paused
    assert not (await services.schedules.get("nightly_eurusd")).paused


async def test_a_worker_brings_back_what_the_server_lost(services, client):
    await deployed(services, client)
    lost = await client.read_deployment_by_name(NAME)
    await client.delete_deployment(lost.id)
    client.writes.clear()
    assert [(c.name, c.kind) for c in await keep_registered(client, services)] == [
        ("nightly_eurusd", "added")
    ]
    assert (await client.read_deployment_by_name(NAME)).tags == ["nightly"]
    assert len(client.writes) == 2  # its flow, and it


async def test_what_left_the_file_is_removed_by_prune_alone(services, client):
    await deployed(services, client)
    others = await client.create_deployment(
        flow_id=await client.create_flow_from_name("somebody_s"), name="else"
    )
    shipped = SHIPPED.read_text()
    assert (await deployed(services, client, shipped)).left == ("nightly_eurusd",)
    assert (await client.read_deployment_by_name(NAME)).name == "nightly_eurusd"
    assert (await deployed(services, client, shipped, prune=True)).removed == ("nightly_eurusd",)
    with pytest.raises(ObjectNotFound):
        await client.read_deployment_by_name(NAME)
    assert (await client.read_deployment(others)).name == "else"


async def test_prefect_deploy_all_registers_the_same(services, client, prefect_server, tmp_path):
    folder = tmp_path / "clean"
    folder.mkdir()
    for floor in ("flows", "pipeline", "storage"):
        (folder / floor).symlink_to(ROOT / floor)
    (folder / "deployments.yaml").symlink_to(SHIPPED)
    file = parse_file(TEXT, Path("deployments.yaml"))
    await write_prefect_yaml(folder / "prefect.yaml", file, services, PrefectRegistry(client))
    assert await client.read_deployments() == []
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all",
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PREFECT_API_URL": prefect_server.api_url, "PYTHONPATH": str(folder),
             "PREFECT_HOME": str(tmp_path / "prefect")},
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-3000:]
    told = await deployed(services, client, dry_run=True)
    assert [one for one in told.changes if one.where] == []
    assert len(await client.read_deployments()) == len(read_file(SHIPPED).specs) + 1
