"""The whole way through the chat: the set as `make run` starts it, a person, a stop-watch."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from bench.compute import DATA
from bench.timing import median
from tests.kit.sandbox import Person, text_of
from tests.kit.whole_set import WholeSet, whole_set

COMMAND = "/backtest Frank_raid_v1 EURUSD M1 2024"
QUICK = (
    "/help",
    "/data",
    "/runs",
    "/setups",
    "/status",
    "/whoami",
    "/backtest Frank_raid EURUSD 2024",
)
TYPING = 1.2
MEGABYTE = 1024 * 1024


async def import_year(person: Person) -> None:
    """Send both halves of the year to the bot, as a user would."""
    for name in ("eurusd_m1_histdata_2024H1", "eurusd_m1_histdata_2024H2"):
        content = (DATA / f"{name}.parquet").read_bytes()
        sent = await person.upload(f"{name}.parquet", content)
        await person.wait_for(
            lambda m: ("EURUSD" in text_of(m) and "184" in text_of(m)) or "187" in text_of(m),
            60,
            after=sent["message_id"],
        )


async def one_backtest(person: Person) -> float:
    """Seconds from the command to the last message of its report."""
    start = time.perf_counter()
    sent = await person.send(COMMAND)
    after = sent["message_id"]

    def complete(messages: list[dict[str, Any]]) -> bool:
        new = [m for m in messages if m["message_id"] > after]
        return sum("document" in m for m in new) >= 2 and sum("photo" in m for m in new) >= 3

    await person.wait_until(complete, 90)
    return time.perf_counter() - start


async def first_reaction(person: Person, text: str) -> float:
    """Seconds until the bot answers, at the pace of a quick typist.

    A faster one meets Telegram's own limit of a message a second and chat.
    """
    await asyncio.sleep(TYPING)
    start = time.perf_counter()
    sent = await person.send(text)
    await person.wait_for(lambda _: True, 20, after=sent["message_id"])
    return time.perf_counter() - start


def tree_megabytes(pid: int) -> float:
    """Memory of a process and its children, shared pages counted once (PSS)."""
    root = psutil.Process(pid)
    return sum(p.memory_full_info().pss for p in [root, *root.children(recursive=True)]) / MEGABYTE


def memory(running: WholeSet) -> dict[str, Any]:
    """What the parts hold after the runs."""
    limits = {"bot": 250, "worker": 600}
    found: dict[str, Any] = {
        f"{part}_memory_mb": {
            "value": tree_megabytes(running.pid(part)),
            "unit": "MB",
            "limit": limit,
            "peers": {},
        }
        for part, limit in limits.items()
    }
    whole = tree_megabytes(running.process.pid)
    found["whole_set_memory_mb"] = {"value": whole, "unit": "MB", "limit": 1600, "peers": {}}
    return found


async def measure() -> dict[str, Any]:
    """Return the figures of this part, in the shape of results.json."""
    with tempfile.TemporaryDirectory() as name:
        async with whole_set(Path(name) / "home") as running:
            await running.says("Setup Scout is up", 240)
            person = await running.person()
            await import_year(person)
            first = await one_backtest(person)
            warm = [await one_backtest(person) for _ in range(3)]
            reactions = [await first_reaction(person, text) for text in QUICK for _ in range(3)]
            return {
                "backtest_eurusd_2024_s": {
                    "value": median(warm),
                    "unit": "s",
                    "limit": 10.0,
                    "peers": {},
                    "note": f"first {first:.1f} s, then {', '.join(f'{w:.1f}' for w in warm)}",
                },
                "first_reaction_s": {
                    "value": median(reactions),
                    "unit": "s",
                    "limit": 0.5,
                    "peers": {},
                    "note": f"worst {max(reactions):.2f} s of {len(reactions)}",
                },
                **memory(running),
            }
