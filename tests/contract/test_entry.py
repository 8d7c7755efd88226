"""What the entries keep (tokens, keys, updates): one suite over memory, SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

from pipeline.domain.entry import ApiToken, HeldKey, HeldUpdate

NOW = datetime(2025, 10, 31, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEASE = timedelta(seconds=30)


def token(name, sha256="a" * 64, **more):
    return ApiToken(
        name=name, sha256=sha256, **{"user_id": 7, "role": "trader", "created_at": NOW, **more}
    )


async def test_a_token_is_found_by_its_hash_alone(stores):
    phone = token("phone", "b" * 64, user_id=2**40, role="owner")
    assert await stores.tokens().add(phone)
    assert await stores.tokens().add(token("desk"))
    assert await stores.tokens().find("b" * 64) == phone
    assert await stores.tokens().find("c" * 64) is None
    assert [each.name for each in await stores.tokens().all()] == ["desk", "phone"]


async def test_a_name_is_used_once_also_after_its_end(stores):
    assert await stores.tokens().add(token("desk"))
    assert not await stores.tokens().add(token("desk", "b" * 64))
    assert not await stores.tokens().add(token("other"))  # the same hash
    assert await stores.tokens().revoke("desk", NOW + MINUTE)
    assert not await stores.tokens().add(token("desk", "b" * 64))
    assert len(await stores.tokens().all()) == 1


async def test_revoking_says_when_and_only_once(stores):
    await stores.tokens().add(token("desk"))
    assert not await stores.tokens().revoke("nobody", NOW)
    assert await stores.tokens().revoke("desk", NOW + MINUTE)
    assert not await stores.tokens().revoke("desk", NOW + 2 * MINUTE)
    assert (await stores.tokens().find("a" * 64)).revoked_at == NOW + MINUTE


async def test_a_key_is_taken_once_and_tells_who_has_it(stores):
    keys = stores.request_keys()
    assert await keys.claim("k", "a" * 64, NOW, since=NOW - MINUTE) is None
    held = await stores.request_keys().claim("k", "b" * 64, NOW + MINUTE, since=NOW)
    assert held == HeldKey(key="k", sha256="a" * 64, run_id="", at=NOW)
    await keys.fill("k", "bt_2025_10_31_001")
    held = await keys.claim("k", "a" * 64, NOW + MINUTE, since=NOW)
    assert held.run_id == "bt_2025_10_31_001"
    assert await keys.claim("other", "a" * 64, NOW, since=NOW) is None


async def test_an_old_key_may_be_taken_anew(stores):
    keys = stores.request_keys()
    await keys.claim("k", "a" * 64, NOW, since=NOW)
    await keys.fill("k", "bt_1")
    later = NOW + 2 * MINUTE
    assert await keys.claim("k", "b" * 64, later, since=later - MINUTE) is None
    held = await keys.claim("k", "b" * 64, later, since=NOW)
    assert (held.sha256, held.run_id, held.at) == ("b" * 64, "", later)


async def test_only_a_key_without_a_run_is_released(stores):
    keys = stores.request_keys()
    await keys.claim("empty", "a" * 64, NOW, since=NOW)
    await keys.claim("full", "a" * 64, NOW, since=NOW)
    await keys.fill("full", "bt_1")
    for key in ("empty", "full", "nothing"):
        await keys.release(key)
    assert await keys.claim("empty", "b" * 64, NOW, since=NOW) is None
    assert (await keys.claim("full", "a" * 64, NOW, since=NOW)).run_id == "bt_1"
    assert await keys.sweep(NOW) == 0
    assert await keys.sweep(NOW + MINUTE) == 2


async def test_of_many_claims_at_once_one_wins(stores):
    keys = [stores.request_keys() for _ in range(4)]
    asked = [keys[n % 4].claim("k", f"{n:064d}", NOW, since=NOW) for n in range(20)]
    answers = await asyncio.gather(*asked)
    assert answers.count(None) == 1
    [winner] = {answer.sha256 for answer in answers if answer}
    assert answers[int(winner)] is None


async def put(inbox, *pairs):
    return [await inbox.put(n, lane, {"update_id": n}, NOW) for n, lane in pairs]


async def claimed(inbox, owner="a", now=NOW, **more):
    return [held.update_id for held in await inbox.claim(owner, now, lease=LEASE, **more)]


async def test_an_update_is_kept_once_and_comes_back_whole(stores):
    inbox, body = stores.inbox(), {"update_id": 5, "message": {"text": "für €"}}
    assert await inbox.put(5, "1:1", body, NOW)
    assert not await stores.inbox().put(5, "1:1", {"other": 1}, NOW)
    [held] = await stores.inbox().claim("a", NOW, lease=LEASE)
    assert held == HeldUpdate(update_id=5, lane="1:1", body=body)
    await inbox.done(5, NOW)
    assert not await inbox.put(5, "1:1", body, NOW)
    assert await inbox.waiting() == 0


async def test_lanes_go_on_beside_each_other_each_in_the_order_of_arrival(stores):
    inbox = stores.inbox()
    assert await put(inbox, (9, "x"), (3, "x"), (4, "y"), (5, "y")) == [True] * 4
    assert await claimed(inbox) == [9, 4]
    assert await claimed(stores.inbox(), "b") == []
    await inbox.done(4, NOW)
    assert await claimed(stores.inbox(), "b") == [5]
    await inbox.done(9, NOW)
    assert await claimed(inbox, limit=1) == [3]


async def test_what_a_dead_process_held_comes_again_and_what_a_living_one_holds_does_not(stores):
    inbox = stores.inbox()
    await put(inbox, (1, "x"), (2, "y"))
    assert await claimed(inbox, "dead", limit=1) == [1]
    assert await claimed(inbox, "alive") == [2]
    later = NOW + 2 * LEASE
    await inbox.prolong("alive", later + LEASE)
    assert await claimed(stores.inbox(), "next", later) == [1]


async def test_what_is_given_back_comes_at_once(stores):
    inbox = stores.inbox()
    await put(inbox, (1, "x"), (2, "y"), (3, "z"))
    assert await claimed(inbox, "a", limit=2) == [1, 2]
    assert await claimed(inbox, "b") == [3]
    await inbox.done(1, NOW)
    await inbox.release("a")
    assert await claimed(stores.inbox(), "c") == [2]


async def test_done_ones_are_remembered_until_they_are_swept(stores):
    inbox = stores.inbox()
    await put(inbox, (1, "x"), (2, "x"))
    await inbox.done(1, NOW)
    assert await inbox.sweep(NOW) == 0
    assert await put(inbox, (1, "x")) == [False]
    assert await inbox.sweep(NOW + MINUTE) == 1
    assert await inbox.waiting() == 1
    assert await put(inbox, (1, "x")) == [True]


async def test_of_many_claimers_each_update_has_one(stores):
    inboxes = [stores.inbox() for _ in range(4)]
    await put(inboxes[0], *((n, f"lane {n % 8}") for n in range(24)))
    found = []
    for _ in range(3):
        rounds = [claimed(inbox, f"bot {n}") for n, inbox in enumerate(inboxes)]
        new = [n for each in await asyncio.gather(*rounds) for n in each]
        assert len(new) == 8
        for n in new:
            await inboxes[0].done(n, NOW)
        found += new
    assert sorted(found) == list(range(24))


async def test_the_same_update_at_two_bots_at_once_is_new_to_one(stores):
    inboxes = [stores.inbox() for _ in range(6)]
    kept = await asyncio.gather(*(inbox.put(1, "x", {}, NOW) for inbox in inboxes))
    assert kept.count(True) == 1
