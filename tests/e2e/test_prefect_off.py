"""PREFECT=off with real processes: a run outlives kill -9, is told once; schedules and cancel."""

import asyncio
import os
import shutil
import signal
import sys
from contextlib import asynccontextmanager
from datetime import timedelta

import psutil
import pytest

from bot.sandbox.people import TRADER_ID
from flows.services import open_services
from flows.settings import Settings
from pipeline.domain.request import Actor, Channel, RunStatus
from tests.e2e.test_chat_process import environment
from tests.kit.chat import COMMAND
from tests.kit.sandbox import ROOT, running_sandbox, text_of
from tests.kit.schedules import MINUTE, schedule

LONG = 180
pytestmark = pytest.mark.timeout(420)  # computing processes start cold, maybe on a busy machine
ME = Actor(channel=Channel.TELEGRAM, user_id=TRADER_ID, chat_id=TRADER_ID)


@asynccontextmanager
async def process(module, env):
    found = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, cwd=ROOT, env=env, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield found
    finally:
        if found.returncode is None:
            found.terminate()
            await found.wait()


async def until(found, seconds=LONG):
    async with asyncio.timeout(seconds):
        while True:
            answer = await found()
            if answer:
                return answer
            await asyncio.sleep(0.02)


async def test_runs_outlive_the_process_and_schedules_are_kept(tmp_path, sample_home, capsys):
    home = tmp_path / "scout"
    shutil.copytree(sample_home, home)
    async with running_sandbox(tmp_path / "sandbox") as sandbox:
        compiled = {k: v for k, v in os.environ.items() if k == "NUMBA_CACHE_DIR"}
        env = {**environment(home, sandbox.url), **compiled, "PREFECT": "off"}
        settings = Settings(_env_file=None, scout_home=home, use_prefect=False)
        async with open_services(settings) as services:
            me = sandbox.person()

            async def newest(status):
                runs = await services.runs.newest(1)
                return runs[0] if runs and runs[0].status is status else None

            async def half_done():
                run = await newest(RunStatus.RUNNING)
                return run if run and any(t.status == "success" for t in run.tasks) else None

            async def whole_reports():
                return sum(text_of(m) == "The whole report" for m in await me.messages())

            async with process("bot", env) as bot:
                await me.send(COMMAND)
                run = await until(half_done)
                bot.send_signal(signal.SIGKILL)
                await bot.wait()
            assert (await services.runs.get(run.run_id)).status is RunStatus.RUNNING
            now = services.clock()
            soon = now - MINUTE + timedelta(seconds=5)
            await services.schedules.put(
                schedule("soon", actor=ME, interval_minutes=1, created_at=soon), now
            )
            async with process("bot", env) as bot, process("flows.scanner", env) as scanner:

                async def completed():
                    found = await services.runs.newest(5, status=RunStatus.COMPLETED)
                    return {one.run_id: one for one in found}.get(run.run_id)

                again = await until(completed)
                assert again.attempt == 2
                kept = {t.task: t.duration_sec for t in run.tasks if t.status == "success"}
                assert kept.items() <= {t.task: t.duration_sec for t in again.tasks}.items()

                async def fired():
                    return await services.schedules.fires("soon", outcome="launched")

                (fire, *_) = await until(fired)
                await services.schedules.set_paused("soon", services.clock(), paused=True)

                async def told():
                    return await whole_reports() == 2

                await until(told)
                memory = [memory_of(each.pid) for each in (bot, scanner)]
                scheduled = await services.runs.get(fire.run_id)
                assert scheduled.actor.channel is Channel.SCHEDULE

                await me.send(COMMAND)
                late = await until(lambda: newest(RunStatus.RUNNING))
                await me.send(f"/cancel {late.run_id}")
                await until(lambda: newest(RunStatus.CANCELLED))
            assert await whole_reports() == 2
            assert len(await services.runs.newest(10)) == 3
    with capsys.disabled():
        print(f"\nbot and scanner with what they compute in: {memory} MB")  # noqa: T201


def memory_of(pid):
    """Megabytes of their own, with those of the computing processes."""
    top = psutil.Process(pid)
    return round(sum(p.memory_full_info().pss for p in (top, *top.children(recursive=True))) / 1e6)
