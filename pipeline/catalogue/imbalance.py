"""Entries of the detectors of one-sided trading: fair value gaps."""

from pipeline.catalogue.entry import Entry, Provider, Specimen
from pipeline.catalogue.hand_made import path, stretch
from pipeline.domain.market import Timeframe


def _gaps() -> Specimen:
    """Return an up gap that is filled step by step and inverted, and a down gap that is left."""
    told = {
        8: (100.4, 101.0, 100.1, 100.8),
        9: (100.8, 104.6, 100.7, 104.4),
        10: (104.4, 105.2, 103.6, 104.8),
        14: (105.0, 105.2, 103.0, 104.2),
        17: (104.6, 104.9, 102.0, 103.4),
        20: (103.8, 104.0, 100.7, 102.2),
        23: (101.8, 102.4, 99.7, 100.0),
        30: (99.8, 100.2, 99.2, 99.4),
        31: (99.4, 99.5, 95.4, 95.6),
        32: (95.6, 96.6, 94.9, 95.2),
    }
    legs = [(8, 100.4), (3, 104.8), (3, 105.0), (3, 104.4), (3, 103.0), (3, 101.0)]
    legs += [(8, 99.4), (2, 95.2), (21, 95.4)]
    prices = path(100.0, legs, told, sway=0.45)
    tool = Provider(
        "fair_value_gap",
        {"min_gap_atr": 1.0, "expiry_bars": 18},
        {"atr": Provider("atr", {"length": 5})},
    )
    return Specimen(stretch("2025-03-12 09:00", prices), Timeframe.M5, tool)


ENTRIES = (
    Entry(
        "fair_value_gap",
        "Three bars leave a price interval that the middle one alone traded.",
        {
            "formed": "three bars a, b, c leave prices that b alone traded; known at c's close",
            "touched": "a bar reaches the near edge",
            "midpoint": "a bar reaches the middle (consequent encroachment)",
            "mitigated": "a bar trades through the far edge, if only with its wick",
            "inverted": "a bar closes beyond the far edge: the gap acts the other way from now on",
            "expired": "expiry_bars bars went by without an inversion: the gap is forgotten",
        },
        _gaps,
        also=("fvg", "gap", "imbalance", "inversion", "ifvg"),
    ),
)
