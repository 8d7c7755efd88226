"""Claims to runs: one suite over memory, SQLite and PostgreSQL, with races and wrong clocks."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.domain.errors import LostRunError
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, Claim, RunStatus, TaskRecord

NOW = datetime(2025, 10, 31, 10, 0, tzinfo=UTC)
ANNA = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5, name="Anna")
SHORT, LONG = timedelta(seconds=0.2), timedelta(minutes=10)
A, B = "one-a1/10-aa", "two-b2/10-bb"
DONE = TaskRecord(task="data_ingest", status="success")


@pytest.fixture
async def runs(stores):
    return stores.runs()


@pytest.fixture
async def queued(runs):
    return await runs.create("bt", "backtest_flow", {}, ANNA, NOW)


async def run_out(runs):
    """Wait until the store says that a lease has run out."""
    async with asyncio.timeout(10):
        while not (found := await runs.lapsed()):
            await asyncio.sleep(0.05)
    return found


async def test_a_start_is_a_claim(runs, queued):
    run = await runs.start(queued.run_id, NOW, owner=A, lease=LONG)
    assert run.claim == Claim(queued.run_id, A, 1)
    assert (await runs.get(queued.run_id)).claim == run.claim
    assert queued.claim is None
    assert await runs.lapsed() == []
    assert await runs.renew(run.claim, LONG)


async def test_of_many_hosts_one_gets_the_claim(stores, queued):
    owners = [f"host{n}/1" for n in range(12)]
    started = await asyncio.gather(
        *(stores.runs().start(queued.run_id, NOW, owner=o, lease=LONG) for o in owners)
    )
    [winner] = [run for run in started if run is not None]
    assert winner.owner in owners


@pytest.mark.parametrize("skew", [timedelta(seconds=-30), timedelta(0), timedelta(days=400)])
async def test_a_lease_runs_out_by_the_stores_clock_whatever_the_hosts_clocks_say(
    runs, queued, skew
):
    other = await runs.create("bt", "backtest_flow", {}, ANNA, NOW)
    await runs.start(queued.run_id, NOW + skew, owner=A, lease=SHORT)
    await runs.start(other.run_id, NOW + skew, owner=A, lease=LONG)
    assert [run.run_id for run in await run_out(runs)] == [queued.run_id]


async def test_a_claim_that_is_renewed_does_not_run_out(runs, queued):
    run = await runs.start(queued.run_id, NOW, owner=A, lease=timedelta(seconds=1))
    for _ in range(8):
        await asyncio.sleep(0.15)
        assert await runs.renew(run.claim, timedelta(seconds=1))
        assert await runs.lapsed() == []


async def test_a_claim_that_ran_out_but_was_not_taken_can_be_renewed(runs, queued):
    run = await runs.start(queued.run_id, NOW, owner=A, lease=SHORT)
    await run_out(runs)
    assert await runs.renew(run.claim, LONG)
    assert await runs.lapsed() == []
    assert await runs.requeue(run.run_id, NOW, claim=run.claim, lapsed=True) is None


async def test_of_many_hosts_one_takes_over(stores, runs, queued):
    run = await runs.start(queued.run_id, NOW, owner=A, lease=SHORT)
    await run_out(runs)
    four = [stores.runs() for _ in range(4)]
    taken = await asyncio.gather(
        *(four[n % 4].requeue(run.run_id, NOW, claim=run.claim, lapsed=True) for n in range(12))
    )
    [again] = [run for run in taken if run is not None]
    assert (again.status, again.attempt, again.owner) == (RunStatus.QUEUED, 2, "")
    assert again.lease_until is None
    assert not await runs.renew(run.claim, LONG)


async def test_renewing_and_taking_over_never_both_succeed(stores, queued):
    runs = stores.runs()
    run = await runs.start(queued.run_id, NOW, owner=A, lease=timedelta(0))
    for _ in range(8):
        claim = run.claim
        kept, taken = await asyncio.gather(
            stores.runs().renew(claim, LONG),
            stores.runs().requeue(run.run_id, NOW, claim=claim, lapsed=True),
        )
        assert kept is (taken is None)
        if taken is None:
            await runs.requeue(run.run_id, NOW, claim=claim)
        run = await runs.start(run.run_id, NOW, owner=A, lease=timedelta(0))


@pytest.fixture
async def lost(runs, queued):
    """A claim of A whose run B has by now."""
    run = await runs.start(queued.run_id, NOW, owner=A, lease=LONG)
    await runs.requeue(run.run_id, NOW, claim=run.claim)
    await runs.start(run.run_id, NOW, owner=B, lease=LONG)
    return run.claim


async def test_under_a_lost_claim_nothing_is_written(stores, runs, lost):
    with pytest.raises(LostRunError):
        await runs.record_task(lost.run_id, DONE, NOW, lost)
    with pytest.raises(LostRunError):
        await runs.set_provenance(lost.run_id, {"a": 1}, lost)
    assert not await runs.finish(lost.run_id, RunStatus.COMPLETED, NOW, claim=lost)
    assert await runs.requeue(lost.run_id, NOW, claim=lost) is None
    with pytest.raises(LostRunError):
        await owe(stores, lost)
    run = await runs.get(lost.run_id)
    assert (run.status, run.owner, run.tasks) == (RunStatus.RUNNING, B, ())
    assert run.provenance == {}
    assert await stores.outbox().pending() == 0


async def test_the_same_process_with_a_later_attempt_is_another_claim(stores, runs, queued):
    first = await runs.start(queued.run_id, NOW, owner=A, lease=LONG)
    await runs.requeue(queued.run_id, NOW, claim=first.claim)
    second = await runs.start(queued.run_id, NOW, owner=A, lease=LONG)
    with pytest.raises(LostRunError):
        await owe(stores, first.claim)
    assert await owe(stores, second.claim)


async def test_under_a_claim_that_stands_all_is_written(stores, runs, queued):
    claim = (await runs.start(queued.run_id, NOW, owner=A, lease=SHORT)).claim
    await runs.record_task(claim.run_id, DONE, NOW, claim)
    await runs.set_provenance(claim.run_id, {"a": 1}, claim)
    assert await owe(stores, claim)
    assert await runs.finish(claim.run_id, RunStatus.COMPLETED, NOW, claim=claim)
    assert await owe(stores, claim, "after the end")
    run = await runs.get(claim.run_id)
    assert (run.status, run.tasks, run.provenance) == (RunStatus.COMPLETED, (DONE,), {"a": 1})
    assert not await runs.renew(claim, LONG)
    assert await runs.lapsed() == []


async def test_an_end_and_a_takeover_never_both_succeed(stores, queued):
    runs = stores.runs()
    run = await runs.start(queued.run_id, NOW, owner=A, lease=timedelta(0))
    ended, taken = await asyncio.gather(
        stores.runs().finish(run.run_id, RunStatus.COMPLETED, NOW, claim=run.claim),
        stores.runs().requeue(run.run_id, NOW, claim=run.claim, lapsed=True),
    )
    assert ended is (taken is None)


async def test_what_a_person_asked_for_stays_the_same_when_a_run_is_brought_back(runs, queued):
    run = await runs.start(queued.run_id, NOW, owner=A, lease=LONG)
    back = await runs.requeue(run.run_id, NOW, claim=run.claim)
    assert (back.attempt, back.asked) == (2, 1)
    run = await runs.start(run.run_id, NOW, owner=B, lease=LONG)
    await runs.finish(run.run_id, RunStatus.COMPLETED, NOW, claim=run.claim)
    anew = await runs.requeue(run.run_id, NOW)
    assert (anew.attempt, anew.asked) == (3, 3)


async def owe(stores, claim, key="report"):
    return await stores.outbox().put(
        5, DeliveryKind.REPORT, {}, dedupe_key=key, now=NOW, claim=claim
    )
