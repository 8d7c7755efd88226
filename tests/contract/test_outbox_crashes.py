"""Outbox under crashes: nothing lost, order holds, a repeat only of what was sent but not acked."""

import asyncio
import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.domain.report import DeliveryKind

NOW = datetime(2025, 10, 31, 10, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
ROOT = Path(__file__).parents[2]


class Chat:
    """What people see, and which sends were never acked."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, str, int]] = []
        self.not_acked: Counter[tuple[int, str, int]] = Counter()


class World:
    """A clock that workers move, and dice that decide where a worker dies."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now = NOW
        self.crashes = 0

    def dies(self) -> bool:
        dead = self.rng.random() < 0.08
        self.crashes += dead
        return dead


async def work(world: World, outbox, chat: Chat) -> None:
    """Drain until empty or dead; one that dies drops what it held, as a killed process does."""
    while await outbox.pending():
        await asyncio.sleep(0)
        world.now += timedelta(seconds=1)
        if world.dies():
            return
        for delivery in await outbox.claim(world.now, lease=LEASE, limit=2):
            message = (delivery.chat_id, delivery.dedupe_key, delivery.payload["n"])
            if world.dies():
                return
            if world.rng.random() < 0.1:
                await outbox.retry(delivery.id, world.now + timedelta(seconds=3), "429")
                continue
            chat.sent.append(message)
            await asyncio.sleep(0)
            if world.dies():
                chat.not_acked[message] += 1
                return
            await outbox.ack(delivery.id, world.now, [len(chat.sent)])


@pytest.mark.parametrize("seed", range(2))
async def test_crashes_at_every_step(stores, seed):
    world, chat, putter = World(seed), Chat(), stores.outbox()
    workers = [stores.outbox() for _ in range(3)]
    for n in range(60):
        payload = {"n": n}
        await putter.put(n % 5, DeliveryKind.REPORT, payload, dedupe_key=f"k{n}", now=NOW)
    while await putter.pending():
        await asyncio.gather(*(work(world, each, chat) for each in workers))
    assert world.crashes > 3
    counts = Counter(chat.sent)
    assert len(counts) == 60
    assert {key: n - 1 for key, n in counts.items() if n > 1} == dict(chat.not_acked)
    for number in range(5):
        mine = [n for c, _, n in chat.sent if c == number]
        assert mine == sorted(mine)


@pytest.mark.parametrize("seed", range(2))
async def test_the_last_progress_always_arrives(stores, seed):
    world, chat, putter = World(seed + 100), Chat(), stores.outbox()
    workers = [stores.outbox() for _ in range(2)]

    async def report_progress() -> None:
        for n in range(25):
            payload = {"n": n, "final": n == 24}
            await putter.put(1, DeliveryKind.PROGRESS, payload, dedupe_key="p", now=world.now)
            await asyncio.sleep(0.001 * world.rng.random())

    flow = asyncio.create_task(report_progress())
    while not flow.done() or await putter.pending():
        await asyncio.gather(*(work(world, each, chat) for each in workers))
        await asyncio.sleep(0)
    seen = [n for _, _, n in chat.sent]
    assert seen[-1] == 24
    assert seen == sorted(seen)


@pytest.mark.parametrize("seed", range(2))
async def test_alerts_and_their_last_edits_always_arrive(stores, seed):
    """Alerts and reports of two chats; each alert is owed again up to four times meanwhile."""
    world, chat, putter = World(seed + 200), Chat(), stores.outbox()
    workers = [stores.outbox() for _ in range(3)]

    async def owe(key: str, kind: DeliveryKind, n: int) -> None:
        number = int(key[1:]) % 2
        await putter.put(number, kind, {"n": n}, dedupe_key=key, now=world.now)

    async def live_on() -> None:
        for n in range(5):
            for each in range(8):
                await owe(f"a{each}", DeliveryKind.ALERT, n)
                await owe(f"r{8 * n + each}", DeliveryKind.REPORT, n)
            await asyncio.sleep(0.002 * world.rng.random())

    flow = asyncio.create_task(live_on())
    while not flow.done() or await putter.pending():
        await asyncio.gather(*(work(world, each, chat) for each in workers))
        await asyncio.sleep(0)
    for message, times in Counter(chat.sent).items():
        assert times - 1 <= chat.not_acked[message]
    for each in range(8):
        seen = [n for _, key, n in chat.sent if key == f"a{each}"]
        assert seen == sorted(seen)
        assert seen[-1] == 4
    assert len({key for _, key, _ in chat.sent}) == 48


async def test_a_process_killed_at_any_moment(stores, store_url, tmp_path):
    if store_url is None:
        pytest.skip("memory dies with its process")
    outbox, file = stores.outbox(), tmp_path / "chat.txt"
    file.touch()
    for n in range(40):
        await outbox.put(n % 2, DeliveryKind.REPORT, {"n": n}, dedupe_key=f"k{n}", now=NOW)
    kills = 0
    for until in (9, 24, None):
        command = sys.executable, "-m", "tests.kit.outbox_worker", store_url, str(file), "0.4"
        worker = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
        kills += await _watch(worker, file, until)
    lines = [line.split() for line in file.read_text().splitlines()]
    counts = Counter(key for _, key, _ in lines)
    assert len(counts) == 40
    assert sum(counts.values()) - 40 <= kills
    for chat in "01":
        mine = [int(n) for c, _, n in lines if c == chat]
        assert mine == sorted(mine)
    assert await outbox.pending() == 0


async def _watch(worker: asyncio.subprocess.Process, file: Path, until: int | None) -> bool:
    """Kill the worker once it has sent `until` messages; whether it was killed."""
    async with asyncio.timeout(40):
        while until is not None and worker.returncode is None:
            if _lines(file) >= until:
                worker.kill()
                await worker.wait()
                return True
            await asyncio.sleep(0.003)
        assert await worker.wait() == 0
    return False


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n")
