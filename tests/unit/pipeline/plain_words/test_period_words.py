"""Periods as people say them, against dateutil's calendar arithmetic."""

from datetime import date, timedelta

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from pipeline.plain_words.period_words import take_period
from pipeline.plain_words.sentence import Sentence

TODAY = date(2026, 11, 26)  # a Thursday
DAYS = st.dates(date(2016, 1, 1), date(2030, 12, 31))
UNITS = {
    "days": ("days", "дней", "d"), "weeks": ("weeks", "недель", "w"), "months": ("months", "месяцев", "mo"),
    "years": ("years", "лет", "y"),
}  # fmt: skip


def read(text, today=TODAY):
    return take_period(Sentence.of(text), today)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("last week", "2026-11-16", "2026-11-22"), ("на прошлой неделе", "2026-11-16", "2026-11-22"),
        ("this week", "2026-11-23", "2026-11-26"), ("last year", "2025-01-01", "2025-12-31"),
        ("в прошлом году", "2025-01-01", "2025-12-31"), ("this month", "2026-11-01", "2026-11-26"),
        ("last quarter", "2026-07-01", "2026-09-30"), ("this autumn", "2026-09-01", "2026-11-26"),
        ("last winter", "2025-12-01", "2026-02-28"), ("last autumn", "2025-09-01", "2025-11-30"),
        ("прошлой зимой", "2025-12-01", "2026-02-28"), ("зимой 2023", "2023-12-01", "2024-02-29"),
        ("second half of 2025", "2025-07-01", "2025-12-31"), ("первое полугодие 2025", "2025-01-01", "2025-06-30"),
        ("Q4", "2026-10-01", "2026-12-31"), ("yesterday", "2026-11-25", "2026-11-25"),
        ("year to date", "2026-01-01", "2026-11-26"), ("с начала года", "2026-01-01", "2026-11-26"),
        ("since March 2025", "2025-03-01", "2026-11-26"), ("in December", "2025-12-01", "2025-12-31"),
        ("10 марта 2025", "2025-03-10", "2025-03-10"), ("March 10th, 2025", "2025-03-10", "2025-03-10"),
        ("from December to February 2025", "2024-12-01", "2025-02-28"), ("2023-2024", "2023-01-01", "2024-12-31"),
        ("2025-05-01..2025-10-31", "2025-05-01", "2025-10-31"), ("with the whole of 2024", "2024-01-01", "2024-12-31"),
        ("last couple of months", "2026-09-27", "2026-11-26"), ("за последнюю пару месяцев", "2026-09-27", "2026-11-26"),
        ("from 5 to 30 May 2025", "2025-05-05", "2025-05-30"), ("5-30 мая 2025", "2025-05-05", "2025-05-30"),
        ("May 5th to 30th, 2025", "2025-05-05", "2025-05-30"), ("с 5 по 30 мая", "2026-05-05", "2026-05-30"),
        ("first half of February 2024", "2024-02-01", "2024-02-15"), ("вторая половина мая", "2026-05-16", "2026-05-31"),
        ("с 1 мая 2025 по 31 октября 2025", "2025-05-01", "2025-10-31"),
    ],
)  # fmt: skip
def test_said(text, start, end):
    assert read(text) == (date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize("text", ["", "30 February 2025", "it may rain", "2025-13", "last 0 days"])
def test_no_period(text):
    assert read(text) is None


@given(DAYS, st.integers(1, 24), st.sampled_from(sorted(UNITS)), st.integers(0, 2))
def test_the_last_so_many_end_today_and_are_so_long(today, count, unit, way):
    said = UNITS[unit][way]
    text = f"за последние {count} {said}" if way == 1 else f"last {count} {said}"
    back = relativedelta(**{unit: count})
    assert read(text, today) == (today - back + timedelta(days=1), today)


@given(DAYS)
def test_seasons_that_ended_are_the_newest_of_three_whole_months(today):
    for name, month in (("spring", 3), ("summer", 6), ("autumn", 9), ("winter", 12)):
        start, end = read(f"last {name}", today)
        assert (start.month, start.day) == (month, 1)
        assert end == start + relativedelta(months=3) - timedelta(days=1)
        assert end < today <= end + timedelta(days=1) + relativedelta(years=1)


@given(DAYS)
def test_calendar_periods_before_this_one_touch_it(today):
    for name, months in (("month", 1), ("quarter", 3), ("year", 12)):
        start, end = read(f"last {name}", today)
        now, until = read(f"this {name}", today)
        assert end + timedelta(days=1) == now
        assert start + relativedelta(months=months) == now
        assert until == today
