"""Entries of the detectors of resting orders: raids."""

from pipeline.catalogue.entry import Entry, Provider, Specimen
from pipeline.catalogue.hand_made import path, stretch
from pipeline.domain.market import Timeframe


def _raid() -> Specimen:
    """Return a raid of the low that is reclaimed, then two breaks of the high."""
    told = {
        15: (100.8, 101.0, 99.2, 99.4),
        16: (99.4, 99.8, 98.6, 99.2),
        17: (99.2, 100.9, 99.0, 100.7),
    }
    legs = [(4, 103.0), (4, 103.8), (4, 101.4), (3, 100.8), (3, 100.7), (5, 103.4)]
    legs += [(1, 105.0), (5, 105.2), (2, 103.0), (2, 103.2), (2, 105.0), (5, 105.4)]
    prices = path(101.0, legs, told, sway=0.25)
    levels = Provider("session_range")
    tool = Provider("raid", {}, {"levels": levels, "atr": Provider("atr", {"length": 5})})
    return Specimen(stretch("2025-03-12 08:00", prices), Timeframe.M5, tool)


ENTRIES = (
    Entry(
        "raid",
        "Price trades through a level, takes the orders behind it, and closes back or does not.",
        {
            "penetrated": "a bar trades beyond the level by more than ticks, spread and share ask",
            "reclaimed": "a close back over the level in time: the raid",
            "accepted_break": "the time went by without a close back: the break is accepted",
            "expired": "the window ended with price still beyond, or the level never reached",
        },
        _raid,
        also=("sweep", "liquidity raid", "stop hunt", "reclaim", "turtle soup"),
    ),
)
