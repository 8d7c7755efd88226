"""Entries of pools of orders behind equal highs and lows."""

from pipeline.catalogue.entry import Entry, Provider, Specimen
from pipeline.catalogue.hand_made import path, stretch
from pipeline.domain.market import Timeframe


def _pools() -> Specimen:
    """Return highs that a third one joins, swept and taken, and lows that are left."""
    told = {35: (103.3, 104.9, 103.1, 103.5)}
    legs = [(4, 100.0), (5, 104.0), (4, 101.6), (4, 104.0), (5, 102.6), (5, 104.0), (5, 101.6)]
    legs += [(3, 103.3), (1, 103.5), (3, 102.8), (5, 106.0), (10, 105.2)]
    prices = path(101.0, legs, told, sway=0.0, wick=0.4)
    swings = Provider("swing", {"k": 3})
    atr = Provider("atr", {"length": 5})
    tool = Provider(
        "equal_levels", {"tolerance_atr": 0.3, "expiry_bars": 18}, {"swings": swings, "atr": atr}
    )
    return Specimen(stretch("2025-03-12 09:00", prices), Timeframe.M5, tool)


ENTRIES = (
    Entry(
        "equal_levels",
        "Two or more swing highs (or lows) at nearly one price: stops rest behind them.",
        {
            "formed": "a swing is confirmed at the price of an earlier one: a pool",
            "swept": "a bar trades beyond the pool's outer edge and closes no further",
            "taken": "a bar closes beyond the outer edge: the pool is gone",
            "joined": "a further swing at that price made a new pool of them",
            "expired": "expiry_bars bars went by: the pool is forgotten",
        },
        _pools,
        also=("equal highs", "equal lows", "eqh", "eql", "liquidity pool", "double top"),
    ),
)
