"""WatchStore: one suite over memory, SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

from pipeline.domain.live import Gate
from pipeline.domain.market import Timeframe
from pipeline.domain.watch import LiveRules, Mute, Quiet, Watch

NOW = datetime(2025, 10, 31, 10, 0, tzinfo=UTC)
FULL = Watch(
    chat_id=-1_001_234_567_890,
    on=False,
    symbols=("GER40", "EURUSD"),
    timeframes=(Timeframe.M5, Timeframe.H1),
    setups=("Frank_raid_v1",),
    zone="America/New_York",
    quiet=Quiet(start="22:00", end="07:00"),
    sound={"approved": "silent", "review": "off", "outcome": "loud"},
    muted={"IB_raid_v1": Mute(until=NOW + timedelta(hours=1)), "Asia_fvg_break_v2": Mute()},
    max_per_hour=3,
    max_per_minute=7,
    weekend=True,
    heartbeat="08:00",
)


async def test_a_chat_that_never_asked_has_no_wishes(stores):
    assert await stores.watches().get(1) is None
    assert await stores.watches().everyone() == []


async def test_wishes_come_back_whole_and_the_newest_count(stores):
    await stores.watches().put(FULL, NOW)
    assert await stores.watches().get(FULL.chat_id) == FULL
    changed = FULL.model_copy(update={"on": True, "muted": {}})
    await stores.watches().put(changed, NOW)
    assert await stores.watches().get(FULL.chat_id) == changed


async def test_everyone_by_chat(stores):
    watches = stores.watches()
    for chat in (5, FULL.chat_id, 2):
        await watches.put(Watch(chat_id=chat), NOW)
    assert [each.chat_id for each in await stores.watches().everyone()] == [FULL.chat_id, 2, 5]


async def test_rules_are_the_defaults_until_somebody_sets_them(stores):
    watches = stores.watches()
    assert await watches.rules() == LiveRules()
    rules = LiveRules(gates={"": Gate(min_confidence=0.8)}, cooldown_minutes=0)
    await watches.put_rules(rules, NOW)
    assert await stores.watches().rules() == rules
    assert await watches.everyone() == []


async def test_what_is_kept_shares_nothing_with_the_callers(stores):
    watches, muted = stores.watches(), {"a": Mute()}
    await watches.put(Watch(chat_id=1, muted=muted), NOW)
    muted["b"] = Mute()
    assert set((await watches.get(1)).muted) == {"a"}


async def test_many_at_once(stores):
    watches = [stores.watches() for _ in range(3)]
    await asyncio.gather(*(watches[n % 3].put(Watch(chat_id=n % 4 + 1), NOW) for n in range(20)))
    assert len(await stores.watches().everyone()) == 4
