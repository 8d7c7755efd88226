"""LabelStore: one suite over memory, SQLite and PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.domain.label import BACKTEST, MARKS
from pipeline.domain.live import LIVE, Answer
from pipeline.domain.market import Timeframe
from pipeline.domain.training import TrainingData
from storage.model_ports import LabelChanges, LabelScope
from tests.kit.models import NOW, a_label
from tests.kit.signal_worker import QUARTER, draft_of, end_of

DAY = datetime(2025, 10, 31, tzinfo=UTC)
ALL = TrainingData()
NOTHING = LabelChanges(0, 0, 0)
SCOPE = LabelScope("Frank_raid_v1", "EURUSD", Timeframe.M5, DAY, DAY + timedelta(days=1))


async def test_a_set_adds_updates_and_takes_away(stores):
    first = [a_label(5), a_label(10), a_label(15)]
    labels = stores.labels()
    assert await labels.put_set(first, SCOPE, "run_1", NOW) == LabelChanges(3, 0, 0)
    second = [a_label(10, label=0, rr=-1.0, exit_reason="SL"), a_label(20)]
    assert await stores.labels().put_set(second, SCOPE, "run_2", NOW) == LabelChanges(1, 1, 2)
    kept = await stores.labels().select(ALL)
    assert kept == [row.model_copy(update={"run_id": "run_2"}) for row in second]


async def test_rows_come_back_to_the_last_bit(stores):
    row = a_label(features={"x": 0.1 + 0.2, "y": None, "z": 1e-300}, rr=1 / 3, confidence=2 / 3)
    await stores.labels().put([row], NOW)
    assert await stores.labels().select(ALL) == [row]


async def test_what_people_decided_outlives_a_set_that_says_nothing_of_it(stores):
    labels = stores.labels()
    await labels.put([a_label(5, human="taken"), a_label(10, human="skipped")], NOW)
    await labels.put_set([a_label(5, label=0), a_label(10, human="taken")], SCOPE, "run_1", NOW)
    assert [row.human for row in await labels.select(ALL)] == ["taken", "taken"]


async def test_a_set_touches_only_its_scope(stores):
    labels = stores.labels()
    others = [
        a_label(5, setup_id="IB_raid_v1"),
        a_label(5, symbol="GER40"),
        a_label(5, tf=Timeframe.M1),
        a_label(5, source=MARKS),
        a_label(5, source="live", signal_id="sig_live_001"),
        a_label(-5),
        a_label(24 * 60),
    ]
    await labels.put(others, NOW)
    assert await labels.put_set([], SCOPE, "run_1", NOW) == LabelChanges(0, 0, 0)
    await labels.put_set([a_label(0), a_label(24 * 60 - 5)], SCOPE, "run_1", NOW)
    assert await labels.put_set([], SCOPE, "run_2", NOW) == LabelChanges(0, 0, 2)
    assert await labels.select(ALL) == sorted(
        others, key=lambda row: (row.known_at, row.source, row.signal_id)
    )


@pytest.mark.parametrize(
    "stray",
    [
        a_label(24 * 60),
        a_label(-5),
        a_label(symbol="GER40"),
        a_label(setup_id="IB_raid_v1"),
        a_label(tf=Timeframe.M1),
        a_label(source=MARKS),
    ],
)
async def test_a_set_with_a_stray_row_is_refused_whole(stores, stray):
    labels = stores.labels()
    with pytest.raises(ValueError, match="outside"):
        await labels.put_set([a_label(5), stray], SCOPE, "run_1", NOW)
    assert await labels.select(ALL) == []


async def test_thousands_of_rows_are_one_set(stores):
    labels = stores.labels()
    wide = LabelScope("Frank_raid_v1", "EURUSD", Timeframe.M5, DAY, DAY + timedelta(days=30))
    rows = [a_label(5 * n) for n in range(2600)]
    assert await labels.put_set(rows, wide, "run_1", NOW) == LabelChanges(2600, 0, 0)
    assert await labels.put_set(rows[1300:], wide, "run_2", NOW) == LabelChanges(0, 1300, 1300)
    assert await labels.count() == {"Frank_raid_v1": 1300}


async def test_the_same_signal_twice_in_one_call_is_one_row(stores):
    labels = stores.labels()
    assert await labels.put([a_label(label=0), a_label(label=1)], NOW) == LabelChanges(1, 0, 0)
    [row] = await labels.select(ALL)
    assert row.label == 1
    assert await labels.put([], NOW) == LabelChanges(0, 0, 0)


async def test_a_row_that_replaces_takes_nothing_of_the_old_one(stores):
    labels = stores.labels()
    await labels.put([a_label(source=MARKS, run_id="run_1")], NOW)
    bare = a_label(source=MARKS, features=None, feature_version=None, rr=None, exit_reason="")
    assert await labels.put([bare], NOW) == LabelChanges(0, 1, 0)
    assert await labels.select(ALL) == [bare]


async def test_racing_sets_leave_one_of_them_and_no_row_twice(stores):
    await stores.labels().put([a_label(n, human="taken") for n in (0, 5)], NOW)
    sets = [[a_label(5 * n), a_label(5 * (n + 1)), a_label(5 * (n + 2))] for n in range(12)]
    await asyncio.gather(
        *(stores.labels().put_set(rows, SCOPE, f"run_{n}", NOW) for n, rows in enumerate(sets))
    )
    kept = await stores.labels().select(ALL)
    [run] = {row.run_id for row in kept}
    winner = sets[int(run.removeprefix("run_"))]
    assert [row.signal_id for row in kept] == [row.signal_id for row in winner]


async def test_racing_rows_are_there_once(stores):
    rows = [a_label(5 * n, source=MARKS) for n in range(30)]
    changes = await asyncio.gather(*(stores.labels().put(rows[::-1], NOW) for _ in range(10)))
    assert sum(each.added for each in changes) == 30
    assert await stores.labels().select(ALL) == rows


def _named(rows):
    return [row.signal_id for row in rows]


async def test_choosing_what_is_learnt_from(stores):
    labels = stores.labels()
    rows = {
        "early": a_label(-1, signal_id="early"),
        "first": a_label(0, signal_id="first"),
        "gold": a_label(5, signal_id="gold", symbol="XAUUSD", setup_id="IB_raid_v1"),
        "hour": a_label(10, signal_id="hour", tf=Timeframe.H1),
        "last": a_label(24 * 60 - 1, signal_id="last"),
        "next": a_label(24 * 60, signal_id="next"),
        "open": a_label(15, signal_id="open", label=None),
    }
    await labels.put(list(rows.values()), NOW)
    cases = [
        ({}, "early first gold hour last next"),
        ({"setups": ("IB_raid_v1",)}, "gold"),
        ({"setups": ("IB_raid_v1", "Frank_raid_v1")}, "early first gold hour last next"),
        ({"setups": ("none_v1",)}, ""),
        ({"symbols": ("XAUUSD", "GER40")}, "gold"),
        ({"timeframes": (Timeframe.H1,)}, "hour"),
        ({"start": date(2025, 10, 31)}, "first gold hour last next"),
        ({"end": date(2025, 10, 31)}, "early first gold hour last"),
        ({"start": date(2025, 10, 31), "end": date(2025, 10, 31)}, "first gold hour last"),
        ({"start": date(2025, 11, 1), "symbols": ("EURUSD",)}, "next"),
    ]
    for wanted, names in cases:
        chosen = await stores.labels().select(TrainingData(**wanted))
        assert _named(chosen) == names.split(), wanted


async def test_order_is_by_close_then_source_then_signal(stores):
    names = [
        ("live", "sig_live_2"),
        (BACKTEST, "b"),
        (BACKTEST, "B"),
        (BACKTEST, "a"),
        (MARKS, "_"),
    ]
    rows = [a_label(source=source, signal_id=name) for source, name in names]
    await stores.labels().put([a_label(5), *rows], NOW)
    kept = await stores.labels().select(ALL)
    assert [(row.source, row.signal_id) for row in kept[:-1]] == sorted(names)
    assert kept[-1] == a_label(5)


async def test_counting_by_setup(stores):
    labels = stores.labels()
    assert await labels.count() == {}
    await labels.put(
        [a_label(5), a_label(5, source=MARKS), a_label(10, label=0), a_label(15, label=None),
         a_label(setup_id="IB_raid_v1", label=None), a_label(setup_id="Asia_fvg_break_v2")], NOW,
    )  # fmt: skip
    assert await labels.count() == {"Asia_fvg_break_v2": 1, "Frank_raid_v1": 3}


async def test_what_live_signals_taught_is_seen_and_kept(live_stores):
    signals, labels = live_stores.signals(), live_stores.labels()
    record = (await signals.admit(draft_of(0), (), cooldown=QUARTER, now=NOW)).record
    row = a_label(source=LIVE, signal_id=record.signal_id, symbol="S00")
    assert await signals.live_on(record.signal_id, end_of(0), label=row, now=NOW)
    assert await live_stores.labels().select(ALL) == [row]
    assert await labels.put_set([], replace(SCOPE, symbol="S00"), "run_1", NOW) == NOTHING
    said = Answer(choice="approved", user_id=1, name="", at=NOW)
    _, fresh = await signals.answer(record.signal_id, record.ticket, said, paper=None, now=NOW)
    assert fresh
    assert await labels.select(ALL) == [row.model_copy(update={"human": "taken"})]


async def test_rows_of_other_sources_are_seen_by_the_signals_too(live_stores):
    rows = [a_label(5), a_label(5, source=MARKS)]
    await live_stores.labels().put(rows, NOW)
    assert {row.source: row for row in await live_stores.signals().labels()} == {
        row.source: row for row in rows
    }
    assert await live_stores.signals().labels(MARKS) == rows[1:]
