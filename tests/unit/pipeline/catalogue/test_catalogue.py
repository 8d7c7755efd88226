"""Every registered detector, discovered, has its entry, and its bars show what it promises."""

import numpy as np
import pytest

from pipeline.catalogue.cards import INPUTS, cards
from pipeline.catalogue.entries import entries, entry_of
from pipeline.catalogue.entry import found_in
from pipeline.detectors import all_detectors, get
from pipeline.domain.bars import validate_bars
from pipeline.domain.errors import BadRequestError

NAMES = [detector.name for detector in all_detectors()]
MOST_BARS = 120  # what a phone can show


def test_every_detector_has_its_entry_and_no_entry_is_left_over():
    assert sorted(entries()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
class TestEntry:
    def test_explains_every_event_or_the_unit(self, name):
        entry, detector = entry_of(name), get(name)
        assert tuple(entry.words) == detector.gives
        assert all(entry.words.values())
        assert bool(entry.unit) == (detector.output == "series")
        assert set(detector.inputs) <= set(INPUTS)
        assert entry.about.endswith(".")

    def test_its_bars_are_bars_and_few(self, name):
        specimen = entry_of(name).specimen()
        validate_bars(specimen.bars, specimen.timeframe)
        assert specimen.tool.detector == name
        assert len(specimen.bars) <= MOST_BARS

    def test_its_bars_show_all_that_it_promises(self, name):
        entry = entry_of(name)
        found, _ = found_in(entry.specimen())
        if isinstance(found, np.ndarray):
            known = found[np.isfinite(found)]
            assert len(known) > 5
            assert np.ptp(known) > 0, "a flat line shows nothing"
            return
        assert set(found["event"]) == set(entry.words) - set(entry.unshown)
        assert all(entry.unshown.values()), "says why"
        assert len(found) <= 12, "no more than can be read"


def test_cards_tell_names_bounds_and_words():
    by_name = {card.name: card for card in cards()}
    gap = by_name["fair_value_gap"]
    assert dict(gap.events)["inverted"].startswith("a bar closes beyond")
    told = {p.name: (p.default, p.allowed) for p in gap.parameters}
    assert told["min_gap_atr"] == ("0.1", "at least 0")
    assert told["min_gap_pct"] == ("none", "at least 0")
    assert told["expiry_bars"] == ("500", "at least 1, at most 5000")
    break_mode = by_name["structure"].parameters[0]
    assert (break_mode.default, break_mode.allowed) == ("close", "close or wick")


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(BadRequestError) as caught:
        entry_of("fair_value")
    assert caught.value.closest == tuple(sorted(NAMES))
