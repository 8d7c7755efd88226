from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.training import TrainingData
from pipeline.training_query import START, query_of, read_query, taken_over

names = st.lists(st.text("ABab_19'- ;/", min_size=1, max_size=9), max_size=3, unique=True)
days = st.none() | st.dates(date(1990, 1, 1), date(2090, 1, 1))
selections = st.builds(
    lambda setups, symbols, tfs, start, end: TrainingData(
        setups=tuple(setups), symbols=tuple(symbols), timeframes=tuple(tfs), start=start, end=end
    ),
    names, names, st.lists(st.sampled_from(Timeframe), max_size=3, unique=True), days, days,
)  # fmt: skip


@given(selections)
def test_what_the_fields_say_is_read_back_from_their_query(data):
    said = read_query(query_of(data))
    for name in ("setups", "symbols", "timeframes", "start", "end"):
        assert said.get(name, TrainingData.model_fields[name].default) == getattr(data, name)


@given(selections)
def test_taking_over_twice_changes_nothing(data):
    if data.start and data.end and data.start > data.end:
        with pytest.raises(BadRequestError):
            taken_over(data)
        return
    once = taken_over(data)
    assert taken_over(once) == once
    assert once.model_copy(update={"query": data.query}) == data


@given(st.text(max_size=60) | st.sampled_from("*();=<>',").map(lambda sign: START + sign))
def test_whatever_is_written_is_understood_or_refused_with_the_fix(text):
    try:
        said = read_query(text)
    except BadRequestError as error:
        assert error.field == "training_data.query"
        assert error.closest[0].startswith(START)
    else:
        assert set(said) <= {"setups", "symbols", "timeframes", "start", "end"}


@pytest.mark.parametrize(("query", "said"), [
    (START, {}),
    ("select * from labeled_trades where label is not null;", {}),
    (f"{START} AND setup_id = 'IB_raid_v1'", {"setups": ("IB_raid_v1",)}),
    (f"{START} AND symbol IN ('GER40', 'EURUSD') AND tf='M5'",
     {"symbols": ("GER40", "EURUSD"), "timeframes": (Timeframe.M5,)}),
    (f"{START}\n  AND known_at >= '2024-01-01'\n  AND known_at < '2025-01-01'",
     {"start": date(2024, 1, 1), "end": date(2024, 12, 31)}),
    (f"{START} AND setup_id = 'a''b; DROP TABLE x'", {"setups": ("a'b; DROP TABLE x",)}),
])  # fmt: skip
def test_selections_that_are_understood(query, said):
    assert read_query(query) == said


@pytest.mark.parametrize("query", [
    "", "DROP TABLE labeled_trades", "SELECT label FROM labeled_trades WHERE label IS NOT NULL",
    "SELECT * FROM runs WHERE label IS NOT NULL", "SELECT * FROM labeled_trades",
    f"{START} OR 1 = 1", f"{START}; DROP TABLE runs", f"{START} AND rr > 1",
    f"{START} AND setup_id LIKE '%'", f"{START} AND setup_id = symbol", f"{START} AND tf = 'M7'",
    f"{START} AND symbol IN ('GER40'", f"{START} AND symbol IN ()", f"{START} AND",
    f"{START} AND known_at <= '2024-01-01'", f"{START} AND known_at >= 'monday'",
    f"{START} AND known_at < '0001-01-01'", f"{START} AND symbol = 'A' AND symbol = 'B'",
    f"{START} -- AND symbol = 'A'", f"{START} AND symbol = 'A", f"{START} LIMIT 5",
    f"{START} AND symbol = 'A' UNION SELECT * FROM runs", START + " " * 2000 + "AND tf = 'M5'",
])  # fmt: skip
def test_everything_else_is_refused(query):
    with pytest.raises(BadRequestError, match="Write it like: SELECT"):
        read_query(query)


def test_a_field_that_says_otherwise_is_refused():
    query = f"{START} AND symbol = 'GER40'"
    same = TrainingData(query=query, symbols=("GER40",))
    assert taken_over(same).symbols == ("GER40",)
    with pytest.raises(BadRequestError, match=r"symbols says EURUSD, the query GER40"):
        taken_over(TrainingData(query=query, symbols=("EURUSD",)))
