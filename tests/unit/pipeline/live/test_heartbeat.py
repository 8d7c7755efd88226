"""When the daily sign of life is due, and what it counts."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.live import DecisionKind, Life, LifeState
from pipeline.domain.market import Side
from pipeline.domain.trade import ExitReason, Trade
from pipeline.domain.watch import Watch
from pipeline.live.heartbeat import Ended, beat_due, decisions, ended_between, missed_scans
from pipeline.live.wishes import SetHeartbeat, SetZone, SwitchOff, SwitchOn
from tests.kit.live_signals import hand_made

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = ("America/New_York", "Europe/London", "Europe/Berlin", "Australia/Sydney", "Asia/Kolkata",
         "Australia/Lord_Howe", "America/Santiago")  # fmt: skip


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(now, clock="08:00", zone="Europe/Berlin", **wishes):
    beat = beat_due(Watch(chat_id=1, heartbeat=clock, zone=zone, **wishes), utc(now))
    return beat and (beat.day, beat.due_at, beat.since)


def test_due_at_the_chats_hour_and_until_the_next():
    wednesday = ("2025-06-11", utc("2025-06-11T06:00"), utc("2025-06-10T06:00"))
    assert due("2025-06-11T06:00") == wednesday
    assert due("2025-06-12T05:59") == wednesday
    assert due("2025-06-12T06:00")[0] == "2025-06-12"


def test_none_where_none_is_wished():
    assert due("2025-06-11T06:00", clock="") is None
    assert due("2025-06-11T06:00", on=False) is None
    assert due("2025-06-11T06:00", sound={"heartbeat": "off"}) is None


@pytest.mark.parametrize(
    ("zone", "clock", "before", "due_at", "hours"),
    [
        ("Europe/Berlin", "08:00", "2025-03-30T05:59", "2025-03-30T06:00", 23),
        ("Europe/Berlin", "08:00", "2025-10-26T06:59", "2025-10-26T07:00", 25),
        ("America/New_York", "08:00", "2025-03-09T11:59", "2025-03-09T12:00", 23),
        ("Europe/Berlin", "02:30", "2025-03-30T00:59", "2025-03-30T01:00", 23.5),  # skipped
        ("Europe/Berlin", "02:30", "2025-10-26T00:29", "2025-10-26T00:30", 24),  # the first of two
        ("Australia/Lord_Howe", "08:00", "2025-10-04T20:59", "2025-10-04T21:00", 23.5),
        ("Asia/Kolkata", "08:00", "2025-10-04T02:29", "2025-10-04T02:30", 24),
    ],
)
def test_clocks_that_jump(zone, clock, before, due_at, hours):
    assert due(before, clock, zone)[1] < utc(due_at)
    day, at, since = due(due_at, clock, zone)
    assert at == utc(due_at)
    assert day == at.astimezone(ZoneInfo(zone)).date().isoformat()
    assert at - since == hours * HOUR


@settings(deadline=None)
@given(
    st.sampled_from(ZONES),
    st.integers(0, 1439),
    st.integers(0, 700 * 1440).map(lambda m: utc("2024-06-01") + m * MINUTE),
)
def test_one_beat_a_day_each_with_a_day_of_its_own(zone, minute, start):
    """Asked every 20 minutes for four days: days follow each other, and none comes twice."""
    watch = Watch(chat_id=1, heartbeat=f"{minute // 60:02}:{minute % 60:02}", zone=zone)
    beats = {}
    for n in range(4 * 72):
        now = start + n * 20 * MINUTE
        beat = beat_due(watch, now)
        assert beat.due_at <= now < beat.due_at + 25 * HOUR
        beats.setdefault(beat.day, beat)
        assert beats[beat.day] == beat
    days = sorted(beats)
    assert list(beats) == days
    assert len(days) in (4, 5)
    for early, late in pairwise(days):
        assert beats[late].since == beats[early].due_at


def test_what_was_wished_after_the_hour_waits_for_tomorrow():
    noon = utc("2025-06-11T10:00")
    watch = SetHeartbeat("08:00").change(Watch(chat_id=1), noon)
    assert beat_due(watch, noon) is None
    assert beat_due(watch, utc("2025-06-12T06:00")).day == "2025-06-12"
    later = SetHeartbeat("14:00").change(watch, noon)
    assert beat_due(later, utc("2025-06-11T12:00")).day == "2025-06-11"
    moved = SetZone("Asia/Kolkata").change(watch, utc("2025-06-12T03:00"))
    assert beat_due(moved, utc("2025-06-12T03:00")) is None  # 08:30 there, and never asked for
    off = SwitchOff().change(watch, noon)
    on = SwitchOn().change(off, utc("2025-06-13T10:00"))
    assert beat_due(on, utc("2025-06-13T10:00")) is None
    assert beat_due(SwitchOn().change(watch, utc("2025-06-12T10:00")), utc("2025-06-12T10:00"))


START = utc("2025-06-11T08:00")


@pytest.mark.parametrize(
    ("minutes", "missed"),
    [
        ([], 0),  # nothing was to be scanned
        (range(11), 0),
        (range(10), 0),  # the last one may be under way
        (range(8), 2),
        ([9, 5, 0], 7),
        ([0, 0, 9, 9], 8),
        ([5, 6, 7, 8, 9], 0),  # begun in the middle of the day
        ([-1, 5, 6, 7, 8, 9], 5),
        ([-500, 5, 6, 7, 8, 9], 5),  # down since yesterday: this day's minutes count
        ([-500], 10),
        ([-1], 10),
    ],
)
def test_minutes_without_a_scan_are_missed(minutes, missed):
    scans = [START + n * MINUTE for n in minutes]
    assert missed_scans(scans, START, START + 10 * MINUTE + timedelta(seconds=2)) == missed


def with_life(close, state, as_of, rr=None):
    draft, trade = hand_made(close), None
    if rr is not None:
        trade = Trade(
            trade_id="t", signal_id="s", side=Side.LONG, entry_time=close, entry_price=1,
            exit_time=as_of, exit_price=1, exit_reason=ExitReason.TP, sl_price=1, tp_price=1,
            lots=1, pnl_points=1, pnl=1, rr=rr, mae=0, mfe=0, cost=0, ambiguous=False,
            rr_worst=rr, rr_best=rr,
        )  # fmt: skip
    life = Life(state=state, as_of=as_of, trade=trade)
    return draft.model_copy(update={"life": life})


def test_outcomes_are_counted_when_they_came():
    start, end = utc("2025-06-11T08:00"), utc("2025-06-12T08:00")
    long_ago = start - 3 * DAY
    signals = [
        with_life(long_ago, LifeState.CLOSED, start, 2.0),
        with_life(long_ago, LifeState.CLOSED, start - MINUTE, 2.0),
        with_life(start, LifeState.CLOSED, start + HOUR, -1.0),
        with_life(start, LifeState.EXPIRED, start + HOUR),
        with_life(start, LifeState.OPEN, start + HOUR),
        with_life(start, LifeState.CLOSED, end, 2.0),
        hand_made(start),
    ]
    assert ended_between(signals, start, end) == Ended(signals=3, filled=2, won=1, total_r=1.0)
    assert decisions(signals) == {DecisionKind.APPROVED: 7}
