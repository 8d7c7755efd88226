"""What may stand behind /why: days and times as people write them, and what is refused."""

from datetime import UTC, date, datetime

import pytest

from pipeline.command_words import KnownSetup, KnownWords
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.why_words import parse_why, setup_day

M5 = Timeframe.M5
KNOWN = KnownWords(
    setups=(KnownSetup("Frank_raid_v1", M5, (M5,), ("GER40",)),),
    symbols=("GER40", "EURUSD"),
    aliases={"DAX": "GER40"},
)
NOW = datetime(2025, 3, 12, 22, 30, tzinfo=UTC)  # 23:30 in Berlin
DAY = date(2025, 3, 10)


def asked(text):
    return parse_why(text, KNOWN, "Europe/Berlin", NOW)


@pytest.mark.parametrize(
    "text",
    [
        "/why GER40 2025-03-10 10:15 Frank_raid_v1",
        "/why@scout_bot frankraidv1 dax 10.03.2025 10:15",
        "GER40 10 Mar 2025 10:15 Frank_raid_v1",
        "GER40 March 10, 2025 10h15 Frank_raid_v1",
        "GER40 20250310 10:15 Frank_raid_v1",
        "GER40 2025-03-10T09:15Z Frank_raid_v1",
        "GER40 2025-03-10 09:15 UTC Frank_raid_v1",
        "GER40 2025-03-10 09:15z Frank_raid_v1",
        "10:15 GER40 Frank_raid_v1 2025–03–10",
    ],
)
def test_a_moment_in_many_spellings(text):
    found = asked(text)
    assert found.symbol == "GER40"
    assert found.setup_id == "Frank_raid_v1"
    assert found.moment == datetime(2025, 3, 10, 9, 15, tzinfo=UTC)
    assert (found.first, found.last, found.is_period) == (DAY, DAY, False)


def test_days_and_periods():
    assert asked("GER40 2025-03-10").moment is None
    assert asked("GER40 13/03/2025").first == date(2025, 3, 13)
    assert asked("GER40 03/13/2025").first == date(2025, 3, 13)
    month = asked("GER40 2025-03")
    assert (month.first, month.last, month.is_period) == (
        date(2025, 3, 1),
        date(2025, 3, 31),
        True,
    )
    assert asked("GER40 Mar 2025") == month
    assert asked("GER40 2025-03-01 to 2025-03-31") == month
    assert asked("GER40 last 30d").last == date(2025, 3, 12)
    assert asked("GER40 today m5").timeframe is M5


def test_today_is_the_readers_and_a_time_alone_is_of_today():
    late = parse_why("GER40 00:10", KNOWN, "Asia/Tokyo", NOW)
    assert late.moment == datetime(2025, 3, 12, 15, 10, tzinfo=UTC)
    assert late.first == date(2025, 3, 13)


def test_a_time_follows_the_clock_on_the_wall_through_dst():
    assert asked("GER40 2025-07-01 10:15").moment == datetime(2025, 7, 1, 8, 15, tzinfo=UTC)
    assert asked("GER40 2025-03-30 03:00").moment == datetime(2025, 3, 30, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("2025-03-10 10:15", "symbol", "Which symbol?"),
        ("GER40 Frank_raid_v1", "period", "When?"),
        ("GER40 03/04/2025", "period", "may be two days"),
        ("GER40 2025-03 10:15", "period", "A time of day belongs to one day"),
        ("GER40 2025-02-30", "period", "there is no day 2025-02-30"),
        ("GER41 2025-03-10", "symbol", "did you mean GER40?"),
        ("GER40 2025-03-10 Frank_rad", "setup_id", "did you mean Frank_raid_v1?"),
    ],
)
def test_refusals_name_the_field(text, field, words):
    with pytest.raises(BadRequestError) as refused:
        asked(text)
    assert refused.value.field == field
    assert words in refused.value.user_text


def test_the_trading_day_is_that_of_the_bar_just_closed():
    midnight = datetime(2025, 3, 10, 23, 0, tzinfo=UTC)
    assert setup_day(midnight, "Europe/Berlin") == DAY
    assert setup_day(midnight.replace(minute=1), "Europe/Berlin") == date(2025, 3, 11)
