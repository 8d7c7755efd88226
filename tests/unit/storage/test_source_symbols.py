"""How sources call our symbols: the built-in table holds what the sources' pages say."""

from storage.feeds.dukascopy_api import code_of
from storage.instruments import YamlInstruments
from storage.source_symbols import YamlSourceSymbols


async def test_metatrader_is_asked_for_every_symbol_by_our_name():
    table = YamlSourceSymbols()
    for symbol in ("GER40", "NATGAS"):
        found = await table.get("mt5", symbol)
        assert (found.symbol, found.name, found.scale) == (symbol, symbol, 1.0)
    assert await table.get("dukascopy", "NATGAS") is None
    assert await table.get("nowhere", "GER40") is None


async def test_dukascopy_s_scale_is_the_price_of_one_step():
    table, names = YamlSourceSymbols(), []
    for instrument in await YamlInstruments().known():
        found = await table.get("dukascopy", instrument.symbol)
        assert found is not None, "every symbol that comes with the product"
        assert found.scale <= instrument.point / 10 * 1.01, "ten steps a point at least"
        assert found.first is not None
        names.append(code_of(found.name))
    assert {"DEU.IDX-EUR", "EUS.IDX-EUR", "USA500.IDX-USD", "XAU-USD"} <= set(names)
