"""The set of docker-compose.yml comes up from the file itself, does its work, and stops in time."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from bot.sandbox.people import TRADER_ID
from flows.supervisor.postgres import programs
from tests.kit.compose_file import ROOT, seconds
from tests.kit.compose_set import ComposeSet
from tests.kit.sandbox import TOKEN, running_sandbox, text_of

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.timeout(300)]
COMMAND = "/backtest Frank_raid_v1 EURUSD M5 2025-02..2025-03"


@pytest.fixture
def compiled():
    """Kernels compiled for this session, if no test before has: the set's own start is at stake."""
    subprocess.run(
        [sys.executable, "-c", "import flows.cpu_preload"], check=True, cwd=ROOT, timeout=240
    )


@pytest.fixture
def folder():
    """A folder that other users may enter, which pytest's own aren't."""
    made = Path(tempfile.mkdtemp(prefix="scout-compose-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


async def test_the_core_set_from_its_file(compiled, folder):
    async with running_sandbox(folder / "telegram") as sandbox:
        env = f"TELEGRAM_API_BASE={sandbox.url}\nOWNER_IDS={TRADER_ID}\nTELEGRAM_BOT_TOKEN=1:not-this\n"
        running = ComposeSet(folder, env, TOKEN)
        try:
            await running.up()
            owner = sandbox.person()
            asked = await owner.send(COMMAND)
            told = await owner.wait_for(
                lambda m: "win rate" in text_of(m).lower(), 90, after=asked["message_id"]
            )
            assert "SYNTHETIC" in text_of(told)
            await check_the_work_was_the_worker_s(running, owner)
            await check_prefect_wants_its_password(running)
            check_database_users(running)
            await check_a_hanging_part_is_unhealthy(running)
        finally:
            await running.down()
    check_the_end(running)
    check_no_secret_was_logged(running)


async def check_the_work_was_the_worker_s(running, owner):
    asked = await owner.send("/health")
    told = await owner.wait_for(lambda m: "worker" in text_of(m), 20, after=asked["message_id"])
    for part in ("bot", "scanner", "worker", "training", "Prefect", "Redis"):
        assert part in text_of(told)
    local = running.containers["worker-local"].log
    assert json.loads(local.splitlines()[0])
    assert "bt_" in local and "bt_" not in running.containers["worker-training"].log


async def check_prefect_wants_its_password(running):
    url = running.environment(running.containers["bot"])["PREFECT_API_URL"] + "/flow_runs/count"

    def ask():
        request = urllib.request.Request(
            url, data=b"{}", headers={"Content-Type": "application/json"}
        )
        return urllib.request.urlopen(request, timeout=5)

    with pytest.raises(urllib.error.HTTPError) as refused:
        await asyncio.to_thread(ask)
    assert refused.value.code == 401


def check_database_users(running):
    """The one that the parts use reads and writes rows, and can do no more."""
    secrets = running.containers["postgres"].folder / "run" / "secrets"
    port = running._ports["5432"]

    def sql(user, database, command):
        where = ("-h", "127.0.0.1", "-p", port, "-U", user, "-d", database)
        env = {**os.environ, "PGPASSWORD": (secrets / f"{user}_password").read_text()}
        words = [programs() / "psql", *where, "-Atqc", command]
        return subprocess.run(
            words, env=env, capture_output=True, text=True, check=False, timeout=10
        )

    counted = sql("scout", "scout", "SELECT count(*) > 0 FROM runs")
    assert counted.stdout.strip() == "t", counted.stderr
    assert sql("scout", "scout", "ANALYZE runs").returncode == 0
    for command in (
        "CREATE TABLE x (y int)",
        "DROP TABLE runs",
        "TRUNCATE runs",
        "CREATE SCHEMA z",
    ):
        refused = sql("scout", "scout", command)
        assert "permission denied" in refused.stderr or "must be owner" in refused.stderr, command
    assert "permission denied for database" in sql("scout", "prefect", "SELECT 1").stderr
    assert "permission denied for database" in sql("prefect", "scout", "SELECT 1").stderr
    assert sql("prefect", "prefect", "SELECT count(*) > 0 FROM flow_run").stdout.strip() == "t"
    assert sql("scout_owner", "scout", "BEGIN; CREATE TABLE x (y int); ROLLBACK").returncode == 0


async def check_a_hanging_part_is_unhealthy(running):
    bot = running.containers["bot"]
    assert (await running.check(bot))[0] == 0
    bot.process.send_signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(2.5)
        code, said = await running.check(bot, "--max-age", "2")
        assert code == 1 and "no sign of life" in said
    finally:
        bot.process.send_signal(signal.SIGCONT)


def check_the_end(running):
    for container in running.containers.values():
        assert container.stopped_after < seconds(container.service["stop_grace_period"]), (
            container.name
        )
        ended = (0, -signal.SIGTERM) if container.name == "prefect" else (0,)
        assert container.process.returncode in ended, f"{container.name}\n{container.log[-2000:]}"


def check_no_secret_was_logged(running):
    names = [
        "postgres_password",
        "scout_password",
        "prefect_password",
        "valkey_password",
        "prefect_auth",
    ]
    secrets = [(running.folder / "secrets" / name).read_text() for name in names] + [TOKEN]
    for container in running.containers.values():
        assert not [s for s in secrets if s.split(":")[-1] in container.log], container.name
