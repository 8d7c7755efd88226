"""Times of schedules: a plain reference walks minute by minute; clocks that change; refusals."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import BadRequestError
from pipeline.domain.request import Actor, Channel
from pipeline.domain.schedule import Schedule
from pipeline.schedule_times import DAYS, MONTHS, next_times, parse_cron, times_between

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ME = Actor(channel=Channel.CLI)
MADE = datetime(2024, 1, 1, 0, 7, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "UTC", "Australia/Lord_Howe", "America/Sao_Paulo")


def schedule(cron=None, zone="Europe/Berlin", minutes=None):
    return Schedule(
        name="x", flow_name="f", cron=cron, interval_minutes=minutes, zone=zone, payload={},
        actor=ME, created_at=MADE,
    )  # fmt: skip


def utc(*words):
    return datetime(*words, tzinfo=UTC)


def said(word, low, names):
    """Return the numbers that a cron word names, by the book."""
    found = set()
    for part in word.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, 60
        else:
            first, _, last = span.partition("-")
            first, last = (
                names.index(w) + low if w in names else int(w) for w in (first, last or first)
            )
        found |= set(range(first, last + 1, int(step or 1)))
    return found


def reference(line, zone, after, until):
    """Look at every minute: does the wall show a time of the line for the first time?

    And at every minute that the wall leaves out: it counts when so much later.
    """
    minute, hour, day, month, weekday = line.split()
    found, numbers = set(), (
        said(minute, 0, ()), said(hour, 0, ()), said(day, 1, ()), said(month, 1, MONTHS),
        said(weekday, 0, DAYS),
    )  # fmt: skip

    def fits(wall):
        days, weekdays = wall.day in numbers[2], wall.weekday() in numbers[4]
        both = days and weekdays if "*" in (day, weekday) else days or weekdays
        return (
            both
            and wall.minute in numbers[0]
            and wall.hour in numbers[1]
            and wall.month in numbers[3]
        )

    moment = after.replace(second=0, microsecond=0) + MINUTE
    earlier = (moment - MINUTE).astimezone(zone).replace(tzinfo=None)
    while moment <= until:
        local = moment.astimezone(zone)
        wall = local.replace(tzinfo=None)
        if fits(wall) and (local.fold == 0 or hour == "*"):
            found.add(moment)
        left_out = wall - earlier - MINUTE
        if left_out > timedelta(0) and hour != "*":
            gone = earlier + MINUTE
            while gone < wall:
                if fits(gone):
                    found.add(moment + (gone - earlier - MINUTE))
                gone += MINUTE
        moment, earlier = moment + MINUTE, wall
    return sorted(at for at in found if after < at <= until)


@st.composite
def lines(draw):
    def field(low, high, names=()):
        def spell(n):
            return names[n - low] if names else str(n)

        kind = draw(st.sampled_from(("star", "one", "list", "range", "step")))
        a, b = sorted(draw(st.tuples(st.integers(low, high), st.integers(low, high))))
        return {
            "star": "*", "one": spell(a), "list": f"{spell(a)},{spell(b)}",
            "range": f"{spell(a)}-{spell(b)}", "step": f"*/{draw(st.integers(2, 13))}",
        }[kind]  # fmt: skip

    weekday = draw(st.sampled_from(("*", "*", "sun", "mon-fri", "sat,sun", "tue-thu/2")))
    day = draw(st.sampled_from(("*", "*", "1", "28-31", "*/7")))
    return f"{field(0, 59)} {field(0, 23)} {day} {draw(st.sampled_from(('*', 'mar,oct-nov', '3')))} {weekday}"


CHANGES = (  # around changes of the clock, and one plain day
    utc(2026, 3, 28, 20), utc(2026, 10, 24, 20), utc(2026, 3, 8, 2), utc(2026, 11, 1, 1),
    utc(2026, 4, 4, 10), utc(2026, 10, 3, 10), utc(2018, 11, 3, 22), utc(2018, 2, 17, 20),
    utc(2026, 6, 1, 3),
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(lines(), st.sampled_from(ZONES), st.sampled_from(CHANGES), st.integers(0, 600))
@example("30 2 * * *", "Europe/Berlin", CHANGES[0], 0)
@example("30 2 * * *", "Europe/Berlin", CHANGES[1], 0)
@example("0,30 * * * *", "Europe/Berlin", CHANGES[1], 0)
@example("30 0 * * *", "America/Sao_Paulo", CHANGES[6], 0)
def test_times_are_those_of_a_walk_minute_by_minute(line, zone, start, offset):
    after = start + offset * MINUTE
    until = after + 20 * HOUR
    wanted = reference(line, ZoneInfo(zone), after, until)
    one = schedule(line, zone)
    assert times_between(one, after, until, 10_000) == wanted
    assert times_between(one, after, until, 3) == wanted[-3:]
    few = wanted[:5]
    assert next_times(one, after, len(few)) == few
    if wanted:
        assert next_times(one, wanted[-1] - timedelta(seconds=1)) == wanted[-1:]


@pytest.mark.parametrize(("line", "day", "times"), [
    ("30 2 * * *", (2026, 3, 29), ["01:30"]),  # does not exist: once, an hour later on the wall
    ("0,30 2,3 * * *", (2026, 3, 29), ["01:00", "01:30"]),  # … and not twice with 03:30's own
    ("30 2 * * *", (2026, 10, 25), ["00:30"]),  # comes twice: the first time only
    ("0 * * * *", (2026, 10, 25), [f"{h:02}:00" for h in range(22, 24)] + [f"{h:02}:00" for h in range(23)]),
])  # fmt: skip
def test_in_berlin_s_nights_of_23_and_25_hours(line, day, times):
    start = datetime(*day, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC) - MINUTE
    end = (datetime(*day, tzinfo=ZoneInfo("Europe/Berlin")) + DAY).astimezone(UTC) - MINUTE
    assert [f"{t:%H:%M}" for t in times_between(schedule(line), start, end, 99)] == times


def test_an_interval_counts_from_when_it_was_made():
    one = schedule(minutes=15)
    assert next_times(one, MADE, 2) == [MADE + 15 * MINUTE, MADE + 30 * MINUTE]
    assert next_times(one, MADE + 15 * MINUTE) == [MADE + 30 * MINUTE]
    assert next_times(one, MADE - DAY) == [MADE + 15 * MINUTE]
    assert times_between(one, MADE, MADE + 14 * MINUTE, 9) == []
    year = MADE + 365 * DAY
    assert times_between(one, MADE, year, 2) == [year - 15 * MINUTE, year]


def test_after_years_of_downtime_the_newest_come_quickly():
    found = times_between(schedule("* * * * *"), MADE, MADE + 3650 * DAY, 50)
    assert found == [MADE + 3650 * DAY - n * MINUTE for n in range(49, -1, -1)]
    rare = schedule("0 12 29 feb *", "UTC")
    assert next_times(rare, utc(2096, 3, 1)) == [utc(2104, 2, 29, 12)]


@given(lines())
def test_the_spelled_line_means_the_same(line):
    cron = parse_cron(line)
    words = cron.spelled.split()
    named = (
        ",".join(DAYS[(int(n) - 1) % 7] for n in words[4].split(",")) if words[4] != "*" else "*"
    )
    again = parse_cron(" ".join((*words[:4], named)))
    assert again == cron


@pytest.mark.parametrize(("line", "about"), [
    ("30 22 * *", "has 4 words"), ("60 1 * * *", "'60' is no minute: 0 to 59"),
    ("0 24 * * *", "no hour"), ("0 1 32 * *", "no day"), ("0 1 * foo *", "no month: jan to dec"),
    ("0 1 * * 1-5", "write weekdays as words"), ("0 1 * * funday", "no weekday: mon to sun"),
    ("5-1 * * * *", "ends before it begins"), ("*/0 * * * *", "no step"),
    ("*/x * * * *", "no step"), ("0 0 30 feb *", "never due"), ("² 1 * * *", "no minute"),
    ("", "has 0 words"),
])  # fmt: skip
def test_a_line_that_is_none_is_refused_with_one_that_is(line, about):
    with pytest.raises(BadRequestError) as caught:
        parse_cron(line)
    assert about in caught.value.user_text
    assert caught.value.field == "cron"
    parse_cron(caught.value.closest[0])
