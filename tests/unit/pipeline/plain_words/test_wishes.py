"""Sentences in English and Russian and the commands they ask for."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.commands import parse_backtest
from pipeline.domain.market import Timeframe
from pipeline.plain_words.sentence import Sentence
from pipeline.plain_words.wishes import understand
from tests.kit.library_words import KNOWN, TITLES

TODAY = date(2026, 11, 26)
COMMANDS = [
    "backtest",
    "batch",
    "live",
    "train",
    "why",
    "analyze",
    "fetch",
    "walkforward",
    "verify",
]
FREE = "spread=off slippage=off commission=off swap=off"

SAID = [
    ("backtest the Frankfurt raid on DAX last summer, M5", "/backtest Frank_raid_v1 GER40 M5 2026-06-01..2026-08-31"),
    ("Test the frankfurt raid on the dax from March to June 2025 on 5 minute bars with a 2R target", "/backtest Frank_raid_v1 GER40 M5 2025-03-01..2025-06-30 rr_target=2"),
    ("How did the initial balance raid do on euro dollar in 2024?", "/backtest IB_raid_v1 EURUSD 2024-01-01..2024-12-31"),
    ("asia sweep on EURUSD Q1 2025 m15, no commission, risk 100$", "/backtest Asia_sweep_engulf_v1 EURUSD M15 2025-01-01..2025-03-31 commission=off risk=100"),
    ("Frank_raid_v1 GER40 2024", "/backtest Frank_raid_v1 GER40 2024-01-01..2024-12-31"),
    ("test frankfurt raid on dax from Nov 2024 to Feb", "/backtest Frank_raid_v1 GER40 2024-11-01..2025-02-28"),
    ("may I test the Frankfurt raid on DAX in May?", "/backtest Frank_raid_v1 GER40 2026-05-01..2026-05-31"),
    ("frankfurt raid on DAX between 1 May 2025 and 31 Oct 2025", "/backtest Frank_raid_v1 GER40 2025-05-01..2025-10-31"),
    ("test frankfurt raid on dax 01.05.2025 - 31.10.2025, hourly", "/backtest Frank_raid_v1 GER40 H1 2025-05-01..2025-10-31"),
    ("try Frankfurt raid GER40 winter 2024 spread 1.5 one position at a time", "/backtest Frank_raid_v1 GER40 2024-12-01..2025-02-28 spread=1.5 parallel=false"),
    ("test frankfurt raid dax M30 2025", "/backtest Frank_raid_v1 GER40 M30 2025-01-01..2025-12-31"),
    ("backtest frankfurt raid dax and eurusd 2025", "/batch Frank_raid_v1 GER40 EURUSD 2025-01-01..2025-12-31"),
    ("протестируй рейд франкфурта на даксе прошлым летом, м5", "/backtest Frank_raid_v1 GER40 M5 2026-06-01..2026-08-31"),
    ("Прогони франкфуртский рейд по DAX за последние три месяца на пятиминутках", "/backtest Frank_raid_v1 GER40 M5 2026-08-27..2026-11-26"),
    ("бэктест IB raid на евродолларе с марта по июнь 2025, цель 2R, без издержек", f"/backtest IB_raid_v1 EURUSD 2025-03-01..2025-06-30 {FREE} rr_target=2"),
    ("Как отработал пробой азии на золоте в мае 2025?", "/backtest Asia_fvg_break_v2 XAUUSD 2025-05-01..2025-05-31"),
    ("проверь рейд франкфурта на насдаке в первом квартале 2025 года", "/backtest Frank_raid_v1 USTEC 2025-01-01..2025-03-31"),
    ("watch the DAX on M5", "/live on GER40 M5"),
    ("Следи за даксом и евродолларом", "/live on GER40 EURUSD"),
    ("stop watching gold", "/live off XAUUSD"),
    ("why no signal on DAX on 10 March 2025?", "/why GER40 2025-03-10"),
    ("почему не было сигнала на DAX 10 марта 2025", "/why GER40 2025-03-10"),
    ("what's with gold now?", "/analyze XAUUSD"),
    ("download EURUSD M1 for 2024", "/fetch EURUSD M1 2024-01-01..2024-12-31"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "command"), SAID)
def test_said_and_understood(sentence, command):
    found = understand(sentence, KNOWN, TITLES, TODAY, COMMANDS)
    assert found is not None
    assert (found.command, found.unread, found.choices) == (command, (), ())
    assert found.language == ("ru" if any("а" <= c <= "я" for c in sentence.lower()) else "en")


@pytest.mark.parametrize(
    "sentence",
    [
        "hello there",
        "what is the weather today",
        "thanks!",
        "",
        "👍",
        "last summer",
        "GER40",
        "привет",
        "спасибо",
        "may",
    ],
)
def test_what_is_no_wish_is_nothing(sentence):
    assert understand(sentence, KNOWN, TITLES, TODAY, COMMANDS) is None


def test_what_was_not_understood_is_told_and_negations_are_never_silent():
    found = understand(
        "only longs on Frankfurt raid dax 2024, not on Mondays", KNOWN, TITLES, TODAY, COMMANDS
    )
    assert found is not None
    assert found.unread == ("only", "longs", "not", "mondays")


def test_a_period_of_which_something_is_left_over_is_asked_for():
    for said in ("May 2024 or August", "Q1 2024 versus 2025", "the end of last summer 2023"):
        found = understand(f"test Frankfurt raid dax {said}", KNOWN, TITLES, TODAY, COMMANDS)
        assert found is not None
        assert found.command == "/backtest Frank_raid_v1 GER40" and found.unread, said


def test_two_setups_that_a_name_fits_are_put_to_choice():
    found = understand("try the asia setup on gold last 3 months", KNOWN, TITLES, TODAY, COMMANDS)
    assert found is not None
    assert found.unread == ()
    assert found.choices == (
        "/backtest Asia_fvg_break_v2 XAUUSD 2026-08-27..2026-11-26",
        "/backtest Asia_sweep_engulf_v1 XAUUSD 2026-08-27..2026-11-26",
    )


def test_a_command_that_there_is_not_is_not_suggested():
    assert understand("what's with gold now?", KNOWN, TITLES, TODAY, ["backtest"]) is None


def test_short_names_that_are_words_need_their_capitals():
    lower = understand("test frankfurt raid es 2024", KNOWN, TITLES, TODAY, COMMANDS)
    upper = understand("test frankfurt raid ES 2024", KNOWN, TITLES, TODAY, COMMANDS)
    assert lower and upper
    assert (lower.unread, upper.unread) == (("es",), ())
    assert "US500" in upper.command


SETUP_WORDS = {
    "Frank_raid_v1": ["the Frankfurt raid", "рейд франкфурта", "Frank_raid_v1", "frankfurt setup"],
    "IB_raid_v1": ["initial balance raid", "IB raid", "ib_raid_v1"],
    "Asia_sweep_engulf_v1": [
        "asia sweep",
        "азиатский свип с поглощением",
        "asian sweep and engulfing",
    ],
}
SYMBOL_WORDS = {
    "GER40": ["DAX", "GER40", "дакс", "de40"],
    "EURUSD": ["euro dollar", "EUR/USD", "евродоллар", "eurusd"],
    "XAUUSD": ["gold", "золото", "XAUUSD"],
}
FRAME_WORDS = {
    Timeframe.M5: ["M5", "5 minutes", "пятиминутки", "5m", "м5"],
    Timeframe.M15: ["m15", "15-minute chart", "15 минут", "пятнадцатиминутки"],
}
PERIOD_WORDS = {
    (date(2025, 1, 1), date(2025, 12, 31)): ["2025", "in 2025", "за 2025 год"],
    (date(2025, 3, 1), date(2025, 6, 30)): [
        "from March to June 2025",
        "с марта по июнь 2025",
        "2025-03..2025-06",
    ],
    (date(2026, 6, 1), date(2026, 8, 31)): ["last summer", "прошлым летом", "summer 2026"],
    (date(2025, 10, 1), date(2025, 12, 31)): [
        "Q4 2025",
        "fourth quarter of 2025",
        "четвертый квартал 2025",
    ],
    (date(2026, 10, 1), date(2026, 10, 31)): ["last month", "в прошлом месяце", "in October"],
}
OPTION_WORDS = {
    (): [""],
    (("rr_target", 2.0),): ["rr 2", "with a 2R target", "цель 2R", "1:2"],
    (("spread", 0.8),): ["spread 0.8", "спред 0,8"],
}


def one_of(words):
    return st.sampled_from([(value, said) for value, ways in words.items() for said in ways])


@settings(max_examples=150)
@given(
    one_of(SETUP_WORDS), one_of(SYMBOL_WORDS), one_of(FRAME_WORDS), one_of(PERIOD_WORDS), one_of(OPTION_WORDS),
    st.permutations(range(5)), st.sampled_from(["test", "please backtest", "протестируй", "прогони мне"]),
)  # fmt: skip
def test_in_any_order_and_either_language_the_same_request(
    setup, symbol, frame, period, option, order, verb
):
    parts = [each[1] for each in (setup, symbol, frame, period, option)]
    found = understand(
        ", ".join([verb, *(parts[i] for i in order)]), KNOWN, TITLES, TODAY, COMMANDS
    )
    assert found is not None
    assert found.unread == ()
    request = parse_backtest(found.command, KNOWN, TODAY)
    assert (request.setup_id, request.symbol, request.timeframe) == (setup[0], symbol[0], frame[0])
    assert (request.start, request.end) == period[0]
    assert all(getattr(request.options, name) == value for name, value in option[0])


@given(st.text(max_size=700))
def test_any_text_is_read_and_its_words_stay_as_they_were(text):
    found = understand(text, KNOWN, TITLES, TODAY, COMMANDS)
    original = Sentence.of(text).original
    if found is not None:
        assert all(taken.words in original for taken in found.taken)
        assert "\n" not in found.command
