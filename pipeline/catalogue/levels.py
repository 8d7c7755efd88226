"""Entries of the levels a trading day inherits: the previous day's and week's high and low."""

from pipeline.catalogue.entry import Entry, Provider, Specimen
from pipeline.catalogue.hand_made import joined, path, stretch
from pipeline.domain.market import Timeframe

_NEW_YORK = "America/New_York"


def _previous_day() -> Specimen:
    """Return a whole day, a half holiday that doesn't count, a whole day and some hours."""
    whole = path(100.0, [(8, 103.0), (8, 98.5), (8, 101.0)], sway=0.3)
    half = path(101.0, [(4, 102.0), (4, 101.5)], sway=0.3)
    late = path(101.5, [(10, 105.0), (14, 102.0), (9, 104.0)], sway=0.3)
    bars = joined(
        stretch("2025-03-10 17:00", whole, timeframe=Timeframe.H1, zone=_NEW_YORK),
        stretch("2025-03-11 17:00", half, timeframe=Timeframe.H1, zone=_NEW_YORK),
        stretch("2025-03-12 17:00", late, timeframe=Timeframe.H1, zone=_NEW_YORK),
    )
    return Specimen(bars, Timeframe.H1, Provider("previous_day", {"max_back": 1}), zone=_NEW_YORK)


def _previous_week() -> Specimen:
    """Return a week, before which there is none, and the first days of the next."""
    first = path(100.0, [(8, 103.0), (12, 98.0), (10, 101.0)], sway=0.5, wick=0.6)
    second = path(102.0, [(8, 104.0), (7, 102.5)], sway=0.5, wick=0.6)
    bars = joined(
        stretch("2025-03-16 17:00", first, timeframe=Timeframe.H4, zone=_NEW_YORK),
        stretch("2025-03-23 17:00", second, timeframe=Timeframe.H4, zone=_NEW_YORK),
    )
    return Specimen(bars, Timeframe.H4, Provider("previous_week"), zone=_NEW_YORK)


ENTRIES = (
    Entry(
        "previous_day",
        "The high and low of the last trading day that counts, in force from the next's start.",
        {
            "formed": "a trading day begins (17:00 New York): the high and low of the last one "
            "that counts are levels on it",
            "incomplete": "no trading day among the last max_back counts: no levels on this day",
        },
        _previous_day,
        in_force=True,
        also=("pdh", "pdl", "previous day high", "previous day low", "yesterday"),
    ),
    Entry(
        "previous_week",
        "The high and low of the last week that counts, said anew on each trading day.",
        {
            "formed": "a trading day begins: the high and low of the last week that counts are "
            "levels on it",
            "incomplete": "no week among the last max_back counts: no levels on this day",
        },
        _previous_week,
        in_force=True,
        also=("pwh", "pwl", "previous week high", "previous week low"),
    ),
)
