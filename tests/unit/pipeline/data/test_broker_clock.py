"""The broker's clock: exact both ways, told from bars and ticks, believed only while they agree."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.broker_clock import (
    Ahead,
    Look,
    choose_zone,
    doubt_of,
    measure,
    moved,
    repeats_hour,
    shift_of,
    to_utc_marked,
    to_wall,
)
from pipeline.data.clocks import detect_clock
from pipeline.data.zones import from_utc
from pipeline.domain.market import Timeframe

ZONES = ("New York+7", "Europe/Athens", "Europe/London", "UTC", "UTC+3", "UTC-5", "London-5")
MINUTE = 60
START = int(datetime(2024, 11, 1, tzinfo=UTC).timestamp())
TWO_YEARS = np.arange(START, START + 2 * 365 * 86_400, MINUTE, dtype="int64")
RULES = {"New York+7": ("America/New_York", 7), "Europe/Athens": ("Europe/Athens", 0)}


def plain_wall(utc: int, zone: str) -> int:
    """The wall clock by the standard library, one moment at a time."""
    place, hours = RULES[zone]
    local = datetime.fromtimestamp(utc, ZoneInfo(place)) + timedelta(hours=hours)
    return int(local.replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize("zone", ZONES)
def test_every_minute_of_two_years_comes_back_or_is_declared_doubtful(zone):
    wall = from_utc(TWO_YEARS, zone)
    order = np.argsort(wall, kind="stable")
    read = to_utc_marked(wall[order], zone)
    right = read.utc == TWO_YEARS[order]
    assert (right | read.doubtful).all()
    changes = 0 if zone.startswith("UTC") else 2
    assert read.doubtful.sum() == changes * 120, "an hour a year, twice, and nothing else"


@pytest.mark.parametrize("zone", list(RULES))
@pytest.mark.parametrize(
    ("first", "last"), [("2025-03-07", "2025-04-01"), ("2025-10-24", "2025-11-04")]
)
def test_the_weeks_in_which_the_two_rules_differ(zone, first, last):
    begin, end = (
        int(datetime.fromisoformat(d).replace(tzinfo=UTC).timestamp()) for d in (first, last)
    )
    utc = np.arange(begin, end, 15 * MINUTE)
    assert from_utc(utc, zone).tolist() == [plain_wall(int(t), zone) for t in utc]
    other = next(z for z in RULES if z != zone)
    apart = from_utc(utc, zone) != from_utc(utc, other)
    assert apart.any() and not apart.all()
    fixed = from_utc(utc, "UTC+3") != from_utc(utc, zone)
    assert fixed.any(), "a fixed shift is wrong on a part of every such span"


def test_a_monday_of_march_has_another_hour_at_each_kind_of_broker():
    """09:00 Berlin on 2025-03-17: New York has changed its clocks, Europe hasn't."""
    nine = datetime(2025, 3, 17, 8, tzinfo=UTC).timestamp()
    assert to_wall(nine, "New York+7") % 86_400 == 11 * 3600
    assert to_wall(nine, "Europe/Athens") % 86_400 == 10 * 3600
    assert shift_of("New York+7", nine) - shift_of("Europe/Athens", nine) == 3600


@pytest.mark.parametrize(
    ("zone", "at"),
    [("New York+7", "2025-11-02T05:30"), ("New York+7", "2025-11-02T06:30"),
     ("Europe/Athens", "2025-10-26T00:30"), ("Europe/Athens", "2025-10-26T01:30")],
)  # fmt: skip
def test_both_runs_of_the_repeated_hour_are_known_as_such(zone, at):
    utc = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    assert repeats_hour(utc, zone)
    assert not repeats_hour(utc - 3600 * 2, zone)
    assert not repeats_hour(utc + 3600 * 2, zone)


def test_the_skipped_hour_is_no_time_of_a_bar():
    wall = int(datetime(2025, 3, 30, 3, 30, tzinfo=UTC).timestamp())
    read = to_utc_marked(np.array([wall - 3600, wall, wall + 3600]), "Europe/Athens")
    assert read.doubtful.tolist() == [False, True, False]


@given(
    ahead=st.floats(-50_000, 50_000),
    late=st.floats(0, 3),
    gap=st.floats(0.1, 100),
    take=st.floats(0, 2),
    arrives=st.floats(0, 1),
)
def test_the_true_shift_lies_within_the_measure(ahead, late, gap, take, arrives):
    """A tick stamped by the broker's clock comes `late` s later, somewhere between two looks."""
    now = 1_750_000_000.0
    came = now + take + arrives * (gap - 0.05)
    first = Look(now, now + take, {"A": 5.0, "B": came + ahead - late - 30})
    second = Look(now + take + gap, now + take + gap + take, {"A": 5.0, "B": came + ahead - late})
    found = measure(first, second)
    assert found is not None
    assert found.low - 1e-3 <= ahead <= found.high + late + 1e-3


