"""Cooldowns: one suite over memory, Valkey with SQLite and Valkey with PostgreSQL.

Of any number of racers one alerts, whatever Redis remembers, has forgotten or makes up.
"""

import asyncio
import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from pipeline.domain.live import LIVE, AlertFor, DecisionKind
from pipeline.domain.market import Side, Timeframe
from storage.cooldown import Place, RedisCooldowns
from tests.kit.live_signals import CLOSE, hand_made
from tests.kit.servers import Valkey, free_port, running
from tests.kit.stores import Stores

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
QUARTER = 15 * MINUTE
ALERTS = (AlertFor(chat_id=1),)
SETUP, SYMBOL = "Frank_raid_v1", "EURUSD"
PLACE = Place(LIVE, SETUP, SYMBOL)
ROOT = Path(__file__).parents[2]


async def admit(store, draft, cooldown=QUARTER, alerts=ALERTS):
    return (await store.admit(draft, alerts, cooldown=cooldown, now=NOW)).record


def kinds(records) -> Counter[str]:
    return Counter(each.decision.decision.value for each in records)


@pytest.fixture
def own_valkey():
    with running(Valkey) as server:
        yield server


@pytest.fixture
async def mortal_stores(store_url, tmp_path, own_valkey):
    """Stores with a Valkey of their own, which the test may kill and flush."""
    if store_url is None:
        pytest.skip("memory has no Redis")
    made = Stores(store_url, tmp_path, own_valkey.url)
    yield made
    await made.close()


class TestByTheClose:
    async def test_silent_for_a_quarter_then_not(self, live_stores):
        store = live_stores.signals()
        first = await admit(store, hand_made())
        for minutes, kind in (
            (1, "suppressed"),
            (14, "suppressed"),
            (15, "approved"),
            (29, "suppressed"),
        ):
            record = await admit(live_stores.signals(), hand_made(CLOSE + minutes * MINUTE))
            assert record.decision.decision.value == kind, minutes
        assert await live_stores.outbox().pending() == 2
        early = (await store.between(LIVE, CLOSE + MINUTE, CLOSE + 2 * MINUTE))[0].decision
        assert early.reasons[-1] == f"cooldown until 09:15 UTC after {first.signal_id}"
        assert early.dominant_source == "cooldown"

    async def test_longer_bars_and_the_other_side_keep_still_too(self, live_stores):
        store = live_stores.signals()
        await admit(store, hand_made())
        for other in (hand_made(tf=Timeframe.M15), hand_made(side=Side.SHORT)):
            assert (await admit(store, other)).decision.decision is DecisionKind.SUPPRESSED

    async def test_other_setups_symbols_and_replays_speak(self, live_stores):
        store = live_stores.signals()
        drafts = [
            hand_made(),
            hand_made(symbol="GER40"),
            hand_made(setup_id="b"),
            hand_made(origin="live_9"),
        ]
        assert kinds([await admit(store, each) for each in drafts]) == {"approved": 4}

    async def test_a_cooldown_of_zero_never_silences(self, live_stores):
        store = live_stores.signals()
        await admit(store, hand_made())
        record = await admit(store, hand_made(CLOSE + MINUTE), timedelta(0))
        assert record.decision.decision is DecisionKind.APPROVED
        assert await live_stores.outbox().pending() == 2

    async def test_one_that_was_suppressed_prolongs_nothing(self, live_stores):
        store = live_stores.signals()
        await admit(store, hand_made())
        await admit(store, hand_made(CLOSE + 14 * MINUTE))
        record = await admit(store, hand_made(CLOSE + 15 * MINUTE))
        assert record.decision.decision is DecisionKind.APPROVED

    async def test_the_hint(self, live_stores):
        store = live_stores.signals()
        record = await admit(store, hand_made())
        assert await store.cooling(SETUP, SYMBOL, LIVE, CLOSE + 14 * MINUTE) == record.key
        assert await live_stores.signals().cooling(SETUP, SYMBOL, LIVE, CLOSE) == record.key
        for place in ((SETUP, SYMBOL, LIVE, CLOSE + QUARTER), (SETUP, "GER40", LIVE, CLOSE),
                      ("b", SYMBOL, LIVE, CLOSE), (SETUP, SYMBOL, "live_9", CLOSE)):  # fmt: skip
            assert await store.cooling(*place) == ""


