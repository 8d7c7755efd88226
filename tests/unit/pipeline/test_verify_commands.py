"""What may stand behind /verify, in which order, and what is said of the rest."""

from datetime import date

import pytest

from pipeline.command_words import KnownSetup, KnownWords
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.verify_commands import parse_verify

FRANK = KnownSetup(
    "Frank_raid_v1", Timeframe.M1, (Timeframe.M1, Timeframe.M5), ("GER40", "EURUSD")
)
DAYS = (date(2024, 1, 1), date(2024, 12, 31))
TODAY = date(2025, 6, 1)


def known(*held):
    return KnownWords(
        (FRANK,), ("EURUSD", "GER40", "GBPUSD"), {"DAX": "GER40"}, dict.fromkeys(held, DAYS)
    )


def test_all_words_in_any_order():
    asked = parse_verify("/verify 2024 m5 dax frankraid_v1", known("GER40"), TODAY)
    assert (asked.setup_id, asked.symbol, asked.timeframe) == ("Frank_raid_v1", "GER40", "M5")
    assert (asked.start, asked.end) == DAYS
    assert asked.backtest().setup_id == "Frank_raid_v1"


@pytest.mark.parametrize(
    ("held", "symbol"),
    [
        (("EURUSD",), "EURUSD"),
        (("GBPUSD", "EURUSD"), "EURUSD"),
        (("GBPUSD",), "GBPUSD"),
        ((), "GER40"),
    ],
)
def test_the_symbol_is_one_the_setup_is_made_for_and_that_is_held(held, symbol):
    asked = parse_verify("/verify Frank_raid_v1", known(*held), TODAY)
    assert asked.symbol == symbol
    assert (asked.timeframe, asked.start, asked.end) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "field", "corrected"),
    [
        ("/verify", "setup_id", "/verify Frank_raid_v1"),
        ("/verify Frank_ride", "setup_id", "/verify Frank_raid_v1"),
        ("/verify Frank_raid_v1 EURUDS", "symbol", "/verify Frank_raid_v1 EURUSD"),
        ("/verify Frank_raid_v1 EURUSD M2", "timeframe", "/verify Frank_raid_v1 EURUSD M1"),
        ("/verify Frank_raid_v1 cuts=5000", "option", ""),
    ],
)
def test_refusals_name_the_field_and_put_the_command_right(text, field, corrected):
    with pytest.raises(BadRequestError) as refused:
        parse_verify(text, known("EURUSD"), TODAY)
    assert refused.value.field == field
    assert refused.value.corrected == corrected
