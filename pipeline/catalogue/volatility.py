"""Entries of the detectors of movement: average true range and average daily range."""

from pipeline.catalogue.entry import Entry, Provider, Specimen
from pipeline.catalogue.hand_made import joined, path, stretch
from pipeline.domain.market import Timeframe


def _atr() -> Specimen:
    """Return a quiet and a lively afternoon, and a morning that opens with a jump."""
    quiet = path(100.0, [(14, 101.0)], sway=0.4)
    lively = path(101.0, [(4, 104.0), (4, 100.0), (4, 103.5), (2, 102.0)], sway=1.2, wick=1.4)
    morning = path(107.0, [(6, 107.6), (8, 107.0)], sway=0.4)
    bars = joined(
        stretch("2025-03-12 15:10", quiet),
        stretch("2025-03-12 16:20", lively),
        stretch("2025-03-13 09:00", morning),
    )
    return Specimen(bars, Timeframe.M5, Provider("atr", {"length": 5}))


def _adr() -> Specimen:
    """Return four trading days, the third one wide."""
    days = (
        [(8, 101.0), (8, 99.0), (8, 100.0)],
        [(6, 99.0), (10, 102.0), (8, 101.0)],
        [(8, 98.0), (8, 106.0), (8, 103.0)],
        [(12, 104.0), (12, 103.0)],
    )
    legs = [leg for day in days for leg in day]
    bars = stretch("2025-03-10 17:00", path(100.0, legs, sway=0.3, wick=0.4),
                   timeframe=Timeframe.H1, zone="America/New_York")  # fmt: skip
    tool = Provider("adr", {"days": 2})
    return Specimen(bars, Timeframe.H1, tool, zone="America/New_York")


ENTRIES = (
    Entry(
        "atr",
        "How far price moves within one bar, on average; a night's or weekend's jump is left out.",
        {},
        _atr,
        also=("average true range", "volatility"),
        unit="price, at each bar's close: Wilder's mean of the true ranges",
    ),
    Entry(
        "adr",
        "How far price moves within one trading day (17:00 to 17:00 New York), on average; "
        "changes once a day.",
        {},
        _adr,
        also=("average daily range",),
        unit="price, at each bar's close: mean high − low of the last completed days",
    ),
)
