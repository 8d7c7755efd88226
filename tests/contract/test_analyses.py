"""AnalysisStore: one suite over memory, SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.domain.analysis import Analysis, Opinion, Purpose, Usage
from storage.upkeep_ports import Kind
from tests.kit.analyst import OPINION

NOW = datetime(2026, 11, 26, 23, 59, tzinfo=UTC)


def an_analysis(key="k1", **change):
    return Analysis(
        key=key, purpose=Purpose.BACKTEST, subject="bt_1", language="en", model="m", api="chat",
        prompt="opinion/1", opinion=Opinion.model_validate(OPINION), text="{}", at=NOW,
    ).model_copy(update=change)  # fmt: skip


async def test_an_answer_comes_back_as_it_was_and_only_to_its_question(stores):
    kept = an_analysis(
        dropped=("99 of 3.",), usage=Usage(input_tokens=7, output_tokens=3), cost=0.1 + 0.2,
        seconds=1 / 3, chat_id=-5, language="ru", text='{"a": "пять \\u0000"}',
    )  # fmt: skip
    await stores.analyses().keep(kept, None)
    assert await stores.analyses().cached("k1") == kept
    assert await stores.analyses().cached("k2") is None
    await stores.analyses().keep(an_analysis(model="n"), None)
    assert (await stores.analyses().cached("k1")).model == "n"


async def test_a_true_cost_takes_the_place_of_what_was_set_aside(stores):
    store = stores.analyses()
    one = await store.reserve(7, 0.3, limit=0.5, now=NOW)
    assert await stores.analyses().spent(7, NOW) == pytest.approx(0.3)
    assert await store.reserve(7, 0.3, limit=0.5, now=NOW) is None
    await store.keep(an_analysis(cost=0.01), one)
    assert await store.spent(7, NOW) == pytest.approx(0.01)
    await store.keep(an_analysis(cost=0.4), one)  # settled once
    await store.release(one)
    assert await store.spent(7, NOW) == pytest.approx(0.01)


async def test_what_is_released_is_given_back_but_for_its_cost(stores):
    store = stores.analyses()
    one = await store.reserve(7, 0.3, limit=0.5, now=NOW)
    two = await store.reserve(7, 0.2, limit=0.5, now=NOW)
    await store.release(one)
    await store.release(two, 0.05)
    await store.release(two, 0.09)
    assert await store.spent(7, NOW) == pytest.approx(0.05)
    await store.release(10**6)


async def test_budgets_are_by_chat_and_by_utc_day(stores):
    store = stores.analyses()
    assert await store.reserve(7, 0.5, limit=0.5, now=NOW)
    assert await store.reserve(8, 0.5, limit=0.5, now=NOW)
    assert await store.reserve(None, 0.5, limit=0.5, now=NOW)
    assert await store.reserve(None, 0.1, limit=0.5, now=NOW) is None
    assert await store.reserve(7, 0.5, limit=0.5, now=NOW + timedelta(minutes=1))
    assert await store.spent(7, NOW) == pytest.approx(0.5)
    assert await store.spent(None, NOW) == pytest.approx(0.5)


async def test_what_is_free_is_never_too_dear_and_nothing_is_bought_for_nothing(stores):
    store = stores.analyses()
    assert await store.reserve(7, 0.0, limit=0.0, now=NOW)
    assert await store.reserve(7, 1e-4, limit=0.0, now=NOW) is None


@pytest.mark.parametrize("callers", [20])
async def test_of_concurrent_callers_only_as_many_succeed_as_the_limit_pays_for(stores, callers):
    made = [stores.analyses() for _ in range(4)]
    found = await asyncio.gather(
        *(made[n % 4].reserve(7, 0.1, limit=0.7, now=NOW) for n in range(callers))
    )
    won = [each for each in found if each is not None]
    assert len(won) == 7 == len(set(won))
    assert await made[0].spent(7, NOW) == pytest.approx(0.7)


async def test_old_answers_and_budgets_go_with_the_upkeep(stores):
    if stores.url is None:
        pytest.skip("nothing in memory grows old")
    store, rows = stores.analyses(), stores.upkeep().rows
    old = NOW - timedelta(days=40)
    await store.keep(an_analysis("old", at=old), None)
    await store.keep(an_analysis("new"), None)
    await store.reserve(7, 0.1, limit=1, now=old)
    await store.reserve(7, 0.2, limit=1, now=NOW)
    before = NOW - timedelta(days=30)
    for kind in (Kind.ANALYSES, Kind.SPENDING):
        assert await rows.count(kind, before) == 1
        assert await rows.forget(kind, before, 10) == 1
    assert await store.cached("old") is None and await store.cached("new")
    assert await store.spent(7, NOW) == pytest.approx(0.2) and await store.spent(7, old) == 0
