"""HealthBoard: one suite over memory, SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

from storage.live_ports import PULSES_KEPT

NOW = datetime(2025, 10, 31, 10, 0, tzinfo=UTC)


async def test_the_newest_pulse_of_each_by_name(stores):
    board = stores.health()
    assert await board.pulses() == []
    await board.beat(
        "scanner@host:7", {"lag_s": 1.5, "symbols": ["GER40"], "odd": float("nan")}, NOW
    )
    await board.beat("bot@host:3", {}, NOW)
    later = NOW + timedelta(seconds=10)
    await stores.health().beat("bot@host:3", {"depth": 2}, later)
    bot, scanner = await stores.health().pulses()
    assert (bot.name, bot.at, bot.facts) == ("bot@host:3", later, {"depth": 2})
    assert scanner.facts == {"lag_s": 1.5, "symbols": ["GER40"], "odd": None}


async def test_a_process_that_is_long_gone_is_forgotten(stores):
    board = stores.health()
    await board.beat("old", {}, NOW)
    await board.beat("new", {}, NOW + PULSES_KEPT)
    assert [each.name for each in await board.pulses()] == ["new", "old"]
    await board.beat("new", {}, NOW + PULSES_KEPT + timedelta(seconds=1))
    assert [each.name for each in await board.pulses()] == ["new"]


async def test_many_at_once(stores):
    boards = [stores.health() for _ in range(3)]
    await asyncio.gather(*(boards[n % 3].beat(f"p{n % 4}", {"n": n}, NOW) for n in range(20)))
    assert [each.name for each in await boards[0].pulses()] == ["p0", "p1", "p2", "p3"]
