"""Live signals under crashes: a process that dies at any step has done all of it or nothing."""

import asyncio
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.domain.live import LIVE, DecisionKind, LifeState
from pipeline.domain.report import DeliveryKind
from storage.signals import SqlSignalStore
from tests.kit.live_signals import CLOSE
from tests.kit.signal_worker import CHATS, DEEDS, NOW, QUARTER, admit, draft_of, record_of

ROOT = Path(__file__).parents[2]
SPARE = 60  # signals that are there before anything dies; more than any deed has steps


@pytest.fixture
def real_stores(live_stores):
    if live_stores.url is None:
        pytest.skip("memory dies with its process")
    return live_stores


async def die_at_every_step(stores, what: str) -> int:
    """Do `what` to one signal after the other, dying at one step later each; return the steps."""
    words = "-m", "tests.kit.signal_worker", "die", stores.url, stores.redis_url, what
    worker = await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(150):
        said, _ = await worker.communicate()
    assert worker.returncode == 0
    steps = int(said)
    assert 6 < steps < SPARE
    return steps


async def owed_by_symbol(stores) -> dict[str, Counter[DeliveryKind]]:
    """Return what is owed of each symbol's signal, each delivery sent and counted once."""
    store, outbox = stores.signals(), stores.outbox()
    symbols = {each.signal_id: each.signal.symbol for each in await store.newest(1000)}
    found: dict[str, Counter[DeliveryKind]] = {}
    while deliveries := await outbox.claim(NOW, lease=timedelta(minutes=1)):
        for each in deliveries:
            words = each.dedupe_key.split(":") if each.kind is not DeliveryKind.DIGEST else ()
            name = words[1] if words else each.payload["signal_ids"][0]
            found.setdefault(symbols[name], Counter())[each.kind] += 1
            await outbox.ack(each.id, NOW, [each.id])
    return found


async def test_admission(real_stores):
    steps = await die_at_every_step(real_stores, "admit")
    store = SqlSignalStore(real_stores.database().engine)  # Redis may not know yet
    kept = {each.signal.symbol for each in await store.newest(1000)}
    assert 1 < len(kept) < steps  # some died before the commit, some after it
    for n in range(steps + 1):
        symbol = f"S{n:02d}"
        cooling = await store.cooling("Frank_raid_v1", symbol, LIVE, CLOSE)
        assert bool(cooling) == (symbol in kept)
        assert await admit(store, n) == (symbol not in kept)
    owed = await owed_by_symbol(real_stores)
    assert owed == {f"S{n:02d}": Counter({DeliveryKind.ALERT: 2}) for n in range(steps + 1)}
    assert len(await store.held(NOW)) == steps + 1
    records = await store.newest(1000)
    assert {each.decision.decision for each in records} == {DecisionKind.APPROVED}
    names = sorted(each.signal_id for each in records)
    assert names == [f"sig_live_{n:03d}" for n in range(1, steps + 2)]


@pytest.fixture
async def with_signals(real_stores):
    """Stores with signals of which nothing is owed any more."""
    store = real_stores.signals()
    for n in range(SPARE):
        await store.admit(draft_of(n), CHATS, cooldown=QUARTER, now=NOW)
    await owed_by_symbol(real_stores)
    return real_stores


SHOWN = {
    "end": Counter({DeliveryKind.ALERT: 2, DeliveryKind.OUTCOME: 2}),
    "answer": Counter({DeliveryKind.ALERT: 2}),
    "digest": Counter({DeliveryKind.DIGEST: 1}),
}


@pytest.mark.parametrize("what", SHOWN)
async def test_what_follows_is_done_once_and_told_once(with_signals, what):
    steps = await die_at_every_step(with_signals, what)
    store = with_signals.signals()
    done = {n for n in range(steps + 1) if await _is_done(store, what, n)}
    assert 1 < len(done) < steps
    labels = {each.symbol for each in await store.labels()}
    assert labels == ({f"S{n:02d}" for n in done} if what == "end" else set())
    assert await owed_by_symbol(with_signals) == {f"S{n:02d}": SHOWN[what] for n in done}
    for n in range(steps + 1):
        assert await DEEDS[what](store, n) == (n not in done)
    missed = {f"S{n:02d}": SHOWN[what] for n in range(steps + 1) if n not in done}
    assert await owed_by_symbol(with_signals) == missed


async def _is_done(store, what: str, n: int) -> bool:
    record = await record_of(store, n)
    if what == "end":
        return record.life.state is LifeState.EXPIRED
    if what == "answer":
        assert (record.answer is None) == (record.paper is None)
        return record.answer is not None
    return record.signal_id not in {held.signal_id for held in await store.held(NOW)}


async def test_a_cooldown_is_given_back_by_who_comes_after(with_signals):
    steps = await die_at_every_step(with_signals, "undelivered")
    store = with_signals.signals()
    for n in range(steps + 1):
        await DEEDS["undelivered"](store, n)
        assert await store.cooling("Frank_raid_v1", f"S{n:02d}", LIVE, CLOSE) == ""
