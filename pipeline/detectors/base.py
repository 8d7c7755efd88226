"""What every detector shares: the registry, a bar frame's columns, the making of events."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict

from pipeline.domain.bars import BarTable, bar_seconds, float_column, time_column
from pipeline.domain.events import Events
from pipeline.domain.market import Instrument, Timeframe

HOLE_SECONDS = 30 * 60
"""A pause this long between two bars is a closed market, not a quiet one."""

DEFAULT_INPUTS = {
    "atr": "atr",
    "swings": "swing",
    "levels": "session_range",
    "gaps": "fair_value_gap",
    "structure": "structure",
    "displacements": "displacement",
}
"""Input's name -> the detector that serves it where nobody says which."""


class Parameters(BaseModel):
    """Base of every detector's parameters: frozen, unknown words refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Inputs = Mapping[str, Any]
Found: TypeAlias = Events | np.ndarray
Detect = Callable[[BarTable, Any, Inputs, Instrument, Timeframe], Found]


@dataclass(frozen=True)
class Detector:
    """A pure function from bars to events or to a series, with what one must know to call it.

    Parameters
    ----------
    name, title
        The word used in setup files, and a short phrase for people.
    gives
        Event words; empty for a series.
    inputs
        Names of what `detect` wants in its mapping, computed on the same bars.
    parameters
        Frozen pydantic model; units are in the fields' descriptions.
    output
        "events": `Events`, sorted by (bar, zone_id).
        "series": float64 of len(bars), the value known at each bar's close, NaN before.
    warm_up
        Bars of its own timeframe that decide the last row, its inputs' warm-up not counted.
    detect
        ``detect(bars, parameters, inputs, instrument, timeframe)``.
    source
        The market convention it follows, so that a trader can dispute it.
    pauses
        A series that may be NaN again: outside its hours, or while no range holds.
    """

    name: str
    title: str
    gives: tuple[str, ...]
    inputs: tuple[str, ...]
    parameters: type[BaseModel]
    output: Literal["events", "series"]
    warm_up: Callable[[Any, Timeframe], int]
    detect: Detect
    source: str
    pauses: bool = False


_REGISTRY: dict[str, Detector] = {}


def register(detector: Detector) -> Detector:
    """Add a detector to the registry and return it; a second of the same name is refused."""
    if detector.name in _REGISTRY:
        raise ValueError(f"detector {detector.name!r} is registered twice")
    _REGISTRY[detector.name] = detector
    return detector


def get(name: str) -> Detector:
    """Return the detector of that name; KeyError names the known ones."""
    if name not in _REGISTRY:
        raise KeyError(f"no detector {name!r}; known: {', '.join(sorted(_REGISTRY))}")
    return _REGISTRY[name]


def all_detectors() -> list[Detector]:
    """Return every registered detector, by name."""
    return [_REGISTRY[name] for name in sorted(_REGISTRY)]


def column(bars: BarTable, name: str) -> np.ndarray:
    """Return a float column of a bar frame as a contiguous array, read only to its callers."""
    return np.ascontiguousarray(float_column(bars, name))


def bar_times(bars: BarTable, name: str) -> np.ndarray:
    """Return `open_time` or `close_time` as datetime64[us], UTC."""
    return time_column(bars, name)


def after_hole(bars: BarTable) -> np.ndarray:
    """Return for each bar whether a hole of 30 minutes or more lies before it; first: False."""
    opened = bar_seconds(bars, "open_time")
    closed = bar_seconds(bars, "close_time")
    hole = np.zeros(len(opened), dtype=np.bool_)
    hole[1:] = opened[1:] - closed[:-1] >= HOLE_SECONDS
    return hole


def events_at(
    bars: BarTable,
    bar: np.ndarray,
    event: tuple[Sequence[str], np.ndarray],
    values: Mapping[str, np.ndarray],
) -> Events:
    """Build events; rows must come sorted by (bar, zone_id).

    Parameters
    ----------
    bars
        The bar frame the rows in `bar` count in; `known_at` is read from it.
    bar
        int64, the bar at whose close each event is known.
    event
        The detector's words, and for each event the position of its word in them.
    values
        The other common columns (`start` as times, or as int64 rows whose open it is), then
        the extras in their order.
    """
    words, code = event
    start = values["start"]
    columns = {
        "bar": bar,
        "known_at": bar_times(bars, "close_time")[bar],
        **values,
        "start": start if start.dtype.kind == "M" else bar_times(bars, "open_time")[start],
    }
    return Events(tuple(words), code, columns)
