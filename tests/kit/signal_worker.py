"""A process that works on live signals beside others, or dies at a chosen step.

`race URL REDIS TIMEFRAME CLOSES`: admit a signal of that timeframe at each close, said "go" to;
print what became of each.

`die URL REDIS WHAT`: for n = 0, 1, 2 … in a forked process of its own, do WHAT to the n-th signal
and die at the n-th step (a statement, a commit, what follows it); print how many died before one
came through.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from pipeline.domain.label import Label
from pipeline.domain.live import AlertFor, Answer, Life, LifeState, Paper
from pipeline.domain.market import Timeframe
from pipeline.domain.trade import ExitReason, Missed
from storage.cooldown import RedisCooldowns
from storage.database import open_database
from storage.signals import SqlSignalStore
from tests.kit.dying import die, die_at
from tests.kit.live_signals import CLOSE, hand_made

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
CHATS = (AlertFor(chat_id=1), AlertFor(chat_id=2), AlertFor(chat_id=3, held="quiet"))


def draft_of(n: int):
    """The n-th signal: each on a symbol of its own."""
    return hand_made(symbol=f"S{n:02d}")


def end_of(n: int) -> Life:
    """How the n-th signal ended."""
    at = CLOSE + QUARTER
    missed = Missed(signal_id=f"{n}", reason=ExitReason.EXPIRED, at=at)
    return Life(state=LifeState.EXPIRED, as_of=at, missed=missed)


async def admit(store: SqlSignalStore, n: int) -> bool:
    got = await store.admit(draft_of(n), CHATS, cooldown=QUARTER, now=NOW)
    return got.fresh


async def end(store: SqlSignalStore, n: int) -> bool:
    record = await record_of(store, n)
    s = record.signal
    label = Label(
        source=record.origin, signal_id=record.signal_id, setup_id=s.setup_id,
        rule_version=s.rule_version, symbol=s.symbol, tf=s.tf, side=s.side.value,
        known_at=s.known_at, resolved_at=CLOSE + QUARTER, label=None, rr=None,
        exit_reason="EXPIRED", confidence=s.confidence,
    )  # fmt: skip
    return await store.live_on(record.signal_id, end_of(n), reply={"n": n}, label=label, now=NOW)


async def answer(store: SqlSignalStore, n: int) -> bool:
    record = await record_of(store, n)
    said = Answer(choice="approved", user_id=n, name="", at=NOW)
    paper = Paper(plan=record.plan)
    _, first = await store.answer(record.signal_id, record.ticket, said, paper=paper, now=NOW)
    return first


async def digest(store: SqlSignalStore, n: int) -> bool:
    record = await record_of(store, n)
    mine = [held for held in await store.held(NOW) if held.signal_id == record.signal_id]
    return await store.digest(3, mine, NOW)


async def undelivered(store: SqlSignalStore, n: int) -> bool:
    record = await record_of(store, n)
    return any([await store.undelivered(record.signal_id, chat.chat_id, NOW) for chat in CHATS])


async def record_of(store: SqlSignalStore, n: int):
    kept = await store.newest(1000)
    return next(each for each in kept if each.signal.symbol == f"S{n:02d}")


DEEDS: dict[str, Callable[[SqlSignalStore, int], Awaitable[bool]]] = {
    deed.__name__: deed for deed in (admit, end, answer, digest, undelivered)
}


class Mortal(RedisCooldowns):
    """Redis's hint, each call of which is a step as well."""

    step: Callable[..., None]

    async def note(self, record, cooldown) -> None:
        self.step()
        await super().note(record, cooldown)
        self.step()

    async def forget(self, record) -> None:
        self.step()
        await super().forget(record)
        self.step()


async def once(url: str, redis_url: str, what: str, n: int) -> None:
    database, redis = open_database(url), Mortal(redis_url)
    redis.step = die_at(database, n)
    await DEEDS[what](SqlSignalStore(database.engine, redis), n)
    os._exit(0)


async def race(url: str, redis_url: str, tf: str, closes: str) -> None:
    database = open_database(url)
    store = SqlSignalStore(database.engine, RedisCooldowns(redis_url))
    await store.newest(1)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    said = []
    for n in range(int(closes)):
        draft = hand_made(CLOSE + n * timedelta(minutes=20), tf=Timeframe(tf))
        await store.cooling("Frank_raid_v1", "EURUSD", draft.origin, draft.signal.known_at)
        got = await store.admit(draft, CHATS[:1], cooldown=QUARTER, now=NOW)
        said.append((n, got.record.decision.decision.value))
        await asyncio.sleep(0.01)
    sys.stdout.write(json.dumps(said))
    await database.close()


if __name__ == "__main__":
    if sys.argv[1] == "race":
        asyncio.run(race(*sys.argv[2:]))
    else:
        die(partial(once, *sys.argv[2:]))
