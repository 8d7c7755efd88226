"""Wishes kept per chat, rules for all, and the trail of both."""

import asyncio
from dataclasses import replace

import pytest

from flows.watching import change_rules, change_watch, move_watch, watch_of
from pipeline.domain.errors import BadRequestError
from pipeline.domain.live import Gate
from pipeline.domain.request import Actor, Channel
from pipeline.domain.watch import Watch
from pipeline.live.wishes import MuteSetup, SetGate, SetLimits, SetSound, SwitchOn
from storage.memory import MemoryWatchStore
from tests.kit.plain_services import plain_services

ME = Actor(channel=Channel.TELEGRAM, user_id=5, chat_id=1, name="Me")


async def test_a_chat_begins_off_in_the_installations_zone(tmp_path):
    async with plain_services(tmp_path, timezone="Asia/Kolkata") as services:
        assert await watch_of(1, services) == Watch(chat_id=1, on=False, zone="Asia/Kolkata")
        assert await services.watches.everyone() == []


async def test_changes_are_kept_and_in_the_trail(tmp_path):
    async with plain_services(tmp_path) as services:
        await change_watch(1, SwitchOn(), ME, services)
        changed = await change_watch(1, SetLimits(hour=20), ME, services)
        assert (changed.on, changed.max_per_hour) == (True, 20)
        assert await services.watches.get(1) == changed
        assert await services.watches.get(2) is None
        rules = await change_rules(SetGate("a", min_confidence=0.6), ME, services)
        assert (await services.watches.rules()).gate("a") == Gate(min_confidence=0.6) == rules.gate("a")  # fmt: skip
        newest = (await services.audit.newest(3))[::-1]
        assert [e.what["wish"] for e in newest] == ["SwitchOn", "SetLimits", "SetGate"]
        assert newest[1].what == {"wish": "SetLimits", "chat_id": 1, "hour": 20, "minute": None}
        assert {(e.action, e.verdict, e.actor.user_id) for e in newest} == {
            ("live", "accepted", 5)
        }


async def test_a_refusal_changes_nothing_and_is_in_the_trail(tmp_path):
    async with plain_services(tmp_path) as services:
        before = await change_watch(1, SwitchOn(), ME, services)
        with pytest.raises(BadRequestError):
            await change_watch(1, SetSound((("digest", "off"),)), ME, services)
        with pytest.raises(BadRequestError):
            await change_rules(SetGate("a", review_from=0.9), ME, services)
        assert await services.watches.get(1) == before
        assert (await services.watches.rules()).gates == {}
        refused = await services.audit.newest(2)
        assert [e.verdict for e in refused] == ["refused", "refused"]
        assert "review=0.9 is above" in refused[0].reason


class _SlowWatches(MemoryWatchStore):
    """Lets others run between reading and writing, as a database does."""

    async def get(self, chat_id):
        found = await super().get(chat_id)
        await asyncio.sleep(0)
        return found


async def test_of_changes_at_once_none_is_lost(tmp_path):
    async with plain_services(tmp_path) as services:
        services = replace(services, watches=_SlowWatches())
        wishes = [MuteSetup(f"setup_{n}") for n in range(20)]
        await asyncio.gather(*(change_watch(1, w, ME, services) for w in wishes))
        assert len((await watch_of(1, services)).muted) == 20


async def test_a_group_that_moves_keeps_its_wishes_and_is_watched_once(tmp_path):
    async with plain_services(tmp_path) as services:
        await move_watch(-7, -1007, services)
        assert await services.watches.everyone() == []
        kept = await change_watch(-7, SetLimits(hour=20), ME, services)
        await change_watch(-7, SwitchOn(), ME, services)
        await move_watch(-7, -1007, services)
        moved = await services.watches.get(-1007)
        assert (moved.on, moved.max_per_hour) == (True, kept.max_per_hour)
        assert not (await services.watches.get(-7)).on
        await change_watch(-8, SwitchOn(), ME, services)
        own = await change_watch(-1008, SetLimits(hour=3), ME, services)
        await move_watch(-8, -1008, services)
        assert await services.watches.get(-1008) == own
