"""Entries of a price's place in a range: premium and discount, optimal trade entry."""

from pipeline.catalogue.entry import Entry, Provider, Specimen
from pipeline.catalogue.hand_made import path, stretch
from pipeline.domain.market import Timeframe


def _premium() -> Specimen:
    legs = [(6, 99.0), (8, 104.0), (7, 101.0), (6, 103.4), (8, 100.2), (6, 102.0)]
    prices = path(101.0, legs, sway=0.2)
    tool = Provider("premium_discount", {}, {"levels": Provider("swing", {"k": 3})})
    return Specimen(stretch("2025-03-12 09:00", prices), Timeframe.M5, tool)


def _entry_zone() -> Specimen:
    legs = [(5, 99.0), (7, 104.0), (8, 100.6), (8, 105.0), (7, 98.0), (17, 101.6)]
    prices = path(101.0, legs, sway=0.0)
    tool = Provider("ote", {"expiry_bars": 12}, {"levels": Provider("swing", {"k": 3})})
    return Specimen(stretch("2025-03-12 09:00", prices), Timeframe.M5, tool)


ENTRIES = (
    Entry(
        "premium_discount",
        "Above one half price is dear (premium), below it is cheap (discount).",
        {},
        _premium,
        also=("premium", "discount", "equilibrium", "dealing range"),
        unit="share of the range, at each bar's close: 0 at its low, 1 at its high",
    ),
    Entry(
        "ote",
        "Where a leg is retraced by 62 to 79 per cent.",
        {
            "formed": "both ends of a leg are confirmed: the zone is known",
            "touched": "a bar reaches the zone's near edge",
            "invalidated": "a bar closes beyond the leg's origin",
            "replaced": "a newer swing is confirmed: a newer leg counts",
            "expired": "expiry_bars bars went by: the zone is forgotten",
        },
        _entry_zone,
        also=("optimal trade entry", "fibonacci", "golden zone"),
    ),
)
