"""ChatStore: one suite over memory, SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, datetime

NOW = datetime(2025, 10, 31, 10, 0, tzinfo=UTC)
BIG = 5_123_456_789


async def test_roles_are_given_changed_and_taken(stores):
    chats = stores.chats()
    assert await chats.role(BIG) is None
    await chats.set_role(BIG, "viewer", NOW)
    await chats.set_role(BIG, "owner", NOW)
    await chats.set_role(7, "trader", NOW)
    assert await stores.chats().role(BIG) == "owner"
    assert await chats.users() == {7: "trader", BIG: "owner"}
    await chats.set_role(7, None, NOW)
    await chats.set_role(7, None, NOW)
    assert await chats.users() == {BIG: "owner"}


async def test_a_stranger_is_new_once(stores):
    assert await stores.chats().note_stranger(BIG, NOW)
    assert not await stores.chats().note_stranger(BIG, NOW)
    noted = await asyncio.gather(*(stores.chats().note_stranger(9, NOW) for _ in range(8)))
    assert sorted(noted) == [False] * 7 + [True]


async def test_memories_are_replaced_recalled_and_taken(stores):
    chats = stores.chats()
    assert await chats.recall("ask:1") is None
    assert await chats.take("ask:1") is None
    await chats.remember("ask:1", {"q": 1}, NOW)
    value = {"q": 2, "rows": [1.5, None, "ü\x00"]}
    await chats.remember("ask:1", value, NOW)
    value["rows"].append(3)
    assert await stores.chats().recall("ask:1") == {"q": 2, "rows": [1.5, None, "ü\x00"]}
    assert await stores.chats().take("ask:1") == {"q": 2, "rows": [1.5, None, "ü\x00"]}
    assert await chats.recall("ask:1") is None


async def test_of_concurrent_takers_one_gets_it(stores):
    six = [stores.chats() for _ in range(6)]
    for n in range(5):
        await six[0].remember("button", {"n": n}, NOW)
        taken = await asyncio.gather(*(each.take("button") for each in six))
        assert [each for each in taken if each is not None] == [{"n": n}]


async def test_keys_of_any_words(stores):
    await stores.chats().remember("x" * 500 + "\x00", {"a": 1}, NOW)
    assert await stores.chats().take("x" * 500 + "\x00") == {"a": 1}
