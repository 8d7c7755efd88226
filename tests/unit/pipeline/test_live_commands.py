"""What may stand behind /live replay, in which order, and what is said of the rest."""

from datetime import UTC, date, datetime

import pytest

from pipeline.command_words import KnownSetup, KnownWords
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.replay import ReplayRequest
from pipeline.live_commands import is_replay, parse_replay

M1, M5 = Timeframe.M1, Timeframe.M5
FRANK = KnownSetup("Frank_raid_v1", M1, (M1, M5), ("GER40", "EURUSD"))
RAID = KnownSetup("IB_raid_v1", M1, (M1, M5), ("GER40",))
TODAY = date(2025, 6, 1)
KNOWN = KnownWords(
    (FRANK, RAID),
    ("EURUSD", "GER40", "GBPUSD"),
    {"DAX": "GER40"},
    {"GER40": (date(2024, 1, 1), date(2025, 3, 10))},
)


def test_a_symbol_and_a_day_are_enough():
    asked = parse_replay("/live replay GER40 2025-03-10", KNOWN, TODAY)
    assert asked == ReplayRequest(
        symbols=("GER40",), start=date(2025, 3, 10), end=date(2025, 3, 10), speed=60
    )


def test_all_words_in_any_order():
    asked = parse_replay(
        "/live replay x600 M5 dax 2025-03-10..2025-03-11 ib_raid_v1 m1 frankraidv1 eur/usd"
        " confidence=0,3",
        KNOWN,
        TODAY,
    )
    assert asked.symbols == ("GER40", "EURUSD")
    assert asked.setups == ("IB_raid_v1", "Frank_raid_v1")
    assert asked.timeframes == (M5, M1)
    assert (asked.start, asked.end) == (date(2025, 3, 10), date(2025, 3, 11))
    assert (asked.speed, asked.min_confidence) == (600, 0.3)


@pytest.mark.parametrize(
    ("word", "speed"), [("x1", 1), ("60x", 60), ("×3600", 3600), ("max", 0), ("speed=5", 5)]
)
def test_speeds(word, speed):
    assert parse_replay(f"/live replay GER40 2025-03-10 {word}", KNOWN, TODAY).speed == speed


@pytest.mark.parametrize(
    ("text", "field", "corrected"),
    [
        ("/live replay", "symbol", "/live replay GER40"),
        ("/live replay GER40", "period", "/live replay GER40 2025-03-10"),
        ("/live replay GER4 2025-03-10", "symbol", "/live replay GER40 2025-03-10"),
        ("/live replay GER40 2025-03-10 x0", "speed", "/live replay GER40 2025-03-10 x1"),
        ("/live replay GER40 2025-03-10 x9999", "speed", "/live replay GER40 2025-03-10 x3600"),
        ("/live replay GER40 2025-03-10 speed=fast", "speed", "/live replay GER40 2025-03-10 x1"),
        (
            "/live replay GER40 2025-03-10 Frank_rade",
            "setup_id",
            "/live replay GER40 2025-03-10 Frank_raid_v1",
        ),
        ("/live replay GER40 2025-03-10 M2", "timeframe", "/live replay GER40 2025-03-10 M1"),
        (
            "/live replay GER40 2025-03-10 confidence=7",
            "confidence",
            "/live replay GER40 2025-03-10 confidence=0.3",
        ),
        (
            "/live replay GER40 2025-03-10 risk=3",
            "risk",
            "/live replay GER40 2025-03-10 confidence=0.3",
        ),
    ],
)
def test_refusals_name_the_field_and_put_the_command_right(text, field, corrected):
    with pytest.raises(BadRequestError) as refused:
        parse_replay(text, KNOWN, TODAY)
    assert refused.value.field == field
    assert refused.value.corrected == corrected


def test_what_is_put_right_is_right():
    for text in ("/live replay GER4 2025-03-10", "/live replay GER40", "/live replay GER40 x5"):
        with pytest.raises(BadRequestError) as refused:
            parse_replay(text, KNOWN, TODAY)
        assert parse_replay(refused.value.corrected, KNOWN, TODAY).symbols == ("GER40",)


def test_other_words_of_live_are_no_replay():
    assert is_replay("/live replay GER40")
    assert not is_replay("/live on GER40")
    assert not is_replay("/backtest replay")
    with pytest.raises(BadRequestError, match="replay"):
        parse_replay("/live on", KNOWN, TODAY)


def test_days_are_whole_days_of_their_zone():
    asked = ReplayRequest(
        symbols=("GER40",), start=date(2025, 3, 30), end=date(2025, 3, 30), zone="Europe/Berlin"
    )  # the clock goes forward in this night: a day of 23 hours
    assert asked.span() == (
        datetime(2025, 3, 29, 23, tzinfo=UTC),
        datetime(2025, 3, 30, 22, tzinfo=UTC),
    )
