"""What people type after /backtest, and what they get for it."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.commands import KnownSetup, KnownWords, parse_backtest
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.request import BacktestRequest
from pipeline.domain.trade import FillMode

ALL = (Timeframe.M1, Timeframe.M5, Timeframe.M15)
KNOWN = KnownWords(
    setups=(
        KnownSetup("Frank_raid_v1", Timeframe.M1, ALL, ("GER40", "EURUSD")),
        KnownSetup("Asia_sweep_engulf_v1", Timeframe.M5, ALL[1:], ("GER40", "EURUSD")),
    ),
    symbols=("EURUSD", "GER40"),
    aliases={"DAX": "GER40", "DE40": "GER40"},
)
TODAY = date(2025, 11, 3)


def parse(text):
    return parse_backtest(text, KNOWN, TODAY)


def test_words_in_any_order():
    expected = BacktestRequest(
        symbol="EURUSD",
        timeframe="M1",
        start=date(2024, 3, 1),
        end=date(2024, 5, 31),
        setup_id="Frank_raid_v1",
    )
    assert parse("/backtest Frank_raid_v1 EURUSD M1 2024-03-01..2024-05-31") == expected
    assert parse("2024-03-01 .. 2024-05-31 eurusd frank_raid_v1") == expected
    assert parse("/backtest@scout_bot eur/usd 1m FRANKRAIDV1 2024-03..2024-05") == expected
    assert parse("Frank_raid_v1 EURUSD M1 2024-03-01–2024-05-31") == expected
    assert parse("Frank_raid_v1 EURUSD M1 2024-03-01…2024-05-31") == expected


@pytest.mark.parametrize(
    ("word", "start", "end"),
    [
        ("2025-05", date(2025, 5, 1), date(2025, 5, 31)),
        ("2024", date(2024, 1, 1), date(2024, 12, 31)),
        ("last 90d", date(2025, 8, 6), TODAY),
        ("last 2 weeks", date(2025, 10, 21), TODAY),
        ("01.05.2025..31.05.2025", date(2025, 5, 1), date(2025, 5, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("yesterday", date(2025, 11, 2), date(2025, 11, 2)),
        ("ytd", date(2025, 1, 1), TODAY),
    ],
)
def test_periods(word, start, end):
    request = parse(f"Frank_raid_v1 DAX {word}")
    assert (request.start, request.end, request.symbol) == (start, end, "GER40")


def test_options_survive_phones():
    request = parse(
        "Frank_raid_v1 GER40 2025-05 rr = 2,5 —dry_run max_trades=“50” parallel=no fill=pessimistic spread=1"
    )
    options = request.options
    assert (options.rr_target, options.dry_run, options.max_trades) == (2.5, True, 50)
    assert (options.parallel, options.fill, options.spread) == (False, FillMode.PESSIMISTIC, 1.0)


def test_costs_are_points_paid_or_off():
    options = parse(
        "Frank_raid_v1 GER40 2025-05 swap=0,7 commission=3 spread=off slip=off"
    ).options
    costs = (options.swap, options.commission, options.spread, options.slippage)
    assert costs == (0.7, 3.0, 0.0, 0.0)
    plain = parse("Frank_raid_v1 GER40 2025-05").options
    assert (plain.swap, plain.commission, plain.spread, plain.slippage) == (None,) * 4
    assert parse("Frank_raid_v1 GER40 2025-05 swap=off commission=OFF").options.swap == 0.0


@pytest.mark.parametrize(
    ("text", "field", "value", "closest", "corrected"),
    [
        ("Frank_raid_v1 EURUSD 2025-05 swap=-0.7", "swap", "-0.7", "swap=0.5", None),
        ("Frank_raid_v1 EURUSD 2025-05 commission=free", "commission", "free", None, None),
        (
            "Frank_raid EURUSD 2025-05",
            "setup_id",
            "Frank_raid",
            "Frank_raid_v1",
            "/backtest Frank_raid_v1 EURUSD 2025-05",
        ),
        (
            "Frank_raid_v1 EURUS 2025-05",
            "symbol",
            "EURUS",
            "EURUSD",
            "/backtest Frank_raid_v1 EURUSD 2025-05",
        ),
        ("Frank_raid_v1 EURUSD M2 2025-05", "timeframe", "M2", "M1", None),
        (
            "Frank_raid_v1 EURUSD H1 2025-05",
            "timeframe",
            "H1",
            "M1",
            "/backtest Frank_raid_v1 EURUSD M1 2025-05",
        ),
        ("Frank_raid_v1 EURUSD 2025-13", "period", "2025-13", "last 90d", None),
        ("Frank_raid_v1 EURUSD 2025-06-01..2025-05-01", "period", None, "last 90d", None),
        (
            "Frank_raid_v1 EURUSD",
            "period",
            None,
            "last 90d",
            "/backtest Frank_raid_v1 EURUSD last 90d",
        ),
        ("EURUSD 2025-05", "setup_id", None, "Frank_raid_v1", None),
        ("", "setup_id", None, "Frank_raid_v1", None),
        ("Frank_raid_v1 EURUSD GER40 2025-05", "symbol", "GER40", "EURUSD", None),
        ("Frank_raid_v1 EURUSD 2025-05 rr=-1", "rr_target", "-1", "rr_target=2", None),
        ("Frank_raid_v1 EURUSD 2025-05 fil=adaptive", "fil", "adaptive", "fill=adaptive", None),
        ("Frank_raid_v1 EURUSD 2025-05 banana", "text", "banana", None, None),
    ],
)
def test_refusals_name_field_value_and_fix(text, field, value, closest, corrected):
    with pytest.raises(BadRequestError) as caught:
        parse(text)
    error = caught.value
    assert error.field == field
    if value is not None:
        assert error.value == value
    if closest is not None:
        assert error.closest[0] == closest
    if corrected is not None:
        assert error.corrected == corrected
    assert error.user_text and "\n" not in error.user_text


def test_the_contracts_own_example():
    with pytest.raises(
        BadRequestError, match=r"unknown setup 'Frank_raid': did you mean Frank_raid_v1\?"
    ):
        parse("Frank_raid EURUSD 2025-05")


words = st.sampled_from(
    [
        "Frank_raid_v1",
        "EURUSD",
        "DAX",
        "M1",
        "M5",
        "H9",
        "2025-05",
        "2025-99",
        "last 90d",
        "last",
        "..",
        "rr=2",
        "rr=",
        "=2",
        "dry_run",
        "—",
        "fill=drilldown",
        "max_trades=1e9",
        "spread=nan",
        "0000",
        "2025-05-01..",
        "'",
        "/backtest",
    ]
)


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=80), st.lists(words, max_size=8).map(" ".join)))
@example("rr=inf Frank_raid_v1 EURUSD 2025")
@example("²³²³ EURUSD Frank_raid_v1")
def test_any_text_is_a_valid_request_or_a_clear_refusal(text):
    try:
        request = parse(text)
    except BadRequestError as error:
        assert error.user_text
        assert error.field
    else:
        assert BacktestRequest.model_validate(request.model_dump()) == request
        assert request.symbol in KNOWN.symbols


@settings(max_examples=100)
@given(st.permutations(["Frank_raid_v1", "GER40", "M5", "2025-05..2025-06", "rr=3", "dry_run"]))
def test_order_never_matters(order):
    assert parse(" ".join(order)) == parse("Frank_raid_v1 GER40 M5 2025-05..2025-06 rr=3 dry_run")


def test_a_corrected_command_is_valid():
    for text in (
        "Frank_raid EURUSD 2025-05 rr=3",
        "Frank_raid_v1 EURUSD",
        "Frank_raid_v1 GER40 H4 2025-05",
    ):
        with pytest.raises(BadRequestError) as caught:
            parse(text)
        assert parse(caught.value.corrected).setup_id == "Frank_raid_v1"


def test_lots_and_risk_exclude_each_other():
    assert parse("Frank_raid_v1 GER40 2025-05 risk=50").options.risk == 50
    with pytest.raises(BadRequestError) as caught:
        parse("Frank_raid_v1 GER40 2025-05 lots=1 risk=50")
    assert caught.value.closest == ("lots=1", "risk=50")


@pytest.mark.parametrize(
    ("text", "corrected"),
    [
        ("Frank_raid_v1 Asia_sweep_engulf_v1 DAX 2025-05 rr=3", "Frank_raid_v1 GER40 2025-05 rr_target=3"),
        ("rr=x Frank_raid_v1 DAX 2025-05", "Frank_raid_v1 GER40 2025-05 rr_target=2"),
        ("2025-13 Frank_raid_v1 DAX rr=3", "Frank_raid_v1 GER40 last 90d rr_target=3"),
    ],
)  # fmt: skip
def test_a_corrected_command_keeps_what_stands_behind_the_mistake(text, corrected):
    with pytest.raises(BadRequestError) as caught:
        parse(text)
    assert caught.value.corrected == f"/backtest {corrected}"


def test_a_missing_period_offers_what_is_held():
    held = {"GER40": (date(2024, 1, 2), date(2024, 12, 30))}
    known = replace(KNOWN, held=held)
    with pytest.raises(BadRequestError) as caught:
        parse_backtest("Frank_raid_v1 GER40", known, TODAY)
    assert caught.value.closest[0] == "2024-09-30..2024-12-30"
    assert caught.value.closest[-1] == "2024-01-02..2024-12-30"
    for period in caught.value.closest:
        assert parse_backtest(f"Frank_raid_v1 GER40 {period}", known, TODAY)
    fresh = replace(KNOWN, held={"GER40": (date(2024, 1, 2), TODAY)})
    with pytest.raises(BadRequestError) as caught:
        parse_backtest("Frank_raid_v1 GER40", fresh, TODAY)
    assert caught.value.closest[0] == "last 90d"
