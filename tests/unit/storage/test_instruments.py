"""The instrument table: aliases, closest names, the user's file, symbols in file names."""

import pytest

from pipeline.domain.errors import BadRequestError, SetupError
from pipeline.domain.symbols import match_symbol
from storage.instruments import YamlInstruments

BUILT_IN = ["BTCUSD", "EU50", "EURUSD", "GBPUSD", "GER40", "US500", "USDJPY", "USTEC", "XAUUSD"]


async def test_known_are_sorted_and_complete():
    known = await YamlInstruments().known()
    assert [i.symbol for i in known] == BUILT_IN
    for instrument in known:
        assert instrument.source
        assert instrument.point >= instrument.tick_size
        assert instrument.tick_size == pytest.approx(10.0**-instrument.digits)


@pytest.mark.parametrize(
    ("word", "symbol"),
    [
        ("GER40", "GER40"),
        ("de40", "GER40"),
        ("Dax", "GER40"),
        ("GRXEUR", "GER40"),
        ("eur/usd", "EURUSD"),
        ("gold", "XAUUSD"),
        ("NAS100", "USTEC"),
    ],
)
async def test_aliases(word, symbol):
    assert (await YamlInstruments().get(word)).symbol == symbol


async def test_unknown_offers_the_closest():
    with pytest.raises(BadRequestError, match="GER40") as error:
        await YamlInstruments().get("GER41")
    assert error.value.field == "symbol"
    assert error.value.closest[0] == "GER40"
    with pytest.raises(BadRequestError) as error:
        await YamlInstruments().get("§§§")
    assert error.value.closest == tuple(BUILT_IN)


async def test_no_alias_belongs_to_two():
    known = await YamlInstruments().known()
    names = [n.upper() for i in known for n in (i.symbol, *i.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("text", "symbol"),
    [("EURUSD_M1_202001020000_202012312359.csv", "EURUSD"), ("DAT_ASCII_GRXEUR_M1_2024.csv", "GER40"), ("OANDA_DE30EUR, 5_ab12.csv", "GER40"),
     ("FX_EURUSD, 60.csv", "EURUSD"), ("EURUSD.r240.csv", "EURUSD"), ("EURUSD60.csv", "EURUSD"), ("CAPITALCOM_DE40, 1D.csv", "GER40"),
     ("GER40.cash_M15.csv", "GER40"), ("EUR_USD_2024.csv", "EURUSD"), ("prices.csv", None), ("times_es.csv", "US500"), ("yesterday.csv", None),
     ("BTCUSDT_1m.csv", "BTCUSD"), ("my nq bars.csv", "USTEC"), ("DE40m5.csv", "GER40")],
)  # fmt: skip
async def test_symbols_in_file_names(text, symbol):
    assert match_symbol(text, await YamlInstruments().known()) == symbol


ENTRY = """
- symbol: {symbol}
  title: Test
  point: 1.0
  tick_size: 0.5
  digits: 1
  point_value: 2.0
  currency: EUR
  spread_points: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
  slippage_points: 0.1
  cash_session: {session}
  calendar: {calendar}
  aliases: [MINE]
  source: me
"""


async def test_users_file_adds_replaces_and_is_read_again(tmp_path):
    file = tmp_path / "instruments.yaml"
    table = YamlInstruments(file)
    assert len(await table.known()) == len(BUILT_IN)
    file.write_text(ENTRY.format(symbol="BUND", session="xetra", calendar="index_xetra"))
    assert (await table.get("mine")).symbol == "BUND"
    file.write_text(ENTRY.format(symbol="GER40", session="xetra", calendar="index_xetra") + "\n")
    assert (await table.get("GER40")).point_value == 2.0
    assert len(await table.known()) == len(BUILT_IN)


@pytest.mark.parametrize(
    ("text", "word"),
    [(ENTRY.format(symbol="X", session="moon", calendar="fx"), "cash_session"), (ENTRY.format(symbol="X", session="xetra", calendar="moon"), "calendar"),
     ("a: [", "line"), ("a: 1", "list"), ("- symbol: X", "title"), ("- &a [x]\n- *a", "anchors")],
)  # fmt: skip
async def test_a_broken_users_file_says_where(tmp_path, text, word):
    (tmp_path / "i.yaml").write_text(text)
    with pytest.raises(SetupError, match=word):
        await YamlInstruments(tmp_path / "i.yaml").known()
