"""Which costs a run is given, and how they are told."""

import pytest

from flows.cost_words import costs_told, paid_told
from flows.costs import costs_of
from flows.settings import Settings
from pipeline.domain.market import Instrument, Swap
from pipeline.domain.request import BacktestOptions
from tests.kit.bar_strategies import EURUSD

OWN = Swap(long=-1.0, short=0.4, triple_day="thursday")


def given(instrument: Instrument, **options):
    return costs_of(BacktestOptions(**options), instrument, Settings(_env_file=None))


def test_the_instrument_gives_all_costs_unless_the_request_says_otherwise():
    known = EURUSD.model_copy(update={"swap": OWN, "commission": 3.5})
    plain = given(known)
    assert (plain.spread_points, plain.slippage_points) == (None, 0.1)
    assert (plain.commission, plain.swap) == (3.5, OWN)
    asked = given(known, swap=0.7, commission=2.0, spread=0.5, slippage=0.0)
    assert (asked.spread_points, asked.slippage_points, asked.commission) == (0.5, 0.0, 2.0)
    assert asked.swap == Swap(long=-0.7, short=-0.7, triple_day="thursday")
    off = given(known, swap=0.0, commission=0.0)
    assert (off.swap, off.commission) == (None, 0.0)


def test_a_symbol_without_a_swap_pays_none_but_takes_one():
    unknown = EURUSD.model_copy(update={"swap": None})
    assert given(unknown).swap is None
    assert given(unknown, swap=0.7).swap == Swap(long=-0.7, short=-0.7, triple_day="wednesday")


def test_a_percentage_is_replaced_by_points():
    index = EURUSD.model_copy(update={"swap": Swap(long=-4, short=-1, unit="percent")})
    assert given(index, swap=2.0).swap == Swap(long=-2, short=-2, unit="points")


@pytest.mark.parametrize(
    ("swap", "source", "words"),
    [
        (OWN, "instrument", "swap long -1, short +0.4 points a night, three nights on Thursday"),
        (None, "request", "swap none"),
        (None, "not known", "no swap known of this symbol"),
        (
            Swap(long=-20, short=-20, unit="percent", triple_day=None),
            "instrument",
            "swap -20 % a year, every night of the week",
        ),
    ],
)
def test_costs_in_words(swap, source, words):
    costs = {
        "spread_points": 0.5,
        "slippage_points": 0.1,
        "commission": 3.5,
        "swap": None if swap is None else swap.model_dump(mode="json"),
        "swap_source": source,
    }
    told = costs_told(costs, "USD")
    assert (
        told
        == f"spread 0.5 points, slippage 0.1 points, commission 3.5 USD a lot and side, {words}"
    )


def test_what_was_paid_in_words():
    assert paid_told(88.5, 0.0, "EUR") == "88.50 EUR"
    assert paid_told(1088.5, -1000.0, "EUR") == "1,088.50 EUR, 1,000.00 EUR of it swap"
    assert paid_told(-5.0, 12.0, "") == "-5.00, less 12.00 of swap received"
