"""Entries of the market's turns: swings, breaks of structure, engulfing bars."""

from pipeline.catalogue.entry import Entry, Provider, Specimen
from pipeline.catalogue.hand_made import path, stretch
from pipeline.domain.market import Timeframe


def _swing() -> Specimen:
    legs = [(8, 104.0), (8, 99.0), (9, 103.0), (7, 100.5)]
    prices = path(100.0, legs, sway=0.2)
    return Specimen(stretch("2025-03-12 09:00", prices), Timeframe.M5, Provider("swing"))


def _structure() -> Specimen:
    """Return a fall with one break, a turn against it, and a break with the new trend."""
    legs = [(5, 103.0), (4, 101.2), (4, 102.4), (7, 99.0), (4, 100.6), (3, 99.6), (8, 104.0)]
    legs += [(4, 102.6), (6, 106.0)]
    prices = path(102.0, legs, sway=0.1)
    swings = Provider("swing", {"k": 2})
    tool = Provider("structure", {}, {"swings": swings})
    return Specimen(stretch("2025-03-12 09:00", prices), Timeframe.M5, tool)


def _engulfing() -> Specimen:
    told = {
        9: (101.8, 102.0, 100.9, 101.1),
        10: (101.0, 103.0, 100.8, 102.8),
        20: (104.4, 105.4, 104.2, 105.1),
        21: (105.2, 105.6, 103.4, 103.8),
    }
    legs = [(4, 103.0), (5, 101.8), (2, 102.8), (9, 104.4), (2, 103.8), (6, 101.5)]
    prices = path(104.0, legs, told, sway=0.0, wick=0.4)
    return Specimen(stretch("2025-03-12 09:00", prices), Timeframe.M5, Provider("engulfing"))


ENTRIES = (
    Entry(
        "swing",
        "A high above the bars on either side of it, or a low below them.",
        {
            "high": "the bar before k others had the highest high of 2k + 1; known k bars later",
            "low": "the bar before k others had the lowest low of 2k + 1; known k bars later",
        },
        _swing,
        also=("pivot", "fractal", "swing high", "swing low"),
    ),
    Entry(
        "structure",
        "Breaks of the last confirmed swing, with the trend or against it.",
        {
            "bos": "break of structure: a close beyond the last swing, with the trend",
            "choch": "change of character: a close beyond the last swing, against the trend",
        },
        _structure,
        also=("bos", "choch", "mss", "break of structure", "change of character"),
    ),
    Entry(
        "engulfing",
        "A bar whose body covers the opposite body before it.",
        {"formed": "the body covers the whole opposite body before it; known at its close"},
        _engulfing,
        also=("engulf",),
    ),
)
