"""Entries of the opening prices that traders keep as levels."""

from pipeline.catalogue.entry import Entry, Provider, Specimen
from pipeline.catalogue.hand_made import joined, path, stretch
from pipeline.domain.market import Timeframe

_NEW_YORK = "America/New_York"


def _openings() -> Specimen:
    """Return two days that open in time, and between them one that opens hours late."""
    one = path(100.0, [(8, 102.0), (8, 99.0), (7, 101.0)], sway=0.3)
    late = path(101.5, [(6, 103.5), (6, 102.0), (4, 102.5)], sway=0.3)
    two = path(102.5, [(8, 101.0), (7, 104.0)], sway=0.3)
    bars = joined(
        stretch("2025-03-10 17:00", one, timeframe=Timeframe.H1, zone=_NEW_YORK),
        stretch("2025-03-12 00:00", late, timeframe=Timeframe.H1, zone=_NEW_YORK),
        stretch("2025-03-12 17:00", two, timeframe=Timeframe.H1, zone=_NEW_YORK),
    )
    return Specimen(bars, Timeframe.H1, Provider("opening_price"), zone=_NEW_YORK)


ENTRIES = (
    Entry(
        "opening_price",
        "The first price of the trading day, the trading week, or New York's midnight.",
        {
            "formed": "the first bar at or after the opening has closed: its open is a level",
            "incomplete": "the first bar opened too late after it: no level",
        },
        _openings,
        in_force=True,
        also=("day open", "week open", "midnight open", "true day open", "ny midnight"),
    ),
)
