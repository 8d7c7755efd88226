"""Pure functions that see things in bars; importing this package registers all of them."""

from pipeline.detectors import imbalance, liquidity, sessions, structure, volatility
from pipeline.detectors.base import Detector, all_detectors, get
from pipeline.detectors.zones import to_zones

__all__ = [
    "Detector",
    "all_detectors",
    "get",
    "imbalance",
    "liquidity",
    "sessions",
    "structure",
    "to_zones",
    "volatility",
]
