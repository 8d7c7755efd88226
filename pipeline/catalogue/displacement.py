"""Entries of moves of one will."""

from pipeline.catalogue.entry import Entry, Provider, Specimen
from pipeline.catalogue.hand_made import path, stretch
from pipeline.domain.market import Timeframe


def _displacement() -> Specimen:
    """Return a strong run up and a strong run down, each leaving a gap."""
    told = {
        12: (100.4, 101.8, 100.2, 101.6),
        13: (101.6, 104.8, 100.7, 104.6),
        14: (104.6, 105.6, 103.8, 105.2),
        27: (104.6, 104.8, 102.9, 103.1),
        28: (103.1, 104.4, 99.6, 99.8),
        29: (99.8, 100.6, 99.0, 99.4),
    }
    legs = [(12, 100.4), (3, 105.2), (12, 104.6), (3, 99.4), (10, 99.8)]
    prices = path(100.0, legs, told, sway=0.4)
    atr = Provider("atr", {"length": 5})
    gaps = Provider("fair_value_gap", {"min_gap_atr": 0.5}, {"atr": atr})
    tool = Provider("displacement", {}, {"gaps": gaps, "atr": atr})
    return Specimen(stretch("2025-03-12 09:00", prices), Timeframe.M5, tool)


ENTRIES = (
    Entry(
        "displacement",
        "A short run of bars of one colour, large against the ATR, that leaves a fair value gap.",
        {
            "formed": "the gap that the run leaves is known: its net body was large enough, in "
            "ATR and as a share of its range",
        },
        _displacement,
        also=("impulse", "expansion", "momentum"),
    ),
)
