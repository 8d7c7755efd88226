"""Who hears of a signal, how loud, and when; no limit drops anything."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.live import DecisionKind
from pipeline.domain.market import Side, Timeframe
from pipeline.domain.signal import Signal
from pipeline.domain.watch import Mute, Quiet, Watch
from pipeline.live.routing import loudness, next_digest, replayed, route

NOW = datetime(2025, 6, 11, 8, 2, 1, tzinfo=UTC)  # a Wednesday, 10:02 in Berlin
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
APPROVED, REVIEW = DecisionKind.APPROVED, DecisionKind.REVIEW_REQUIRED


def a_signal(setup="Frank_raid_v1", symbol="GER40", tf=Timeframe.M5):
    return Signal(
        signal_id="sig_20250611_001",
        symbol=symbol,
        tf=tf,
        side=Side.LONG,
        entry_price=24000.0,
        sl_price=23980.0,
        tp_price=24040.0,
        confidence=0.8,
        setup_id=setup,
        rule_version="1.0",
        known_at=NOW.replace(second=0),
        day="2025-06-11",
        trace=(),
    )


def routed(kind=APPROVED, lately=(), now=NOW, **wishes):
    return route(kind, a_signal(), Watch(chat_id=7, **wishes), lately, now=now)


@pytest.mark.parametrize(
    ("wishes", "kind", "wanted"),
    [
        ({}, APPROVED, True),
        ({}, REVIEW, True),
        ({}, DecisionKind.REJECTED, False),
        ({}, DecisionKind.SUPPRESSED, False),
        ({}, DecisionKind.LATE, False),
        ({"on": False}, APPROVED, False),
        ({"symbols": ("GER40", "EURUSD")}, APPROVED, True),
        ({"symbols": ("EURUSD",)}, APPROVED, False),
        ({"timeframes": (Timeframe.M5,)}, APPROVED, True),
        ({"timeframes": (Timeframe.M1, Timeframe.M15)}, APPROVED, False),
        ({"setups": ("Frank_raid_v1",)}, APPROVED, True),
        ({"setups": ("IB_raid_v1",)}, APPROVED, False),
        ({"sound": {"review": "off"}}, REVIEW, False),
        ({"sound": {"review": "off"}}, APPROVED, True),
        ({"sound": {"approved": "off"}}, APPROVED, False),
        ({"muted": {"Frank_raid_v1": Mute()}}, APPROVED, False),
        ({"muted": {"IB_raid_v1": Mute()}}, APPROVED, True),
        ({"muted": {"Frank_raid_v1": Mute(until=NOW + MINUTE)}}, APPROVED, False),
        ({"muted": {"Frank_raid_v1": Mute(until=NOW)}}, APPROVED, True),
        ({"muted": {"Frank_raid_v1": Mute(until=NOW - MINUTE)}}, APPROVED, True),
    ],
)
def test_a_chat_hears_of_what_it_wants(wishes, kind, wanted):
    alert = routed(kind, **wishes)
    assert (alert is not None) is wanted
    if alert:
        assert (alert.chat_id, alert.held, alert.due_at) == (7, "", None)


@pytest.mark.parametrize(
    ("kind", "sound", "silent"),
    [
        (APPROVED, {}, False),
        (APPROVED, {"approved": "silent"}, True),
        (REVIEW, {}, True),
        (REVIEW, {"review": "loud"}, False),
    ],
)
def test_loudness_goes_by_kind(kind, sound, silent):
    assert routed(kind, sound=sound).silent is silent


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Auckland"])
def test_weekends_are_left_out_unless_wanted(zone):
    saturday = datetime(2025, 6, 13, 23, 30, tzinfo=UTC)  # 01:30 in Berlin, 11:30 in Auckland
    assert routed(now=saturday, zone=zone) is None
    assert routed(now=saturday, zone=zone, weekend=True) is not None
    assert routed(now=saturday, zone="America/New_York") is not None  # Friday evening there


def test_quiet_hours_hold_to_their_end():
    night = datetime(2025, 6, 10, 21, 30, tzinfo=UTC)
    alert = routed(now=night, quiet=Quiet(start="22:00", end="07:00"))
    assert alert.held == "quiet"
    assert alert.due_at == datetime(2025, 6, 11, 5, tzinfo=UTC)


def test_quiet_hours_come_before_limits_and_after_what_isnt_wanted():
    night = datetime(2025, 6, 10, 21, 30, tzinfo=UTC)
    quiet = Quiet(start="22:00", end="07:00")
    assert routed(now=night, quiet=quiet, lately=[night] * 50).held == "quiet"
    assert routed(DecisionKind.LATE, now=night, quiet=quiet) is None
    assert routed(now=night, quiet=quiet, symbols=("EURUSD",)) is None


@pytest.mark.parametrize(
    ("lately", "wishes", "held"),
    [
        ([NOW - 30 * MINUTE] * 9, {}, ""),
        ([NOW - 30 * MINUTE] * 10, {}, "hour"),
        ([NOW - HOUR] * 10, {}, ""),
        ([NOW - HOUR + timedelta(seconds=1)] * 10, {}, "hour"),
        ([NOW] * 3, {"max_per_hour": 3}, "hour"),
        ([NOW] * 2, {"max_per_hour": 3}, ""),
        ([NOW - timedelta(seconds=59)] * 20, {"max_per_hour": 1000}, "minute"),
        ([NOW - MINUTE] * 20, {"max_per_hour": 1000}, ""),
        ([NOW] * 19, {"max_per_hour": 1000}, ""),
        ([NOW] * 4, {"max_per_hour": 1000, "max_per_minute": 4}, "minute"),
    ],
)
def test_limits_hold(lately, wishes, held):
    alert = routed(lately=lately, **wishes)
    assert alert.held == held
    assert alert.due_at == (datetime(2025, 6, 11, 8, 5, tzinfo=UTC) if held else None)


def test_a_digest_is_due_at_the_next_full_five_minutes():
    full = datetime(2025, 6, 11, 8, 5, tzinfo=UTC)
    assert next_digest(full) == full + 5 * MINUTE
    assert next_digest(full - timedelta(microseconds=1)) == full
    assert next_digest(datetime(2025, 6, 11, 23, 58, tzinfo=UTC)).day == 12


moments = st.integers(0, 40_000_000).map(lambda s: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=s))  # fmt: skip
clocks = st.integers(0, 1439).map(lambda m: f"{m // 60:02}:{m % 60:02}")
wishes = st.fixed_dictionaries(
    {},
    optional={
        "quiet": st.builds(Quiet, start=clocks, end=clocks),
        "zone": st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
        "max_per_hour": st.integers(1, 30),
        "max_per_minute": st.integers(1, 30),
    },
)


@given(moments, wishes, st.lists(st.integers(0, 7200), max_size=40))
def test_limits_and_quiet_hours_delay_and_never_drop(now, wished, ago):
    lately = [now - timedelta(seconds=s) for s in ago]
    alert = routed(lately=lately, now=now, weekend=True, **wished)
    assert alert is not None
    assert (alert.held == "") == (alert.due_at is None)
    if alert.held == "quiet":
        # 23 hours 59 at most, and an hour more where the clock is set back
        assert now < alert.due_at <= now + 25 * HOUR
        later = routed(now=alert.due_at, weekend=True, **wished)
        assert later.held == ""
    elif alert.held:
        assert now < alert.due_at <= now + 5 * MINUTE


@given(
    wishes,
    st.lists(st.tuples(st.integers(0, 59), st.integers(1, 12)), min_size=1, max_size=30),
)
def test_no_hour_and_no_minute_has_more_alerts_than_asked_for(wished, bursts):
    """Played through: what goes out at once is counted, what is held is told in digests."""
    wished = {k: v for k, v in wished.items() if k != "quiet"}
    watch = Watch(chat_id=7, weekend=True, **wished)
    sent, held, now = [], [], NOW
    for minutes, count in bursts:
        now += minutes * MINUTE
        for _ in range(count):
            alert = route(APPROVED, a_signal(), watch, sent, now=now)
            (held if alert.held else sent).append(now)
    assert len(sent) + len(held) == sum(count for _, count in bursts)
    for at in sent:
        assert sum(at - HOUR < s <= at for s in sent) <= watch.max_per_hour
        assert sum(at - MINUTE < s <= at for s in sent) <= watch.max_per_minute


def test_the_chat_of_a_replay_hears_all_of_it_but_what_is_off_or_muted():
    narrow = Watch(
        chat_id=7, on=False, symbols=("EURUSD",), quiet=Quiet(start="00:00", end="23:59")
    )
    sunday = datetime(2025, 6, 15, 12, tzinfo=UTC)
    alert = replayed(APPROVED, a_signal(), narrow, now=sunday)
    assert (alert.chat_id, alert.silent, alert.held) == (7, False, "")
    loud = narrow.model_copy(update={"sound": {"review": "loud"}})
    assert replayed(REVIEW, a_signal(), loud, now=NOW).silent
    off = narrow.model_copy(update={"sound": {"review": "off"}})
    assert replayed(REVIEW, a_signal(), off, now=NOW) is None
    muted = narrow.model_copy(update={"muted": {"Frank_raid_v1": Mute()}})
    assert replayed(APPROVED, a_signal(), muted, now=NOW) is None
    assert replayed(DecisionKind.REJECTED, a_signal(), narrow, now=NOW) is None


def test_what_a_chat_never_said_is_as_usual():
    assert loudness(Watch(chat_id=1, sound={}), "approved") == "loud"
    assert loudness(Watch(chat_id=1, sound={"feed": "off"}), "feed") == "off"
    assert loudness(Watch(chat_id=1, sound={"feed": "off"}), "digest") == "silent"
