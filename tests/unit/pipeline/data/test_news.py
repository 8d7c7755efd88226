"""The news file: what it takes, what it refuses and how, and the fingerprint of what it says."""

from datetime import UTC, datetime

import pytest

from pipeline.data.news import parse_news
from pipeline.domain.errors import DataError
from pipeline.domain.news import NEWS_COLUMNS, news_fingerprint, news_frame, news_reach

HEAD = "time,currency,impact,title\n"


def test_items_are_read_in_any_order_of_columns_and_rows():
    text = (
        "\ufeff# from my broker\nTitle;Impact;Time;Currency;Actual\n"
        '"CPI; core";High Impact;2025-01-15T14:30:00+01:00;eur;2.4\n\n'
        "Bank holiday;Holiday;2025-01-01 00:00;USD;\n"
    )
    news = parse_news(text, "news.csv")
    assert tuple(news.columns) == NEWS_COLUMNS
    assert news.to_dict("records") == [
        {"time": datetime(2025, 1, 1, tzinfo=UTC), "currency": "USD", "impact": "none", "title": "Bank holiday"},
        {"time": datetime(2025, 1, 15, 13, 30, tzinfo=UTC), "currency": "EUR", "impact": "high", "title": "CPI; core"},
    ]  # fmt: skip
    assert news_reach(news) == (
        datetime(2025, 1, 1, tzinfo=UTC),
        datetime(2025, 1, 16, tzinfo=UTC),
    )


@pytest.mark.parametrize(("impact", "kept"), [("1", "low"), ("2", "medium"), ("3", "high"), ("", "none"), ("MED", "medium")])  # fmt: skip
def test_impacts_as_calendars_write_them(impact, kept):
    news = parse_news(f"{HEAD}2025-01-01 10:00,EUR,{impact},x", "news.csv")
    assert list(news["impact"]) == [kept]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "news.csv: is empty"),
        ("# nothing\n", "news.csv: is empty"),
        ("time,currency,title\n", "news.csv:1: no column 'impact'"),
        (HEAD + "10.01.2025 13:30,EUR,high,x", "news.csv:2: time: '10.01.2025 13:30' is no UTC time"),
        (HEAD + "\n2025-01-10 13:30,EURO,high,x", "news.csv:3: currency: 'EURO'"),
        (HEAD + "2025-01-10 13:30,EUR,huge,x", "impact: 'huge' (valid: none, low, medium, high)"),
        (HEAD + "2025-01-10 13:30,EUR", "news.csv:2: 2 fields, not 4"),
    ],
)  # fmt: skip
def test_mistakes_name_line_field_and_fix(text, line):
    with pytest.raises(DataError) as refused:
        parse_news(text, "news.csv")
    assert line in refused.value.user_text


def test_the_fingerprint_is_of_what_the_file_says_not_how():
    one = parse_news(HEAD + "2025-01-10 13:30,EUR,high,CPI\n2025-01-11 13:30,USD,low,x", "a")
    same = parse_news("title,impact,currency,time\nx,1,usd,2025-01-11T13:30Z\nCPI,3,EUR,2025-01-10T14:30+01:00", "b")  # fmt: skip
    assert news_fingerprint(one) == news_fingerprint(same)
    for change in (
        "13:31,EUR,high,CPI",
        "13:30,USD,high,CPI",
        "13:30,EUR,low,CPI",
        "13:30,EUR,high,C",
    ):
        other = parse_news(HEAD + f"2025-01-10 {change}\n2025-01-11 13:30,USD,low,x", "a")
        assert news_fingerprint(other) != news_fingerprint(one)
    assert news_reach(news_frame([])) is None
