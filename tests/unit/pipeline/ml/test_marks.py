"""A person's own labels: what a file says, and what each wrong cell is told."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Side, Timeframe
from pipeline.ml.marks import COLUMNS, MAX_ROWS, PLACE, Mark, Place, parse_marks

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLOSE = datetime(2025, 10, 31, 9, 15, tzinfo=UTC)
HEAD = "setup_id,symbol,timeframe,side,known_at,label,rr,resolved_at,human,comment"
ROW = "Frank_raid_v1,EURUSD,M5,long,2025-10-31T09:15Z,1,1.5,2025-10-31T10:15+00:00,taken,good one"
PLACED = Place(
    setup_id="Frank_raid_v1", symbol="EURUSD", tf=Timeframe.M5, side=Side.LONG, known_at=CLOSE
)


def test_a_whole_row():
    assert parse_marks(f"{HEAD}\n{ROW}\n", NOW) == [
        Mark(line=2, place=PLACED, label=1, rr=1.5, resolved_at=CLOSE + timedelta(hours=1), human="taken")
    ]  # fmt: skip


def test_ids_alone_are_enough():
    assert parse_marks("signal_id,label\nsig_live_001,0\nsig_live_002,1", NOW) == [
        Mark(line=2, signal_id="sig_live_001", label=0),
        Mark(line=3, signal_id="sig_live_002", label=1),
    ]


def test_what_spreadsheets_do_is_understood():
    text = (
        '\ufeff# mine\r\n\r\nLabel;KNOWN_AT;side;timeframe;symbol;setup_id\r\n'
        '1;"2025-10-31T10:15+01:00";LONG;m5;EURUSD;Frank_raid_v1\r\n;;;;;\r\n'
    )  # fmt: skip
    assert parse_marks(text, NOW) == [Mark(line=4, place=PLACED, label=1)]


def test_both_ways_in_one_file():
    text = f"signal_id,{HEAD}\nsig_live_001,,,,,,0,,,,\n,{ROW}\n"
    first, second = parse_marks(text, NOW)
    assert (first.signal_id, first.place, second.place) == ("sig_live_001", None, PLACED)


def changed(**cells):
    return dict(zip(HEAD.split(","), ROW.split(","), strict=True)) | cells


WRONG = [
    ("label", "yes", "Row 2, label 'yes': say 1 (target first) or 0 (not)."),
    ("label", "", "say 1"),
    ("label", "1.0", "say 1"),
    ("human", "maybe", "Row 2, human 'maybe': say taken, skipped or nothing."),
    ("side", "up", "Row 2, side 'up': say long or short."),
    ("timeframe", "M2", "use one of M1, M5, M15, H1, H4, D1"),
    ("symbol", "", "all of setup_id, symbol, timeframe, side, known_at count"),
    ("known_at", "2025-10-31 09:15", "write it with its offset, such as 2025-10-31T09:15Z"),
    ("known_at", "31.10.2025", "offset"),
    ("known_at", "2025-10-31T09:15:30Z", "whole minutes"),
    ("known_at", "2026-01-01T00:01Z", "in the past"),
    ("known_at", "0001-01-01T00:00+14:00", "in the past"),
    ("resolved_at", "2025-10-31T09:15Z", "must be after known_at"),
    ("resolved_at", "2027-10-31T09:15Z", "in the past"),
    ("rr", "a lot", "a number of R"),
    ("rr", "nan", "a number of R"),
    ("rr", "inf", "a number of R"),
    ("rr", "1001", "at most 1,000"),
    ("comment", "x" * 301, "at most 300 characters"),
]


@pytest.mark.parametrize(("column", "value", "words"), WRONG)
def test_a_wrong_cell_is_named_with_its_fix(column, value, words):
    cells = changed(**{column: value})
    with pytest.raises(BadRequestError) as refused:
        parse_marks(f"{HEAD}\n{','.join(cells.values())}\n", NOW)
    assert words in refused.value.user_text
    assert refused.value.user_text.startswith("Row 2, ")
    assert refused.value.field == column


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column label"),
        ("label\n1", "neither a column signal_id nor setup_id"),
        ("signal_id\nsig_live_001", "no column label"),
        ("signal_id,lable\n", "Unknown column 'lable': did you mean label?"),
        ("signal_id,label,label\n", "Column label is there twice"),
        ("signal_id,label\n", "no rows"),
        ("signal_id,label\na,1,2", "Row 2 has 3 cells, not 2"),
        ("signal_id,label\na,b,1", "comma too many"),
        ("symbol,side,known_at,timeframe,label\n", "nor setup_id"),
        ("signal_id,label\n" + "x,1\n" * (MAX_ROWS + 1), "more than 20,000 rows"),
    ],
)  # fmt: skip
def test_a_file_that_is_none(text, words):
    with pytest.raises(BadRequestError) as refused:
        parse_marks(text, NOW)
    assert words in refused.value.user_text


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    for each in (text, f"signal_id,label\n{text}", f"{HEAD}\n{text}"):
        try:
            assert all(mark.label in (0, 1) for mark in parse_marks(each, NOW))
        except BadRequestError as refused:
            assert refused.user_text


cell = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20
)


@given(
    st.lists(
        st.tuples(cell, st.booleans(), st.sampled_from(["", "taken", "skipped"])), min_size=1
    ),
    st.permutations(["signal_id", "label", "human"]),
    st.sampled_from(",;\t"),
)
def test_what_a_csv_writer_writes_comes_back(rows, columns, cut):
    rows = [
        (name.replace("#", "_").replace(",", "_").replace(";", "_"), *rest) for name, *rest in rows
    ]
    told = io.StringIO()
    writer = csv.DictWriter(told, columns, delimiter=cut, lineterminator="\n")
    writer.writeheader()
    for name, label, human in rows:
        writer.writerow({"signal_id": name, "label": int(label), "human": human})
    found = parse_marks(told.getvalue(), NOW)
    assert [(m.signal_id, m.label, m.human) for m in found] == [
        (name, int(label), human) for name, label, human in rows
    ]


def test_columns_name_the_place():
    assert set(PLACE) < set(COLUMNS)
