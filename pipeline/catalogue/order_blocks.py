"""Entries of order blocks."""

from pipeline.catalogue.entry import Entry, Provider, Specimen
from pipeline.catalogue.hand_made import path, stretch
from pipeline.domain.market import Timeframe


def _order_block() -> Specimen:
    """Return a block that is touched, broken and tested from below, and one that is left."""
    told = {
        17: (100.6, 100.8, 99.4, 99.8),
        18: (99.8, 101.6, 99.7, 101.4),
        19: (101.4, 104.4, 101.3, 104.2),
        20: (104.2, 105.2, 103.4, 104.8),
        28: (101.8, 102.0, 100.5, 101.6),
        34: (100.4, 100.6, 98.6, 98.8),
        38: (99.0, 100.0, 98.7, 98.9),
        39: (98.9, 99.4, 98.8, 99.3),
        40: (99.3, 99.4, 97.6, 97.8),
        41: (97.8, 97.9, 95.0, 95.2),
        42: (95.2, 96.0, 94.8, 95.6),
    }
    legs = [(5, 101.6), (4, 100.2), (4, 102.0), (5, 99.8), (3, 104.8), (7, 101.8), (1, 101.6)]
    legs += [(5, 100.4), (1, 98.8), (3, 99.0), (1, 98.9), (4, 95.6), (22, 95.2)]
    prices = path(100.0, legs, told, sway=0.2, wick=0.4)
    atr = Provider("atr", {"length": 5})
    swings = Provider("swing", {"k": 2})
    gaps = Provider("fair_value_gap", {"min_gap_atr": 0.5}, {"atr": atr})
    runs = Provider("displacement", {}, {"gaps": gaps, "atr": atr})
    structure = Provider("structure", {}, {"swings": swings})
    tool = Provider(
        "order_block", {"expiry_bars": 20}, {"structure": structure, "displacements": runs}
    )
    return Specimen(stretch("2025-03-12 09:00", prices), Timeframe.M5, tool)


ENTRIES = (
    Entry(
        "order_block",
        "The last opposite bar before a displacement that breaks structure.",
        {
            "formed": "structure breaks with displacement: the last opposite bar before it is "
            "the block",
            "touched": "a later bar reaches the block's near edge",
            "invalidated": "a bar closes beyond the far edge: the block acts the other way",
            "breaker": "after that, a bar comes back to the block from the other side",
            "expired": "expiry_bars bars went by without a breaker: the block is forgotten",
        },
        _order_block,
        also=("ob", "breaker block", "mitigation block"),
    ),
)
