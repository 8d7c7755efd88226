"""Entries of the ranges of the clock: sessions and the initial balance."""

from pipeline.catalogue.entry import Entry, Provider, Specimen
from pipeline.catalogue.hand_made import joined, path, stretch
from pipeline.domain.market import Timeframe


def _two_mornings(tool: Provider, start: str, before: int, after: int) -> Specimen:
    """Return an hour that is whole, and on the next day one that lacks half of its bars."""
    whole = path(100.0, [(before, 100.5), (4, 102.5), (4, 99.5), (4, 101.0), (after, 103.0)])
    torn = path(102.0, [(before, 101.5), (4, 103.0), (4, 100.5), (4, 102.0), (after, 101.0)])
    missing = range(before + 3, before + 9)
    bars = joined(
        stretch(f"2025-03-12 {start}", whole),
        stretch(f"2025-03-13 {start}", torn, missing=missing),
    )
    return Specimen(bars, Timeframe.M5, tool)


def _session() -> Specimen:
    return _two_mornings(Provider("session_range"), "07:40", 4, 8)


def _balance() -> Specimen:
    return _two_mornings(Provider("initial_balance"), "08:40", 4, 8)


ENTRIES = (
    Entry(
        "session_range",
        "A session's high and low, known when the session ends.",
        {
            "formed": "the session has ended: its high and low are levels from now on",
            "incomplete": "too many of its bars are missing: no level on this day",
        },
        _session,
        in_force=True,
        also=("session", "asia", "frankfurt", "london", "range", "killzone"),
    ),
    Entry(
        "initial_balance",
        "The range of the first minutes of the instrument's cash session.",
        {
            "formed": "the first hour of the cash session is over: its high and low are levels",
            "incomplete": "too many of its bars are missing: no level on this day",
        },
        _balance,
        in_force=True,
        also=("ib", "opening range", "orb"),
    ),
)
