"""Past cases from held bars into memory and the archive: counted once, renewed when they must be."""

from dataclasses import replace
from datetime import timedelta

import pytest

from flows.case_book import NOT_YET, CaseBook
from flows.case_counting import FAILED, NO_BARS
from flows.costs import costs_of
from flows.similar import (
    nearest_to,
    no_cases_because,
    prepare_cases,
    renew_cases,
    similar_to,
)
from pipeline.domain.errors import DataError
from pipeline.domain.market import Timeframe
from pipeline.domain.request import BacktestOptions
from pipeline.live.cases import cases_in, frame_of_cases, table_of
from pipeline.live.counting import past_cases
from pipeline.live.similar import similar
from tests.kit.plain_services import NOW, LibrarySetups, plain_services, wavy_bars
from tests.kit.setups import LIBRARY

SWEEP, RAID = "Asia_sweep_engulf_v1", "Frank_raid_v1"
M5 = Timeframe.M5
BOTH = [(SWEEP, "EURUSD", M5), (RAID, "EURUSD", M5)]


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path) as given:
        await given.bars.merge("EURUSD", M5, wavy_bars(90), source="test", now=NOW)
        yield given


def restarted(services):
    """The same with an empty memory."""
    services.cpu.calls.clear()
    return replace(services, cases=CaseBook())


async def cases_held(services, setup_id=SWEEP):
    bars = await services.bars.read("EURUSD", M5)
    end = bars["close_time"].iloc[-1].normalize()
    end -= timedelta(days=(end.weekday() + 2) % 7)
    bars = bars[bars["open_time"] < end].reset_index(drop=True)
    instrument = await services.instruments.get("EURUSD")
    costs = costs_of(BacktestOptions(), instrument, services.settings)
    return past_cases(bars, M5, LIBRARY[setup_id], instrument, costs)


async def test_memory_answers_what_the_backtest_counts(services):
    cases = await cases_held(services)
    signal = cases[-1].signal
    assert similar_to(signal, services, before=signal.known_at) is None
    assert no_cases_because(signal, services) == NOT_YET
    await prepare_cases(services, BOTH)
    told = similar_to(signal, services, before=signal.known_at)
    assert told == similar(signal, table_of(frame_of_cases(cases)), signal.known_at)
    assert told.cases > 5
    assert told.cases < len(cases), "the last case has not seen itself"
    assert no_cases_because(signal, services) == ""


async def test_a_restart_reads_and_a_change_counts(services):
    await prepare_cases(services, BOTH)
    assert services.cpu.calls == ["count_cases"], "one read of the bars for all setups on them"
    signal = (await cases_held(services))[-1].signal
    first = similar_to(signal, services, before=NOW)
    puts = []
    put = services.archive.put

    async def noting(path, data, **more):
        puts.append(path)
        return await put(path, data, **more)

    services.archive.put = noting
    again = restarted(services)
    await prepare_cases(again, BOTH)
    assert similar_to(signal, again, before=NOW) == first
    assert puts == [], "the very same bars, rules and program"
    again.cpu.calls.clear()
    await prepare_cases(again, BOTH)
    assert again.cpu.calls == [], "asked again within the week"

    more = wavy_bars(120)
    await services.bars.merge(
        "EURUSD",
        M5,
        more[more["open_time"] >= "2025-07-28"].reset_index(drop=True),
        source="test",
        now=NOW,
    )
    later = restarted(services)
    await prepare_cases(later, BOTH)
    assert len(puts) == 2
    assert len(later.cases.table(BOTH[0])) > len(services.cases.table(BOTH[0]))

    changed = LibrarySetups()
    spec = changed.specs[RAID]
    changed.specs[RAID] = spec.model_copy(update={"sl": 2.0})
    puts.clear()
    await prepare_cases(replace(restarted(services), setups=changed), BOTH)
    assert [RAID in path for path in puts] == [True]


async def test_daily_what_was_wanted_is_looked_at_again(services):
    assert not await renew_cases(services, NOW), "nothing was wanted"
    await prepare_cases(services, BOTH)
    before = len(services.cases.table(BOTH[0]))
    more = wavy_bars(120)
    later = more[more["open_time"] >= "2025-07-28"].reset_index(drop=True)
    await services.bars.merge("EURUSD", M5, later, source="test", now=NOW)
    assert await renew_cases(services, NOW)
    assert not await renew_cases(services, NOW), "one at a time"
    await services.cases.renewing
    assert len(services.cases.table(BOTH[0])) > before


async def test_what_was_kept_answers_before_anything_is_counted(services):
    await prepare_cases(services, BOTH)
    signal = (await cases_held(services))[-1].signal
    again = restarted(services)

    async def broken(*given, **more):
        raise RuntimeError("no process left")

    again.cpu.run = broken
    await prepare_cases(again, BOTH)
    assert similar_to(signal, again, before=NOW).cases > 5
    fresh = replace(again, cases=CaseBook(), archive=type(services.archive)(services.clock))
    await prepare_cases(fresh, BOTH)
    assert similar_to(signal, fresh, before=NOW) is None
    assert no_cases_because(signal, fresh) == FAILED


async def test_what_can_not_be_counted_is_said_and_hinders_nothing(services):
    await prepare_cases(
        services,
        [
            ("No_such_v1", "XAUUSD", M5),
            (SWEEP, "GER40", M5),
            (SWEEP, "EURUSD", Timeframe.M1),
            *BOTH,
        ],
    )
    assert services.cases.why((SWEEP, "GER40", M5)) == NO_BARS
    assert services.cases.why((SWEEP, "EURUSD", Timeframe.M1)) == NO_BARS
    assert "unknown setup" in services.cases.why(("No_such_v1", "XAUUSD", M5))
    assert services.cases.why(BOTH[0]) == ""


async def test_the_nearest_are_counted_when_first_asked_for(services):
    cases = await cases_held(services)
    signal = cases[-1].signal
    near = await nearest_to(signal, services, before=signal.known_at, n=4)
    assert len(near) == 4
    assert all(n.case.resolved_at <= signal.known_at for n in near)
    assert {n.case.signal.signal_id for n in near} <= {
        c.signal.signal_id for c in cases_in(frame_of_cases(cases), signal.known_at)
    }
    ger = signal.model_copy(update={"symbol": "GER40"})
    with pytest.raises(DataError, match=NO_BARS):
        await nearest_to(ger, services, before=signal.known_at)