class TestGivenBack:
    async def test_once_nobody_has_or_will_have_the_alert(self, live_stores):
        store = live_stores.signals()
        alerts = AlertFor(chat_id=1), AlertFor(chat_id=2), AlertFor(chat_id=3, held="hour")
        record = await admit(store, hand_made(), alerts=alerts)
        name = record.signal_id
        assert [await store.undelivered(name, chat, NOW) for chat in (1, 2)] == [False, False]
        assert await store.cooling(SETUP, SYMBOL, LIVE, CLOSE) == record.key
        assert await store.undelivered(name, 3, NOW)
        assert not await store.undelivered(name, 3, NOW)
        assert await live_stores.signals().cooling(SETUP, SYMBOL, LIVE, CLOSE) == ""
        after = await admit(live_stores.signals(), hand_made(CLOSE + MINUTE))
        assert after.decision.decision is DecisionKind.APPROVED

    async def test_not_while_one_chat_has_it(self, live_stores):
        store = live_stores.signals()
        record = await admit(store, hand_made(), alerts=(*ALERTS, AlertFor(chat_id=2)))
        await store.accepted(record.signal_id, 2, 70, NOW)
        assert not await store.undelivered(record.signal_id, 1, NOW)
        assert await store.cooling(SETUP, SYMBOL, LIVE, CLOSE) == record.key

    async def test_anothers_is_left_alone(self, live_stores):
        store = live_stores.signals()
        old = await admit(store, hand_made())
        new = await admit(store, hand_made(CLOSE + QUARTER))
        assert not await store.undelivered(old.signal_id, 1, NOW)
        assert await store.cooling(SETUP, SYMBOL, LIVE, CLOSE + QUARTER) == new.key


class TestRacers:
    async def test_of_forty_one_alerts(self, live_stores):
        stores = [live_stores.signals() for _ in range(4)]
        drafts = [hand_made(CLOSE + n * timedelta(seconds=1)) for n in range(40)]
        got = await asyncio.gather(*(admit(stores[n % 4], d) for n, d in enumerate(drafts)))
        assert kinds(got) == {"approved": 1, "suppressed": 39}
        assert await live_stores.outbox().pending() == 1

    async def test_after_redis_was_emptied(self, mortal_stores, own_valkey):
        await admit(mortal_stores.signals(), hand_made())
        await _flush(own_valkey)
        stores = [mortal_stores.signals() for _ in range(4)]
        drafts = [hand_made(CLOSE + (n + 1) * timedelta(seconds=1)) for n in range(12)]
        got = await asyncio.gather(*(admit(stores[n % 4], d) for n, d in enumerate(drafts)))
        assert kinds(got) == {"suppressed": 12}

    async def test_with_redis_killed_and_back(self, mortal_stores, own_valkey):
        store = mortal_stores.signals()
        await admit(store, hand_made())
        own_valkey.stop()
        for cycle in range(2):
            late = CLOSE + cycle * QUARTER + MINUTE
            assert (
                await admit(store, hand_made(late))
            ).decision.decision is DecisionKind.SUPPRESSED
            assert await store.cooling(SETUP, SYMBOL, LIVE, late) != ""
            fresh = hand_made(CLOSE + (cycle + 1) * QUARTER)
            assert (await admit(store, fresh)).decision.decision is DecisionKind.APPROVED
            own_valkey.start()
        own_valkey.stop()
        assert await mortal_stores.outbox().pending() == 3

    async def test_over_processes_while_redis_is_flushed_and_killed(
        self, mortal_stores, own_valkey
    ):
        """Four processes race for each of 24 closes, all on one symbol, 20 minutes apart."""
        racers = [await _racer(mortal_stores, f"M{n}", 24) for n in ("1", "5", "15", "60")]
        for each in racers:
            assert (await each.stdout.readline()).strip() == b"ready"
        for each in racers:
            each.stdin.write(b"go\n")
        for how in ("flush", "stop", "start", "flush", "stop", "start"):
            await asyncio.sleep(0.1)
            if how == "flush":
                await _flush(own_valkey)
            else:
                getattr(own_valkey, how)()
        said = [(await each.communicate())[0].splitlines()[-1] for each in racers]
        assert [each.returncode for each in racers] == [0] * 4
        found = [pair for one in said for pair in json.loads(one)]
        per_close = Counter(close for close, kind in found if kind == "approved")
        assert per_close == dict.fromkeys(range(24), 1)
        assert await mortal_stores.outbox().pending() == 24
        records = await mortal_stores.signals().newest(200)
        assert kinds(records) == {"approved": 24, "suppressed": 72}
        assert sorted(r.signal_id for r in records) == sorted(
            f"sig_live_{n:03d}" for n in range(1, 97)
        )


