"""Entries of ranges that are still being made."""

from pipeline.catalogue.entry import Entry, Provider, Specimen
from pipeline.catalogue.hand_made import path, stretch
from pipeline.domain.market import Timeframe


def _developing() -> Specimen:
    legs = [(6, 100.5), (4, 102.5), (4, 101.0), (4, 104.0), (10, 101.0), (8, 105.0)]
    prices = path(100.0, legs, sway=0.3)
    return Specimen(
        stretch("2025-03-12 07:30", prices), Timeframe.M5, Provider("developing_range")
    )


ENTRIES = (
    Entry(
        "developing_range",
        "A session's high, low or middle so far, while the session lasts.",
        {},
        _developing,
        also=("developing high", "developing low", "range so far"),
        unit="price, at each bar's close: the session's high (or low, or middle) so far; nothing "
        "outside the session",
        panel="prices",
    ),
)
