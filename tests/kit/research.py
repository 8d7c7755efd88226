"""Services whose setups keep their files, as sweeps need them; a sweep's command and its end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from flows import control
from flows.services import Services
from pipeline.domain.request import Actor, Channel, Run
from storage.memory_setups import MemorySetupStore
from tests.kit.plain_services import NOW, plain_services
from tests.kit.setups import TEXTS

CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
PERIOD = "EURUSD M5 2025-05-05..2025-05-30"
SWEEP = f"/sweep Asia_sweep_engulf_v1 {PERIOD} rr=1..3/1 buffer_atr=0..0.4/0.1 min_trades=5"
WALK = f"/walkforward Asia_sweep_engulf_v1 {PERIOD} rr=1..3/1 min_trades=2 in=10d out=4d"


@asynccontextmanager
async def research_services(home: Path, **given: Any) -> AsyncIterator[Services]:
    """Give plain services with the library's files."""
    async with plain_services(home, **given) as plain:
        setups = MemorySetupStore(TEXTS)
        await setups.sync(NOW)
        yield replace(plain, setups=setups)


async def ended(text: str, services: Services, actor: Actor = CHAT) -> Run:
    """Launch a command and return its run once it has ended."""
    run = await control.launch_text(text, actor, services)
    await services.launcher.wait(run.run_id)
    found = await services.runs.get(run.run_id)
    assert found is not None
    return found
