"""/schedule as people and phones write it; what is refused says what would have been right."""

import pytest

from pipeline.domain.errors import BadRequestError
from pipeline.schedule_commands import (
    TIMES,
    ScheduleWish,
    parse_schedule,
    parse_times,
    times_words,
)

TEXT = "/backtest Asia_sweep_engulf_v1 EURUSD M5 last 30d"
WISH = ScheduleWish(text=TEXT, cron="30 22 * * mon-fri")


@pytest.mark.parametrize("words", [
    f'/schedule "{TEXT}" every weekday 22:30',
    f"/schedule “{TEXT}” every weekday 22:30",
    f"/schedule „{TEXT}“ every weekday at 22:30",
    f"/schedule@scout_bot '{TEXT}' every weekday 22.30",
    f"/schedule ‘{TEXT}’ Every Weekday 22:30",
    f"/schedule {TEXT} every weekday 22:30",
    f'"{TEXT[1:]}" weekdays 22:30',
    f'/schedule "{TEXT}" cron “30 22 * * MON–FRI”',
    f'/schedule "{TEXT}" cron 30 22 * * mon-fri',
])  # fmt: skip
def test_quotes_of_any_kind_or_none(words):
    assert parse_schedule(words) == WISH


@pytest.mark.parametrize(("words", "fields", "again"), [
    ("daily 07:00", {"cron": "0 7 * * *"}, "daily 07:00"),
    ("every day 7:05", {"cron": "5 7 * * *"}, "daily 07:05"),
    ("every monday 03:00", {"cron": "0 3 * * mon"}, "every mon 03:00"),
    ("sundays 03:00", {"cron": "0 3 * * sun"}, "every sun 03:00"),
    ("every fri, mon and wed 23:59", {"cron": "59 23 * * mon,wed,fri"}, "every mon,wed,fri 23:59"),
    ("every weekend 10:00", {"cron": "0 10 * * sat,sun"}, "every sat,sun 10:00"),
    ("every 15 minutes", {"interval_minutes": 15}, "every 15 minutes"),
    ("every minute", {"interval_minutes": 1}, "every minute"),
    ("every 4 hours", {"interval_minutes": 240}, "every 4 hours"),
    ("every hour", {"interval_minutes": 60}, "every hour"),
    ("every 90 min", {"interval_minutes": 90}, "every 90 minutes"),
    ("every 2 days", {"interval_minutes": 2880}, "every 2 days"),
    ('cron "*/5 8-17 * * *"', {"cron": "*/5 8-17 * * *"}, 'cron "*/5 8-17 * * *"'),
])  # fmt: skip
def test_times(words, fields, again):
    assert parse_times(words) == fields
    said = {"cron": None, "interval_minutes": None, **fields}
    assert times_words(**said) == again
    assert parse_times(again) == fields


def test_options_stand_anywhere_behind_the_command():
    found = parse_schedule(
        f'/schedule "{TEXT} rr=2" zone=europe/london daily 07:00 —overlap=queue catch-up=none '
        "name=My.first-1"
    )
    assert found == ScheduleWish(
        text=f"{TEXT} rr=2", cron="0 7 * * *", zone="Europe/London", name="My.first-1",
        overlap="queue", catch_up="none",
    )  # fmt: skip


def test_the_nightly_template():
    assert parse_schedule("/schedule nightly") == ScheduleWish(
        text="/batch last 30d", cron="30 22 * * mon-fri", name="nightly"
    )


@pytest.mark.parametrize(("words", "field", "near"), [
    ("/schedule", "command", None),
    ("/schedule every day 07:00", "command", None),
    ('/schedule "" daily 07:00', "command", None),
    (f'/schedule "{TEXT}"', "times", TIMES[0]),
    (f'/schedule "{TEXT}" every funday 07:00', "times", TIMES[0]),
    (f'/schedule "{TEXT}" daily 25:00', "times", TIMES[0]),
    (f'/schedule "{TEXT}" every 0 minutes', "times", TIMES[0]),
    (f'/schedule "{TEXT}" every 99999 days', "times", TIMES[0]),
    (f'/schedule "{TEXT}" cron "0 7 * * 1-5"', "cron", "30 22 * * mon-fri"),
    (f'/schedule "{TEXT}" daily 07:00 zone=Europe/Berlni', "zone", "zone=Europe/Berlin"),
    (f'/schedule "{TEXT}" daily 07:00 overlap=wait', "overlap", "overlap=skip"),
    (f'/schedule "{TEXT}" daily 07:00 catch_up=some', "catch_up", "catch_up=none"),
    (f'/schedule "{TEXT}" daily 07:00 overlp=skip', "option", "overlap=skip"),
    (f'/schedule "{TEXT}" daily 07:00 name=ä', "name", "name=nightly"),
])  # fmt: skip
def test_refusals_name_field_and_a_valid_value(words, field, near):
    with pytest.raises(BadRequestError) as caught:
        parse_schedule(words)
    assert caught.value.field == field
    assert caught.value.closest
    assert near is None or caught.value.closest[0] == near


def test_every_example_of_times_can_be_read():
    assert all(parse_times(words) for words in TIMES)
