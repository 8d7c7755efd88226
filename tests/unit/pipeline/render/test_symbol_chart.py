"""The picture of a symbol: its size, that no tag covers another, the same bytes twice."""

import itertools

import pytest

from pipeline.analysis.market_state import symbol_facts
from pipeline.domain.market import Timeframe
from pipeline.render import symbol_chart as module
from pipeline.render.canvas import Canvas
from pipeline.render.symbol_chart import BARS, symbol_chart
from storage.instruments import YamlInstruments
from tests.kit.plain_services import wavy_bars


@pytest.mark.parametrize("n", [30, 500, 4321, 6336])
async def test_labels_never_overlap_and_stay_inside(n, monkeypatch):
    bars, instrument = wavy_bars(), await YamlInstruments().get("EURUSD")
    sheets = []

    class Watched(Canvas):
        def __init__(self, *args):
            super().__init__(*args)
            sheets.append(self)

    monkeypatch.setattr(module, "Canvas", Watched)
    facts = symbol_facts(bars.iloc[:n], instrument, Timeframe.M5)
    drawn = symbol_chart(bars, facts, instrument=instrument, timeframe=Timeframe.M5, age="new")
    again = symbol_chart(bars.iloc[:n], facts, instrument=instrument, timeframe=Timeframe.M5,
                         age="new")  # fmt: skip
    assert drawn.png == again.png  # later bars are not drawn
    assert (drawn.width, drawn.height) == (1080, 1350)
    shown = [t for t in drawn.mapping.times if t < facts.newest.timestamp()]
    assert len(shown) == min(n, BARS)
    tags = sheets[0].tags
    assert all(tag.within(sheets[0].frame) for tag in tags)
    for one, other in itertools.combinations(tags, 2):
        assert not one.meets(other), (one, other)
