"""`python -m bot` as a user starts it: answers, stays small, ends in order on SIGTERM."""

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

import psutil

from bot.sandbox.people import TRADER_ID
from bot.texts import en
from tests.kit.sandbox import ROOT, TOKEN, running_sandbox, text_of

MOST_MEGABYTES = 250  # its own; libraries mapped from files are shared with the worker


def environment(home: Path, base: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "PYTHONPATH")}
    return kept | {
        "SCOUT_HOME": str(home),
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_API_BASE": base,
        "OWNER_IDS": str(TRADER_ID),
    }


async def test_the_process_answers_stays_small_and_drains(tmp_path: Path, sample_home: Path):
    shutil.copytree(sample_home, tmp_path / "scout")
    async with running_sandbox(tmp_path / "sandbox") as sandbox:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", cwd=ROOT, env=environment(tmp_path / "scout", sandbox.url)
        )
        try:
            me = sandbox.person()
            await me.send("/help")
            await me.wait_for(lambda m: en.HELLO in text_of(m), 40)
            memory = psutil.Process(process.pid).memory_full_info().uss / 1e6
            await sandbox.fault("delay", "sendMessage", seconds=1.0)
            sent = await me.send("/whoami")
            await sandbox.all_struck()
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 15) == 0
            await me.wait_for(lambda m: "owner" in text_of(m), after=sent["message_id"])
            assert memory < MOST_MEGABYTES
        finally:
            if process.returncode is None:
                process.kill()


async def test_without_a_token_it_says_so(tmp_path: Path):
    env = environment(tmp_path, "http://127.0.0.1:9")
    del env["TELEGRAM_BOT_TOKEN"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", cwd=ROOT, env=env, stderr=asyncio.subprocess.PIPE
    )
    _, stderr = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 2
    assert b"TELEGRAM_BOT_TOKEN" in stderr