def test_what_proves_nothing_measures_nothing():
    first, second = Look(0, 1, {"A": 7.0}), Look(60, 61, {"A": 7.0, "NEW": 9.0})
    assert not moved(first, second)
    assert measure(first, second) is None, "a symbol seen for the first time may be days old"
    assert measure(first, Look(900, 901, {"A": 900.0})) is None, "too far apart"
    late = measure(Look(0, 1, {"A": 1.0, "B": 1.0}), Look(60, 61, {"A": 60.0, "B": 3.0}))
    assert late == Ahead(-1.0, 60.0), "of several the newest counts"


NOON = datetime(2025, 3, 17, 12, tzinfo=UTC).timestamp()


def live(zone: str, apart: float = 0.0, utc: float = NOON) -> Ahead:
    shift = shift_of(zone, utc) + apart
    return Ahead(shift - 0.7, shift + 0.6)


def test_a_right_zone_is_believed_and_a_wrong_one_named():
    assert doubt_of(live("New York+7"), "New York+7", NOON) == ""
    assert doubt_of(live("New York+7", 55), "New York+7", NOON) == ""
    words = doubt_of(live("New York+7"), "Europe/Athens", NOON)
    assert "1 h later than Europe/Athens" in words
    assert "1 h earlier than New York+7" in doubt_of(live("Europe/Athens"), "New York+7", NOON)
    assert "75 s apart" in doubt_of(live("New York+7", 75), "New York+7", NOON)
    assert "10 min apart" in doubt_of(live("New York+7", -600), "New York+7", NOON)


def hourly(zone: str, first: str, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Hourly stamps of a currency's weeks on a broker's clock, and ranges."""
    begin = int(datetime.fromisoformat(first).replace(tzinfo=UTC).timestamp())
    utc = np.arange(begin, begin + days * 86_400, 3600)
    ny = from_utc(utc, "America/New_York")
    into = (ny - 4 * 86_400) % (7 * 86_400)
    open_ = (into < 4 * 86_400 + 17 * 3600) | (into >= 6 * 86_400 + 17 * 3600)
    return from_utc(utc[open_], zone), np.ones(int(open_.sum()))


@pytest.mark.parametrize("zone", ["New York+7", "Europe/Athens", "UTC", "UTC+3", "Europe/London"])
def test_two_years_of_bars_and_one_tick_tell_the_zone(zone):
    guess = detect_clock(*hourly(zone, "2023-03-17", 730), Timeframe.H1, "fx")
    chosen = choose_zone(guess, live(zone), NOON)
    assert (chosen.zone, chosen.doubt) == (zone, "")
    assert choose_zone(guess, None, NOON).zone == zone, "bars alone tell it too"


def test_ticks_part_what_a_few_weeks_of_bars_can_t():
    """In summer New York + 7, Athens and UTC+3 are one; in mid-March only one of them fits."""
    guess = detect_clock(*hourly("New York+7", "2024-06-01", 60), Timeframe.H1, "fx")
    assert {"Europe/Athens", "UTC+3"} <= set(guess.best.also)
    assert choose_zone(guess, live("Europe/Athens"), NOON).zone == "Europe/Athens"
    assert choose_zone(guess, live("New York+7"), NOON).zone == "New York+7"


def test_what_can_t_be_told_is_said():
    nothing = choose_zone(None, None, NOON)
    assert nothing.zone is None
    assert "isn't known yet" in nothing.doubt
    ticks = choose_zone(None, live("UTC+3"), NOON)
    assert ticks.zone == "UTC+3"
    assert "BROKER_ZONE" in ticks.doubt
    crypto = detect_clock(np.arange(0, 900_000, 3600), np.ones(250), Timeframe.H1, "crypto")
    assert choose_zone(crypto, live("UTC"), NOON) == choose_zone(None, live("UTC"), NOON)
    odd = choose_zone(None, live("UTC", 1200), NOON)
    assert odd.zone is None
    assert "isn't a whole hour" in odd.doubt


def test_bars_and_ticks_that_disagree_are_a_doubt():
    guess = detect_clock(*hourly("New York+7", "2023-03-17", 730), Timeframe.H1, "fx")
    chosen = choose_zone(guess, live("UTC-7"), NOON)
    assert chosen.zone == "New York+7"
    assert "old bars are on the clock New York+7" in chosen.doubt
    tie = choose_zone(guess, live("Europe/Athens"), NOON)
    assert "old bars are on the clock New York+7" in tie.doubt


def test_too_little_lead_asks_the_user():
    """Bars of which half the weeks follow one rule, half another: no zone scores enough."""
    one, two = hourly("New York+7", "2023-03-17", 350)[0], hourly("UTC", "2024-03-17", 350)[0]
    wall = np.unique(np.concatenate([one, two]))
    guess = detect_clock(wall, np.ones(len(wall)), Timeframe.H1, "fx")
    chosen = choose_zone(guess, live("New York+7"), NOON)
    assert chosen.zone == "New York+7"
    assert "isn't clear" in chosen.doubt
