"""Kill the bot that polls while people type: when does the other answer; is all of it answered once?

python -m bench.two_bots [kills]
"""

import asyncio
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bot.sandbox.people import TRADER_ID
from storage.database import migrate
from tests.chaos.processes import Ours
from tests.kit.sandbox import TOKEN, running_sandbox, text_of
from tests.kit.servers import Postgres, Valkey, running

BURST = 5  # commands before a kill, and after it


async def main(kills: int) -> None:
    home = Path(tempfile.mkdtemp(prefix="scout-bots-"))
    with running(Postgres) as postgres, running(Valkey) as valkey:
        await migrate(postgres.url("scout"))
        async with running_sandbox(home / "sandbox") as sandbox:
            env = {
                "DATABASE_URL": postgres.url("scout"), "REDIS_URL": valkey.url,
                "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_BASE": sandbox.url,
                "OWNER_IDS": str(TRADER_ID), "USE_PREFECT": "false", "LOG_FORMAT": "json",
            }  # fmt: skip
            bots = [await a_bot(name, home, env) for name in ("one", "two")]
            person, took = sandbox.person(), []
            for number in range(kills):
                took.append(await a_kill(bots, person, 2 * BURST * number))
                print(f"the other answers after {took[-1]:.1f} s", flush=True)
            await asyncio.sleep(8)
            asked, told = 2 * BURST * kills, await answers(person)
            print(f"{asked} commands, {told} answers; takeover median "
                  f"{statistics.median(took):.1f} s, worst {max(took):.1f} s")  # fmt: skip
            for bot in bots:
                bot.stop()


async def a_bot(name, home, env) -> Ours:
    (home / name).mkdir()
    bot = Ours(name, "bot", home / name, {**env, "SCOUT_HOME": str(home / name)})
    bot.start()
    await asyncio.to_thread(bot.wait)
    await asyncio.sleep(3)
    return bot


async def a_kill(bots, person, before) -> float:
    """Ask, kill who polls in the middle, ask on; return when the first later one is answered."""
    polling = max(bots, key=lambda bot: last_turn(bot.log))
    await ask(person)
    polling.kill()
    killed = time.monotonic()
    await ask(person)
    while await answers(person) <= before + BURST:
        await asyncio.sleep(0.1)
    took = time.monotonic() - killed
    polling.start()
    await asyncio.to_thread(polling.wait)
    while await answers(person) < before + 2 * BURST:
        await asyncio.sleep(0.1)
    return took


async def ask(person) -> None:
    for _ in range(BURST):
        await person.send("/status bt_2020_01_01_001")
        await asyncio.sleep(0.3)


async def answers(person) -> int:
    return sum("No such run" in text_of(message) for message in await person.messages())


def last_turn(log: str) -> str:
    lines = [line for line in log.splitlines() if '"turn_taken"' in line]
    return re.findall(r'"timestamp": "([^"]+)"', lines[-1])[0] if lines else ""


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
