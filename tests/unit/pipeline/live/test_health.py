"""Green, amber and red, each with its reason."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.live import Pulse
from pipeline.live.health import (
    ENDED,
    NO_MARKET,
    HealthLine,
    Light,
    Needs,
    Ping,
    ScannerFacts,
    ago,
    judge_disk,
    judge_feed,
    judge_latency,
    judge_outbox,
    judge_ping,
    judge_process,
    judge_processes,
    judge_scan,
    latency,
    worst,
)

NOW = datetime(2025, 6, 11, 8, tzinfo=UTC)
GREEN, AMBER, RED = Light.GREEN, Light.AMBER, Light.RED


def pulse(age, name="bot@a:1", **facts):
    return Pulse(name=name, at=NOW - timedelta(seconds=age), facts=facts)


@pytest.mark.parametrize(
    ("pulses", "spared", "light", "words"),
    [
        ([pulse(3, active=True)], "", GREEN, "active, seen 3 s ago"),
        ([pulse(3)], "", GREEN, "active, seen 3 s ago"),
        ([pulse(45, active=True)], "", AMBER, "active, seen 45 s ago"),
        ([pulse(3, active=True), pulse(5, "bot@b:1", active=False)], "", GREEN, "1 standing by"),
        ([pulse(3, active=False)], "", AMBER, "stands by; none is active"),
        ([pulse(3, active=False), pulse(90, "bot@b:1", active=True)], "", AMBER, "none is active"),
        ([pulse(200, active=True)], "", RED, "no sign of life for 3 min"),
        ([pulse(9, active=True, **{ENDED: True})], "", RED, "ended 9 s ago"),
        ([], "", RED, "never seen"),
        ([], "no token", GREEN, "not running; no token"),
        ([pulse(200, active=True)], "no token", GREEN, "not running; no token"),
        # one that was killed long ago says nothing about the one that took over
        ([pulse(4000, "bot@old:1", active=True), pulse(2, active=True)], "", GREEN, "seen 2 s"),
        ([pulse(300, "bot@old:1", **{ENDED: True}), pulse(90)], "", RED, "no sign of life for 90 s"),
    ],
)  # fmt: skip
def test_a_process_is_judged_by_its_newest_pulses(pulses, spared, light, words):
    line = judge_process("bot", pulses, NOW, spared)
    assert (line.name, line.light) == ("bot", light)
    assert words in line.words


def test_every_kind_of_process_gets_a_line():
    pulses = [pulse(1), pulse(500, "bridge@w:7")]
    lines = judge_processes(pulses, Needs(worker="runs are done in the bot"), NOW)
    assert [(line.name, line.light) for line in lines] == [
        ("bot", GREEN), ("scanner", RED), ("worker", GREEN), ("bridge", GREEN),
    ]  # fmt: skip
    assert worst(lines) is RED
    assert worst([]) is GREEN


@pytest.mark.parametrize(
    ("facts", "watched", "light", "words"),
    [
        (None, True, RED, "no scanner is active"),
        (None, False, GREEN, "no scanner is active"),
        ({"feed": "mt5", "feed_down_since": NOW - timedelta(minutes=4)}, True, RED, "no answer for 4 min"),
        ({"feed": "mt5", "doubt": "its clock is 90 s off"}, True, AMBER, "its clock is 90 s off"),
        ({"feed": "mt5", "silent": ("GER40",)}, True, AMBER, "no bars of GER40"),
        ({"feed": "mt5", "silent": tuple("ABCDEFG")}, True, AMBER, "A, B, C, D, E …"),
        ({"feed": "mt5"}, True, GREEN, "no bar is due"),
        ({"feed": "mt5", "lag": 1.24}, True, GREEN, "1.2 s behind"),
        ({"feed": "mt5", "lag": 91}, True, AMBER, "91.0 s behind"),
        ({"feed": "mt5", "lag": 301}, True, RED, "301.0 s behind"),
    ],
)  # fmt: skip
def test_the_feed(facts, watched, light, words):
    scanner = None if facts is None else ScannerFacts(**facts)
    line = judge_feed(scanner, connected=True, watched=watched, now=NOW)
    assert line.light is light
    assert words in line.words


@pytest.mark.parametrize(("watched", "light"), [(True, AMBER), (False, GREEN)])
def test_without_a_market(watched, light):
    for scanner in (None, ScannerFacts()):
        line = judge_feed(scanner, connected=False, watched=watched, now=NOW)
        assert line == HealthLine("feed", light, NO_MARKET)


@pytest.mark.parametrize(
    ("age", "due", "light"),
    [(60, True, GREEN), (91, True, AMBER), (181, True, RED), (None, True, RED), (4000, False, GREEN)],
)  # fmt: skip
def test_the_last_scan(age, due, light):
    at = None if age is None else NOW - timedelta(seconds=age)
    facts = ScannerFacts(feed="mt5", last_scan=at, symbols=12)
    assert judge_scan(facts, due=due, now=NOW).light is light
    assert judge_scan(None, due=due, now=NOW).light is (RED if due else GREEN)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=300))
def test_percentiles_are_values_that_at_least_that_share_lies_below(seconds):
    found = latency(seconds)
    assert found.alerts == len(seconds)
    for share, value in ((0.5, found.p50), (0.95, found.p95), (0.99, found.p99)):
        rank = max(math.ceil(share * len(seconds) - 1e-9), 1)
        assert value == sorted(seconds)[rank - 1]


def test_latency_of_none():
    assert latency([]) is None
    assert judge_latency(None) == HealthLine("alert latency", GREEN, "no alert today")


@pytest.mark.parametrize(
    ("seconds", "light"),
    [([0.2] * 99 + [5], GREEN), ([0.2] * 98 + [5] * 2, AMBER), ([0.2, 31], RED)],
)
def test_latency_is_judged_by_its_99th_percentile(seconds, light):
    assert judge_latency(latency(seconds)).light is light


@pytest.mark.parametrize(
    ("owed", "age", "light", "words"),
    [
        (0, None, GREEN, "empty"), (2, None, GREEN, "2 owed"), (3, 12, GREEN, "the oldest for 12 s"),
        (3, 31, AMBER, "for 31 s"), (1, 301, RED, "for 5 min"),
    ],
)  # fmt: skip
def test_the_outbox(owed, age, light, words):
    oldest = None if age is None else NOW - timedelta(seconds=age)
    line = judge_outbox(owed, oldest, NOW)
    assert line.light is light
    assert words in line.words


def test_services_that_answer_slowly_or_not_or_are_not_there():
    def judged(ping):
        return judge_ping("Redis", ping, without="nothing stands by", broken=AMBER)

    assert judged(Ping(ok=True, seconds=0.0021)) == HealthLine("Redis", GREEN, "answers in 2 ms")
    assert judged(Ping(ok=True, seconds=1.5)).light is AMBER
    assert judged(Ping(ok=False, said="gone")) == HealthLine("Redis", AMBER, "gone")
    away = judged(Ping(ok=False, set_up=False))
    assert away == HealthLine("Redis", GREEN, "not set up; nothing stands by")
    assert judge_ping("database", Ping(ok=False, said="x"), without="").light is RED


@pytest.mark.parametrize(("free", "light"), [(5e9, GREEN), (1.9e9, AMBER), (4e8, RED)])
def test_the_disk(free, light):
    assert judge_disk(free).light is light


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 days")],
)
def test_whiles_in_words(seconds, words):
    assert ago(timedelta(seconds=seconds)) == words
