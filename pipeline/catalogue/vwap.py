"""Entries of the volume-weighted average price."""

from pipeline.catalogue.entry import Entry, Provider, Specimen
from pipeline.catalogue.hand_made import joined, path, stretch
from pipeline.domain.market import Timeframe


def _vwap() -> Specimen:
    """Return a morning that trades most near its low."""
    prices = path(101.0, [(6, 101.0), (8, 98.5), (6, 99.0), (14, 103.0)], sway=0.4)
    volume = [100.0] * 6 + [600.0] * 14 + [100.0] * 14
    bars = stretch("2025-03-12 08:30", prices, volume=volume)
    return Specimen(bars, Timeframe.M5, Provider("vwap"))


def _basis() -> Specimen:
    """Return a day with volume, and one whose volume comes half an hour after the open."""
    one = path(100.0, [(3, 100.5), (9, 102.0), (8, 100.5)], sway=0.4)
    two = path(101.0, [(3, 101.0), (8, 99.0), (11, 101.5)], sway=0.4)
    bars = joined(
        stretch("2025-03-12 08:45", one),
        stretch("2025-03-13 08:45", two, volume=[0.0] * 10 + [100.0] * 12),
    )
    return Specimen(bars, Timeframe.M5, Provider("vwap_basis"))


ENTRIES = (
    Entry(
        "vwap",
        "The average price since the cash open (or the roll), weighted by volume. Without any "
        "volume each bar weighs the same, and vwap_basis says so.",
        {},
        _vwap,
        also=("volume weighted average price", "volume-weighted average"),
        unit="price, at each bar's close: the average since the anchor; nothing before it",
        panel="prices",
    ),
    Entry(
        "vwap_basis",
        "Says of each day whether its VWAP is weighted by volume or, for want of it, by time.",
        {
            "volume_weighted": "bars with volume since the anchor: the VWAP is weighted by it",
            "time_weighted": "no volume since the anchor yet: each bar weighs the same",
        },
        _basis,
        also=("twap",),
    ),
)