class TestRedisIsAHint:
    async def test_what_it_makes_up_burns_nothing(self, mortal_stores, own_valkey):
        """As if a process had claimed there and died before its commit."""
        async with Redis.from_url(own_valkey.url) as redis:
            ever = f"{2_000_000_000_000} nobody".encode()
            await redis.set(f"scout:cooldown:{LIVE}|{SETUP}|{SYMBOL}", ever)
            await redis.set(f"scout:cooldown:{LIVE}|{SETUP}|GER40", b"garbage \xff")
        store = mortal_stores.signals()
        for symbol in (SYMBOL, "GER40"):
            assert await store.cooling(SETUP, symbol, LIVE, CLOSE) == ""
            record = await admit(store, hand_made(symbol=symbol))
            assert record.decision.decision is DecisionKind.APPROVED

    async def test_it_remembers_the_later_one_for_a_cooldowns_length(self, own_valkey):
        hint = RedisCooldowns(own_valkey.url)
        first, second = hand_made(), hand_made(CLOSE + QUARTER)
        assert await hint.free(PLACE, CLOSE)
        await hint.note(second, QUARTER)
        await hint.note(first, QUARTER)
        assert not await hint.free(PLACE, CLOSE + 29 * MINUTE)
        assert await hint.free(PLACE, CLOSE + 30 * MINUTE)
        async with Redis.from_url(own_valkey.url) as redis:
            [key] = await redis.keys("*")
            assert 0 < await redis.pttl(key) <= QUARTER // timedelta(milliseconds=1)
            assert (await redis.get(key)).decode().endswith(f" {second.key}")
        await hint.forget(first)
        assert not await hint.free(PLACE, CLOSE)
        await hint.forget(second)
        assert await hint.free(PLACE, CLOSE)
        await hint.close()

    async def test_given_back_there_too(self, mortal_stores, own_valkey):
        store = mortal_stores.signals()
        record = await admit(store, hand_made())
        await store.undelivered(record.signal_id, 1, NOW)
        assert await mortal_stores.hint().free(PLACE, CLOSE)

    async def test_a_dead_one_is_left_alone_for_a_while(self):
        seconds = [0.0]
        asked = []

        async def never_answers(reader, writer):
            asked.append(seconds[0])
            await reader.read()
            writer.close()

        server = await asyncio.start_server(never_answers, "127.0.0.1", port := free_port())
        hint = RedisCooldowns(f"redis://127.0.0.1:{port}/0", seconds=lambda: seconds[0])
        for moment in (0.0, 1.0, 4.9, 6.0, 7.0):
            seconds[0] = moment
            assert not await hint.free(PLACE, CLOSE)
            await hint.note(hand_made(), QUARTER)
            await hint.forget(hand_made())
        assert set(asked) == {0.0, 6.0}
        await hint.close()
        server.close()


async def _flush(server: Valkey) -> None:
    async with Redis.from_url(server.url) as redis:
        await redis.flushall()


async def _racer(stores: Stores, tf: str, closes: int) -> asyncio.subprocess.Process:
    name = {"M60": "H1"}.get(tf, tf)
    words = sys.executable, "-m", "tests.kit.signal_worker", "race", stores.url, stores.redis_url
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *words, name, str(closes), cwd=ROOT, stdin=pipe, stdout=pipe
    )
