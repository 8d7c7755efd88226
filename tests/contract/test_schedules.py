"""ScheduleStore: one suite over memory, SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

from pipeline.domain.request import Actor, Channel
from pipeline.domain.schedule import CLAIM_LASTS, Fire, Schedule

NOW = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ME = Actor(channel=Channel.TELEGRAM, user_id=7, chat_id=-1_001_234_567_890, name="Ann")


def schedule(name: str = "nightly", **fields) -> Schedule:
    words = {
        "flow_name": "backtest_flow", "cron": "30 22 * * mon-fri", "zone": "Europe/Berlin",
        "payload": {"text": "/backtest IB_raid_v1 last 30d"}, "actor": ME, "created_at": NOW,
    }  # fmt: skip
    return Schedule(name=name, **{**words, **fields})


def fire(due: datetime, outcome: str = "launched", name: str = "nightly", **fields) -> Fire:
    return Fire(schedule=name, due=due, at=due + MINUTE, outcome=outcome, **fields)


async def test_a_schedule_comes_back_whole(stores):
    kept = schedule(overlap="queue", catch_up="all", catch_up_hours=5, deployment="x")
    assert await stores.schedules().get("nightly") is None
    assert await stores.schedules().put(kept, NOW) is True
    assert await stores.schedules().get("nightly") == kept
    assert await stores.schedules().put(kept, NOW + DAY) is False
    assert await stores.schedules().all() == [kept]


async def test_all_come_by_name(stores):
    for name in ("b", "a", "B", "a-1"):
        await stores.schedules().put(schedule(name), NOW)
    assert [one.name for one in await stores.schedules().all()] == ["B", "a", "a-1", "b"]


async def test_a_replaced_one_counts_on_unless_its_times_changed(stores):
    store, later = stores.schedules(), NOW + DAY
    await store.put(schedule(), NOW)
    await store.note(fire(NOW))
    assert await store.put(schedule(overlap="queue", created_at=later), later) is True
    held = await store.get("nightly")
    assert (held.overlap, held.created_at, held.since) == ("queue", NOW, None)
    await store.put(schedule(cron="0 7 * * *"), later)
    held = await store.get("nightly")
    assert (held.cron, held.created_at, held.since) == ("0 7 * * *", NOW, later)
    assert [one.due for one in await store.fires("nightly")] == [NOW]


async def test_a_pause_stays_and_a_resumed_one_counts_anew(stores):
    store = stores.schedules()
    assert await store.set_paused("nightly", NOW, paused=True) is False
    await store.put(schedule(), NOW)
    assert await store.set_paused("nightly", NOW + DAY, paused=True) is True
    held = await stores.schedules().get("nightly")
    assert (held.paused, held.since) == (True, None)
    await store.set_paused("nightly", NOW + 2 * DAY, paused=False)
    await store.set_paused("nightly", NOW + 3 * DAY, paused=False)
    held = await stores.schedules().get("nightly")
    assert (held.paused, held.since) == (False, NOW + 2 * DAY)


async def test_a_removed_one_is_gone_with_its_times(stores):
    store = stores.schedules()
    for name in ("nightly", "other"):
        await store.put(schedule(name), NOW)
        await store.note(fire(NOW, name=name))
    assert await store.remove("nightly") is True
    assert await store.remove("nightly") is False
    assert await store.get("nightly") is None
    assert await store.fires("nightly") == []
    assert len(await store.fires("other")) == 1


async def test_of_twenty_that_claim_one_time_exactly_one_wins(stores):
    claimers = [stores.schedules() for _ in range(4)]
    for due in (NOW, NOW + DAY):
        won = await asyncio.gather(
            *(claimers[n % 4].claim("nightly", due, NOW) for n in range(20))
        )
        assert sorted(won) == [False] * 19 + [True]
    assert await claimers[0].claim("other", NOW, NOW) is True


async def test_what_became_of_a_time_is_written_once_it_is_known(stores):
    store = stores.schedules()
    assert await store.claim("nightly", NOW, NOW) is True
    assert [one.outcome for one in await store.fires("nightly")] == ["claimed"]
    told = fire(NOW, run_id="bt_1", reason="ä")
    await store.note(told)
    await store.note(fire(NOW - DAY, "missed"))
    assert await stores.schedules().fires("nightly") == [told, fire(NOW - DAY, "missed")]
    assert await store.fires("nightly", limit=1) == [told]
    assert await store.fires("nightly", 1, outcome="missed") == [fire(NOW - DAY, "missed")]
    assert await store.fires("nightly", outcome="skipped") == []


async def test_a_claim_of_which_nothing_became_is_free_again_for_one(stores):
    stores_ = [stores.schedules() for _ in range(3)]
    await stores_[0].claim("nightly", NOW, NOW)
    await stores_[0].claim("other", NOW - MINUTE, NOW)
    soon, later = NOW + CLAIM_LASTS - MINUTE, NOW + CLAIM_LASTS
    assert await stores_[0].unfinished(soon) == []
    assert await stores_[1].claim("nightly", NOW, soon) is False
    assert [one.schedule for one in await stores_[0].unfinished(later)] == ["other", "nightly"]
    won = await asyncio.gather(*(stores_[n % 3].claim("nightly", NOW, later) for n in range(9)))
    assert sum(won) == 1
    await stores_[0].note(fire(NOW))
    assert await stores_[0].claim("nightly", NOW, later + DAY) is False


async def test_one_that_waits_is_free_for_one(stores):
    store = stores.schedules()
    await store.claim("nightly", NOW, NOW)
    await store.note(fire(NOW, "waiting", reason="waits for bt_1"))
    assert [one.outcome for one in await store.unfinished(NOW)] == ["waiting"]
    won = await asyncio.gather(*(store.claim("nightly", NOW, NOW + MINUTE) for _ in range(9)))
    assert sum(won) == 1
    assert [one.outcome for one in await store.fires("nightly")] == ["claimed"]


async def test_old_times_are_forgotten_but_the_newest_of_each(stores):
    store = stores.schedules()
    for days in range(5):
        await store.note(fire(NOW + days * DAY))
    await store.note(fire(NOW - DAY, name="rare"))
    assert await store.forget_fires(NOW + 3 * DAY) == 3
    assert [one.due for one in await store.fires("nightly")] == [NOW + 4 * DAY, NOW + 3 * DAY]
    assert len(await store.fires("rare")) == 1
