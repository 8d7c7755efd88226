"""LoadLog and SourceChoices: one suite over memory, SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.market import Timeframe
from pipeline.domain.source import LoadRun, LoadStatus, SourceSymbol
from storage.stretch_joining import joined, left_of, shared

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAX = SourceSymbol(symbol="GER40", name="DEUIDXEUR")
OTHER = SourceSymbol(symbol="GER40", name="DEUIDX")


def load(first=0, last=2, until=2, **more):
    return LoadRun(
        run_id="run_1", source="dukascopy", symbol="GER40", source_symbol="DEUIDXEUR", timeframe=Timeframe.M1,
        asked_start=NOW + first * HOUR, asked_end=NOW + last * HOUR, status=LoadStatus.DONE, at=NOW,
        covered_until=None if until is None else NOW + until * HOUR, bars=60, added=50, withheld=1, pages=2, seconds=0.5,
    ).model_copy(update=more)  # fmt: skip


async def test_loads_are_kept_in_order_and_come_newest_first(stores):
    log = stores.loads()
    first = await log.note(load())
    second = await log.note(
        load(symbol="EURUSD", status=LoadStatus.FAILED, error="down", until=None)
    )
    assert (first.load_id, second.load_id) == (1, 2)
    assert await stores.loads().newest() == [second, first]
    assert await log.newest(symbol="GER40") == [first]
    assert await log.newest(1) == [second]


async def test_a_load_that_goes_on_is_one_row(stores):
    log = stores.loads()
    begun = await log.note(load(status=LoadStatus.PARTIAL, until=None))
    done = await stores.loads().note(
        begun.model_copy(update={"status": LoadStatus.DONE, "covered_until": NOW})
    )
    assert await log.newest() == [done]


async def test_what_was_answered_is_joined_and_of_its_source_symbol_and_timeframe(stores):
    log = stores.loads()
    for one in (load(0, 2), load(2, 4, 3), load(8, 9, 9), load(5, 6, None), load(20, 21, 21, source="yahoo"),
                load(30, 31, 31, timeframe=Timeframe.H1)):  # fmt: skip
        await log.note(one)
    found = await stores.loads().covered("dukascopy", DAX, Timeframe.M1)
    assert found == [(NOW, NOW + 3 * HOUR), (NOW + 8 * HOUR, NOW + 9 * HOUR)]
    asked = [(NOW + a * HOUR, NOW + b * HOUR) for a, b in ((0, 4), (5, 6), (8, 9))]
    assert await log.asked("dukascopy", DAX, Timeframe.M1) == asked
    assert await log.covered("dukascopy", OTHER, Timeframe.M1) == []


async def test_a_choice_is_kept_replaced_and_forgotten(stores):
    choices = stores.source_choices()
    assert await choices.of("GER40") == ()
    await choices.choose("GER40", ("yahoo", "dukascopy"), NOW)
    await choices.choose("GER40", ("dukascopy",), NOW)
    await choices.choose("EURUSD", ("yahoo",), NOW)
    assert await stores.source_choices().of("GER40") == ("dukascopy",)
    await choices.choose("GER40", (), NOW)
    assert await stores.source_choices().of("GER40") == ()
    assert await choices.of("EURUSD") == ("yahoo",)


MOMENTS = st.integers(0, 60).map(lambda n: NOW + n * HOUR)
STRETCHES = st.lists(st.tuples(MOMENTS, MOMENTS), max_size=8)


@given(STRETCHES, st.tuples(MOMENTS, MOMENTS))
def test_joined_and_left_hour_by_hour(taken, wanted):
    inside = {n for n in range(61) for a, b in taken if a <= NOW + n * HOUR < b}
    hours = {n for n in range(61) for a, b in joined(taken) if a <= NOW + n * HOUR < b}
    assert hours == inside
    left = left_of(wanted, taken)
    asked = {n for n in range(61) for a, b in left if a <= NOW + n * HOUR < b}
    assert asked == {n for n in range(61) if wanted[0] <= NOW + n * HOUR < wanted[1]} - inside
    both = shared(joined(taken), [wanted])
    assert {n for n in range(61) for a, b in both if a <= NOW + n * HOUR < b} == (
        inside & {n for n in range(61) if wanted[0] <= NOW + n * HOUR < wanted[1]}
    )
    assert all(a < b for a, b in left) and left == sorted(left)
