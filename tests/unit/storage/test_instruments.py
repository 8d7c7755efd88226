"""The instrument table: aliases, closest names, the user's file, symbols in file names."""

import pytest

from pipeline.domain.errors import BadRequestError, SetupError
from pipeline.domain.market import Side
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
        assert sum(instrument.swap.nights_by_weekday) == 7
        assert "swap" in instrument.source.lower(), instrument.symbol


async def test_a_night_costs_a_plausible_part_of_the_price():
    """The broker earns on both sides together, and no side more than 30 % a year."""
    prices = {"EURUSD": 1.1, "GBPUSD": 1.3, "USDJPY": 150.0, "XAUUSD": 2700.0, "BTCUSD": 90_000.0}
    for instrument in await YamlInstruments().known():
        price = prices.get(instrument.symbol, 10_000.0)
        a_year = {
            side: instrument.swap.points_per_night(side, price, instrument.point)
            * instrument.point * 360 / price
            for side in Side
        }  # fmt: skip
        assert sum(a_year.values()) < 0
        assert max(abs(rate) for rate in a_year.values()) < 0.3


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
     ("BTCUSDT_1m.csv", "BTCUSD"), ("my nq bars.csv", "USTEC"), ("DEU.IDX_EUR_Candlestick_5_M_BID.csv", "GER40"), ("USATECH.IDX_USD.csv", "USTEC"), ("DE40m5.csv", "GER40")],
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
    assert (await table.get("mine")).swap is None  # a file from before swaps were known
    file.write_text(ENTRY.format(symbol="GER40", session="xetra", calendar="index_xetra") + "\n")
    assert (await table.get("GER40")).point_value == 2.0
    assert len(await table.known()) == len(BUILT_IN)


async def test_a_users_swap_is_read(tmp_path):
    file = tmp_path / "instruments.yaml"
    entry = ENTRY.format(symbol="BUND", session="xetra", calendar="index_xetra")
    file.write_text(entry + "  swap: {long: -2, short: 0.5, unit: percent, triple_day: friday}\n")
    swap = (await YamlInstruments(file).get("BUND")).swap
    assert (swap.long, swap.short, swap.unit, swap.triple_day) == (-2, 0.5, "percent", "friday")
    assert swap.points_per_night(Side.LONG, 130.0, 1.0) == pytest.approx(-0.02 * 130 / 360)
    file.write_text(entry + "  swap: {long: -2, short: 0.5, triple_day: null}\n\n")
    swap = (await YamlInstruments(file).get("BUND")).swap
    assert (swap.unit, swap.nights_by_weekday) == ("points", (1,) * 7)


SWAP = ENTRY.format(symbol="X", session="xetra", calendar="fx") + "  swap: "


@pytest.mark.parametrize(
    ("text", "word"),
    [(SWAP + "{long: 1}", "swap.short"), (SWAP + "{long: 1, short: 1, triple_day: sunday}", "swap.triple_day"),
     (SWAP + "{long: 1, short: .nan}", "swap.short"), (SWAP + "0.5", "swap"),
     (ENTRY.format(symbol="X", session="moon", calendar="fx"), "cash_session"), (ENTRY.format(symbol="X", session="xetra", calendar="moon"), "calendar"),
     ("a: [", "line"), ("a: 1", "list"), ("- symbol: X", "title"), ("- &a [x]\n- *a", "anchors")],
)  # fmt: skip
async def test_a_broken_users_file_says_where(tmp_path, text, word):
    (tmp_path / "i.yaml").write_text(text)
    with pytest.raises(SetupError, match=word):
        await YamlInstruments(tmp_path / "i.yaml").known()
