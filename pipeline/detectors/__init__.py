"""Pure functions that see things in bars; importing this package registers all of them."""

from pipeline.detectors import (
    dealing_range,
    developing,
    displacement,
    imbalance,
    levels,
    liquidity,
    openings,
    order_blocks,
    pools,
    sessions,
    structure,
    volatility,
    vwap,
)
from pipeline.detectors.base import Detector, all_detectors, get
from pipeline.detectors.zones import to_zones

__all__ = [
    "Detector",
    "all_detectors",
    "dealing_range",
    "developing",
    "displacement",
    "get",
    "imbalance",
    "levels",
    "liquidity",
    "openings",
    "order_blocks",
    "pools",
    "sessions",
    "structure",
    "to_zones",
    "volatility",
    "vwap",
]
