"""TrialLedger: one suite over memory, SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, datetime

import pytest

from pipeline.domain.trial import Trial

NOW = datetime(2025, 10, 31, 10, 0, 0, 123456, tzinfo=UTC)


def trial(variant="v1", **changes):
    values = {
        "setup_id": "Frank_raid_v1",
        "symbol": "EURUSD",
        "variant": variant,
        "what": {"timeframe": "M1", "options": {"rr_target": 2.5}},
        "trades": 93,
        "mean_r": -0.1123456789012345,
        "sd_r": 1.3,
        "skew": 0.7,
        "kurtosis": 1.9,
        "run_id": "bt_2025_10_31_001",
        "at": NOW,
    }
    return Trial(**{**values, **changes})


@pytest.fixture
def ledgers(stores):
    return [stores.trials() for _ in range(3)]


async def idea(ledger, setup_id="Frank_raid_v1", symbol="EURUSD", **which):
    return await ledger.of_idea(setup_id, symbol, **which)


async def test_what_was_written_comes_back_as_it_was(ledgers):
    one, other, _ = ledgers
    empty = trial("v2", trades=0, mean_r=None, sd_r=None, skew=None, kurtosis=None)
    assert await one.append_many([trial(), empty]) == 2
    assert await idea(other) == [trial(), empty]
    assert (await idea(other))[1].sharpe is None


async def test_a_variant_tried_again_does_not_count_again(ledgers):
    one, other, _ = ledgers
    await one.append_many([trial("v1"), trial("v2")])
    assert await other.append_many([trial("v1", run_id="later", mean_r=9.0)]) == 0
    assert await idea(one) == [trial("v1"), trial("v2")]


async def test_twins_in_one_sweep_count_once(ledgers):
    assert await ledgers[0].append_many([trial("v1"), trial("v1", trades=5), trial("v2")]) == 2
    assert await idea(ledgers[0]) == [trial("v1"), trial("v2")]


async def test_nothing_to_append(ledgers):
    assert await ledgers[0].append_many([]) == 0
    assert await idea(ledgers[0]) == []


async def test_ideas_are_setups_on_symbols_and_made_up_bars_are_apart(ledgers):
    ledger = ledgers[0]
    others = [trial(setup_id="IB_raid_v1"), trial(symbol="GER40"), trial(synthetic=True)]
    assert await ledger.append_many([trial(), *others]) == 4
    assert await idea(ledger) == [trial()]
    assert await idea(ledger, "IB_raid_v1") == [others[0]]
    assert await idea(ledger, symbol="GER40") == [others[1]]
    assert await idea(ledger, synthetic=True) == [others[2]]


async def test_a_sweep_of_thousands_in_order(ledgers):
    many = [trial(f"v{n}", mean_r=n / 7) for n in range(2_300)]
    assert await ledgers[0].append_many(many) == 2_300
    assert await ledgers[1].append_many([*many[-3:], trial("new")]) == 1
    assert await idea(ledgers[2]) == [*many, trial("new")]


async def test_at_once_from_several_sides_each_variant_counts_once(ledgers):
    sweeps = [[trial(f"v{n}") for n in range(start, start + 40)] for start in (0, 20, 30)]
    fresh = await asyncio.gather(
        *(ledger.append_many(sweep) for ledger, sweep in zip(ledgers, sweeps, strict=True))
    )
    assert sum(fresh) == 70
    assert sorted(t.variant for t in await idea(ledgers[0])) == sorted(f"v{n}" for n in range(70))
