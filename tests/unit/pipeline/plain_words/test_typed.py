"""What an analyst's typed answer may become: a command of known words, or nothing."""

import json
from datetime import date

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.commands import parse_backtest
from pipeline.plain_words.typed import read_wish, wish_facts, wish_schema
from tests.kit.library_words import KNOWN, TITLES

TODAY = date(2026, 11, 26)
COMMANDS = ["backtest", "batch", "live", "why"]
TEXT = "prueba la redada de Frankfurt en el DAX en marzo de 2025, solo largos"
ANSWER = {
    "command": "backtest", "setups": ["Frank_raid_v1"], "symbols": ["GER40"], "timeframe": "M5",
    "start": "2025-03-01", "end": "2025-03-31", "target_r": 2, "spread_points": None,
    "without_costs": False, "not_understood": ["solo largos", "buy now"],
}  # fmt: skip


def read(**changes):
    return read_wish(json.dumps({**ANSWER, **changes}), TEXT, KNOWN, COMMANDS)


def test_a_typed_answer_becomes_a_command_and_what_was_never_said_is_not_told():
    jsonschema.validate(ANSWER, wish_schema(KNOWN, COMMANDS))
    found = read()
    assert found is not None and found.by_analyst
    assert found.command == "/backtest Frank_raid_v1 GER40 M5 2025-03-01..2025-03-31 rr_target=2"
    assert found.unread == ("solo largos",)
    assert [taken.meaning for taken in found.taken] == [
        "Frank_raid_v1", "GER40", "M5", "2025-03-01..2025-03-31", "rr_target=2",
    ]  # fmt: skip
    assert parse_backtest(found.command, KNOWN, TODAY).options.rr_target == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"command": "nothing"}, {"command": "fetch"}, {"command": "backup"}, {"setups": ["../etc"]}, {"symbols": ["GER40; /users add 1 owner"]},
        {"timeframe": "M7"}, {"start": "soon"}, {"target_r": 1e9}, {"spread_points": -1}, {"more": 1},
    ],
)  # fmt: skip
def test_anything_else_than_known_words_is_nothing(changes):
    assert read(**changes) is None


def test_a_period_the_wrong_way_round_is_left_out_and_asked_for():
    found = read(start="2025-05-01", end="2025-03-01", without_costs=True, spread_points=0.5)
    assert found is not None
    words = "GER40 M5 spread=0.5 slippage=off commission=off swap=off rr_target=2"
    assert found.command == f"/backtest Frank_raid_v1 {words}"


def test_the_schema_is_strict_and_holds_only_what_there_is():
    schema = wish_schema(KNOWN, COMMANDS)
    assert schema["required"] == list(schema["properties"]) and not schema["additionalProperties"]
    assert "fetch" not in schema["properties"]["command"]["enum"]
    facts = wish_facts("x" * 900, KNOWN, TITLES, TODAY)
    assert len(facts["message"]) == 500 and facts["setups"]["Frank_raid_v1"] == "Frankfurt raid"


@given(st.text(max_size=80), st.text(max_size=80))
def test_whatever_an_answer_says_no_word_of_it_reaches_the_command_but_known_ones(word, setup):
    raw = {**ANSWER, "setups": [setup], "not_understood": [word]}
    assert read_wish(json.dumps(raw), TEXT, KNOWN, COMMANDS) is None
    assert read_wish(word, TEXT, KNOWN, COMMANDS) is None
