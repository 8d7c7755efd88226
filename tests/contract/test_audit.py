"""AuditLog: one suite over memory, SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pipeline.domain.request import Actor, AuditEvent, Channel

NOW = datetime(2025, 10, 31, 10, 0, tzinfo=UTC)
ANNA = Actor(channel=Channel.HTTP, user_id=1, name="Anna")


def event(n: int, run_id: str | None = None, **more) -> AuditEvent:
    return AuditEvent(
        at=NOW,
        actor=ANNA,
        action="backtest",
        what={"n": n},
        verdict="accepted",
        run_id=run_id,
        **more,
    )


async def test_events_come_back_newest_first(stores):
    log = stores.audit()
    events = [event(1), event(2, "bt_1"), event(3, "bt_2", reason="odd \U0001f600")]
    for each in events:
        await log.append(each)
    assert await stores.audit().newest() == events[::-1]
    assert await log.newest(2) == [events[2], events[1]]
    assert await log.newest(run_id="bt_1") == [events[1]]


async def test_no_event_of_concurrent_writers_is_lost(stores):
    await asyncio.gather(*(stores.audit().append(event(n)) for n in range(20)))
    assert {each.what["n"] for each in await stores.audit().newest()} == set(range(20))


async def test_a_refusal_with_any_words_is_kept(stores):
    refused = AuditEvent(
        at=NOW,
        actor=ANNA,
        action="backtest",
        what={"text": "a\x00b\ud800"},
        verdict="refused",
        reason="bad '\x00'",
    )
    await stores.audit().append(refused)
    [held] = await stores.audit().newest()
    assert held.verdict == "refused"
    assert held.what["text"].startswith("a")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET reason = 'x'",
        "DELETE FROM audit",
        "UPDATE audit_chain SET sha256 = 'x'",
        "DELETE FROM audit_chain",
    ],
)
async def test_the_database_refuses_to_change_the_trail(stores, change):
    if stores.url is None:
        pytest.skip("memory has no second door")
    await stores.audit().append(event(1))
    with pytest.raises(DBAPIError, match="append only"):
        async with stores.database().engine.begin() as connection:
            await connection.execute(text(change))
    assert await stores.audit().newest() == [event(1)]


async def test_the_chain_is_whole_and_its_head_stands_for_all_before(stores):
    log = stores.audit()
    empty = await log.verify()
    assert (empty.events, empty.whole) == (0, True)
    heads = []
    for n in range(4):
        await log.append(event(n, reason="odd \x00 \U0001f600", run_id=f"bt_{n}"))
        found = await log.verify()
        assert (found.events, found.whole) == (n + 1, True)
        heads.append(found.head)
    assert len(set(heads)) == 4
    assert all([(await stores.audit().verify(head)).whole for head in heads])
    assert "noted hash" in (await log.verify("f" * 64)).fault


async def test_concurrent_writers_make_one_chain(stores):
    await asyncio.gather(*(stores.audit().append(event(n)) for n in range(20)))
    found = await stores.audit().verify()
    assert (found.events, found.fault) == (20, "")


TAMPERING = {
    "changed": "UPDATE audit SET reason = 'nothing to see' WHERE seq = {third}",
    "gone": "DELETE FROM audit WHERE seq = {third}",
    "forgotten": "DELETE FROM audit_chain WHERE seq = {third}",
    "added": "INSERT INTO audit (seq, at, actor, action, what, verdict, reason) "
    "SELECT seq + 100, at, actor, action, what, verdict, reason FROM audit WHERE seq = {third}",
}


@pytest.mark.parametrize("how", TAMPERING)
async def test_whoever_gets_past_the_triggers_is_seen(stores, how):
    if stores.url is None:
        pytest.skip("memory has no second door")
    for n in range(1, 6):
        await stores.audit().append(event(n))
    whole = await stores.audit().verify()
    async with stores.database().engine.begin() as connection:
        if "sqlite" in stores.url:
            for name in ("audit_no", "audit_chain_no"):
                for verb in ("update", "delete"):
                    await connection.execute(text(f"DROP TRIGGER {name}_{verb}"))
        else:
            await connection.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
            await connection.execute(text("ALTER TABLE audit_chain DISABLE TRIGGER ALL"))
        seqs = (
            (await connection.execute(text("SELECT seq FROM audit ORDER BY seq"))).scalars().all()
        )
        third = seqs[2]
        await connection.execute(text(TAMPERING[how].format(third=third)))
    found = await stores.audit().verify()
    assert not found.whole
    assert f"event {third + 100 if how == 'added' else third}" in found.fault
    assert not (await stores.audit().verify(whole.head)).whole
