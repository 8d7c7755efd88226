"""The HTTP entry as it is started, and the tokens of the command line."""

import asyncio
import os
import signal
import sys

import aiohttp
import pytest
from typer.testing import CliRunner

from flows.cli import app
from tests.kit.sandbox import ROOT
from tests.kit.servers import free_port


@pytest.fixture
def scout(tmp_path, monkeypatch):
    """Run the command line in a home of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCOUT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OWNER_IDS", "7")
    return lambda *words: CliRunner().invoke(app, words)


def test_tokens_on_the_command_line(scout):
    made = scout("tokens", "new", "desk", "--user", "7", "--role", "owner")
    assert made.exit_code == 0, made.output
    secret = made.output.split("\n")[0]
    assert secret.startswith("scout_")
    listed = scout("tokens", "list").output
    assert "desk  user 7  owner" in listed
    assert "works" in listed
    assert secret not in listed
    assert scout("tokens", "new", "desk", "--user", "7").exit_code == 2
    assert scout("tokens", "new", "other", "--user", "8").exit_code == 2
    assert scout("tokens", "revoke", "desk").exit_code == 0
    assert scout("tokens", "revoke", "desk").exit_code == 2
    assert "revoked" in scout("tokens", "list").output


async def started(tmp_path, **more):
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "PYTHONPATH")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "flows.http", cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**kept, "SCOUT_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT), **more},
    )  # fmt: skip


async def test_the_process_serves_and_ends_in_order(tmp_path):
    address, ready = f"127.0.0.1:{free_port()}", tmp_path / "ready"
    process = await started(tmp_path, HTTP_ADDRESS=address, SCOUT_READY_FILE=str(ready))
    try:
        async with asyncio.timeout(60):
            while not ready.exists():
                assert process.returncode is None, await process.stderr.read()
                await asyncio.sleep(0.05)
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{address}/health") as answer,
        ):
            assert (answer.status, (await answer.json())["status"]) == (200, "ok")
            assert "Server" not in answer.headers
        again = await started(tmp_path, HTTP_ADDRESS=address)
        _, said = await asyncio.wait_for(again.communicate(), 60)
        assert again.returncode == 2
        assert f"HTTP_ADDRESS {address} can't be listened on" in said.decode()
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        if process.returncode is None:
            process.kill()


async def test_without_an_address_it_says_so(tmp_path):
    process = await started(tmp_path)
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    assert "HTTP_ADDRESS is not set" in said.decode()
