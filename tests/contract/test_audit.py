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


@pytest.mark.parametrize("change", ["UPDATE audit SET reason = 'x'", "DELETE FROM audit"])
async def test_the_database_refuses_to_change_the_trail(stores, change):
    if stores.url is None:
        pytest.skip("memory has no second door")
    await stores.audit().append(event(1))
    with pytest.raises(DBAPIError, match="append only"):
        async with stores.database().engine.begin() as connection:
            await connection.execute(text(change))
    assert await stores.audit().newest() == [event(1)]
