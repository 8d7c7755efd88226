"""Whose name is whose: the broker's symbols found by aliases and endings, or by the user's word."""

import pytest

from pipeline.domain.errors import SetupError
from storage.instruments import YamlInstruments
from storage.mt5_symbols import match_names, read_names
from storage.mt5_terminal import SymbolName


async def matched(*names, chosen=None, visible=()):
    known = await YamlInstruments().known()
    return match_names(known, [SymbolName(n, n in visible) for n in names], chosen or {})


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("EURUSD", "EURUSD"), ("EURUSD.r", "EURUSD"), ("EURUSDm", "EURUSD"), ("EURUSD_i", "EURUSD"),
     ("EURUSD-ECN", "EURUSD"), ("EURUSDpro", "EURUSD"), ("EUR/USD", "EURUSD"), ("#EURUSD", "EURUSD"),
     ("DE40", "GER40"), ("DE40.cash", "GER40"), ("GER40.cash", "GER40"), ("Germany40", "GER40"),
     ("US100.cash", "USTEC"), ("XAUUSD+", "XAUUSD"), ("US500.a", "US500"), ("GER40!", "GER40")],
)  # fmt: skip
async def test_a_name_is_found(theirs, ours):
    assert await matched(theirs) == {ours: theirs}


@pytest.mark.parametrize(
    "theirs",
    ["ES", "ESm", "GOLD", "GC", "DAX", "BTC", "SPX", "EURUSDT2025", "EURUSDfuture", "XEURUSD", "EURUS",
     "GER400", "DE4", "GER40-MAR25-FUT", "BTCUSDTPERPETUAL", "", ".", "EURUSD\n"],
)  # fmt: skip
async def test_what_may_be_something_else_is_left_alone(theirs):
    assert await matched(theirs) == {}


async def test_of_several_the_best_is_taken():
    assert (await matched("EURUSD.r", "EURUSD"))["EURUSD"] == "EURUSD"
    assert (await matched("DE40", "GER40.cash", "GER30"))["GER40"] == "DE40", (
        "equal before endings"
    )
    assert (await matched("EURUSD.r", "EURUSD.a", visible={"EURUSD.r"}))["EURUSD"] == "EURUSD.r"
    assert (await matched("EURUSD.raw", "EURUSD.r"))["EURUSD"] == "EURUSD.r"
    assert (await matched("BTCUSDT", "BTCUSD"))["BTCUSD"] == "BTCUSD"


async def test_the_user_s_word_overrules():
    assert (await matched("GOLD", "XAUUSD", chosen={"XAUUSD": "GOLD"}))["XAUUSD"] == "GOLD"
    with pytest.raises(SetupError, match="no symbol 'SILVER' for XAUUSD"):
        await matched("GOLD", chosen={"XAUUSD": "SILVER"})
    with pytest.raises(SetupError, match="'GELD' is no symbol of ours"):
        await matched("GOLD", chosen={"GELD": "GOLD"})


@pytest.mark.parametrize(
    ("text", "named"),
    [("GER40: [1", "line"), ("- GER40", "expected"), ("GER40: 5", "expected"), ("a: {b: c}", "expected"),
     ("x: " + "y" * 70_000, "64 kB")],
)  # fmt: skip
def test_a_faulty_file_is_named(tmp_path, text, named):
    file = tmp_path / "broker_symbols.yaml"
    file.write_text(text)
    with pytest.raises(SetupError, match=named) as caught:
        read_names(file)
    assert "broker_symbols.yaml" in caught.value.user_text


def test_no_file_and_an_empty_one_say_nothing(tmp_path):
    file = tmp_path / "broker_symbols.yaml"
    assert read_names(file) == {}
    file.write_text("# nothing yet\n")
    assert read_names(file) == {}
    file.write_text("GER40: DE40.cash\n")
    assert read_names(file) == {"GER40": "DE40.cash"}
