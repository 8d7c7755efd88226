"""What every detector shares: the registry, the event frame's making, local windows, holes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from math import ceil
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numba import njit
from pydantic import BaseModel, ConfigDict

from pipeline.domain.bars import epoch_seconds
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.signal import EVENT_COLUMNS, Zone

HOLE_SECONDS = 30 * 60
"""A pause this long between two bars is a closed market, not a quiet one."""

DAY_MINUTES = 24 * 60
DST_SLACK = 60
"""Minutes by which a window across a change of clocks is longer than the wall says."""

WITHOUT_ZONE = frozenset({"incomplete"})
"""Events that say that there is no level; their prices are NaN."""

GAP_STATUS = {
    "formed": "open",
    "touched": "partial",
    "midpoint": "partial",
    "mitigated": "filled",
    "inverted": "inverted",
    "expired": "expired",
}
META_COLUMNS = {
    "side": "side",
    "session_name": "session",
    "break_strength": "strength",
    **{same: same for same in ("day", "mid", "trend_before", "trend_after")},
    **{same: same for same in ("level", "depth_atr", "bars_outside", "double_raid")},
}
"""`meta` key -> event column it is read from, where the detector has it."""

ENDS = frozenset({"inverted", "expired", "reclaimed", "accepted_break"})
"""Events after which nothing more happens to a zone."""


class Parameters(BaseModel):
    """Base of every detector's parameters: frozen, unknown words refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Inputs = Mapping[str, Any]
Found: TypeAlias = pd.DataFrame | np.ndarray
Detect = Callable[[pd.DataFrame, Any, Inputs, Instrument, Timeframe], Found]


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
        "events": a frame of EVENT_COLUMNS then extras, sorted by (bar, zone_id).
        "series": float64 of len(bars), the value known at each bar's close, NaN before.
    warm_up
        Bars of its own timeframe that decide the last row, its inputs' warm-up not counted.
    detect
        ``detect(bars, parameters, inputs, instrument, timeframe)``.
    source
        The market convention it follows, so that a trader can dispute it.
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


def column(bars: pd.DataFrame, name: str) -> np.ndarray:
    """Return a float column of a bar frame as a contiguous array, read only to its callers."""
    return np.ascontiguousarray(bars[name].to_numpy(dtype="float64"))


def after_hole(bars: pd.DataFrame) -> np.ndarray:
    """Return for each bar whether a hole of 30 minutes or more lies before it; first: False."""
    opened = epoch_seconds(bars["open_time"])
    closed = epoch_seconds(bars["close_time"])
    hole = np.zeros(len(opened), dtype=np.bool_)
    hole[1:] = opened[1:] - closed[:-1] >= HOLE_SECONDS
    return hole


def event_frame(
    bars: pd.DataFrame,
    bar: np.ndarray,
    event: tuple[Sequence[str], np.ndarray],
    values: Mapping[str, Any],
) -> pd.DataFrame:
    """Build an event frame; rows must come sorted by (bar, zone_id).

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
    words, codes = event
    start = values["start"]
    if isinstance(start, np.ndarray):
        start = bars["open_time"].array.take(start)
    columns = {
        "bar": bar.astype("int64", copy=False),
        "known_at": bars["close_time"].array.take(bar),
        "event": pd.array(list(words), dtype="str").take(codes),
        "side": values["side"],
        "start": start,
    }
    rest = {name: values[name] for name in values if name not in columns}
    frame = pd.DataFrame({**columns, **rest}, copy=False)
    wrong = [c for c, kind in EVENT_COLUMNS.items() if str(frame[c].dtype) != kind]
    if wrong or tuple(frame.columns[: len(EVENT_COLUMNS)]) != tuple(EVENT_COLUMNS):
        raise TypeError(f"event frame breaks its schema at {wrong or list(frame.columns)}")
    return frame


@dataclass(frozen=True)
class LocalWindows:
    """One window of local wall clock per calendar day, as UTC.

    `day` is datetime64[D], the local date the window starts on; `start` and `end` are int64
    seconds since 1970 UTC, [start, end).
    """

    day: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def iso_days(self, rows: np.ndarray) -> Any:
        """Return the ISO dates of some windows as a "str" array."""
        return pd.array(np.datetime_as_string(self.day[rows]).astype(object), dtype="str")


def local_windows(bars: pd.DataFrame, zone: str, start: time, end: time) -> LocalWindows:
    """Return the windows [start, end) of every local day that the bars may touch.

    Days run from the day before the first bar to the day after the last: windows over midnight
    (end <= start; they belong to their start date) are never cut at the frame's edge.

    Notes
    -----
    Each day is converted by its own UTC offset: windows follow the clock on the wall through
    DST changes. A wall time that doesn't exist moves forward, one that exists twice is the
    first of the two.
    """
    if len(bars) == 0:
        nothing = np.empty(0, dtype="int64")
        return LocalWindows(np.empty(0, dtype="datetime64[D]"), nothing, nothing)
    one, over_midnight = timedelta(days=1), timedelta(days=1 if end <= start else 0)
    first = bars["open_time"].iloc[0].tz_convert(zone).tz_localize(None).normalize()
    last = bars["close_time"].iloc[-1].tz_convert(zone).tz_localize(None).normalize()
    days = pd.date_range(first - one, last + one, freq="D")
    return LocalWindows(
        days.to_numpy().astype("datetime64[D]"),
        _utc_seconds(days + _since_midnight(start), zone),
        _utc_seconds(days + _since_midnight(end) + over_midnight, zone),
    )


def _since_midnight(wall: time) -> timedelta:
    return timedelta(hours=wall.hour, minutes=wall.minute, seconds=wall.second)


def _utc_seconds(wall: pd.DatetimeIndex, zone: str) -> np.ndarray:
    first_of_two = np.ones(len(wall), dtype=np.bool_)
    local = wall.tz_localize(zone, ambiguous=first_of_two, nonexistent="shift_forward")
    return epoch_seconds(local)


def window_minutes(start: time, end: time) -> int:
    """Return a window's length by the clock on the wall, in minutes."""
    length = (_since_midnight(end) - _since_midnight(start)) // timedelta(minutes=1)
    return length if length > 0 else length + DAY_MINUTES


def bars_in(minutes: float, timeframe: Timeframe) -> int:
    """Return how many bars of the timeframe `minutes` can hold at most."""
    return ceil(minutes / timeframe.minutes)


def utc_times(seconds: np.ndarray) -> Any:
    """Return int64 seconds since 1970 as a datetime64[us, UTC] array."""
    stamps = seconds.astype("datetime64[s]").astype("datetime64[us]")
    return pd.DatetimeIndex(stamps).tz_localize("UTC").array


@njit(cache=True)
def window_extremes(
    high: np.ndarray, low: np.ndarray, first: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the highest high and lowest low of each row range [first, last); NaN if empty."""
    top = np.full(len(first), np.nan)
    bottom = np.full(len(first), np.nan)
    for w in range(len(first)):
        if last[w] > first[w]:
            top[w] = high[first[w] : last[w]].max()
            bottom[w] = low[first[w] : last[w]].min()
    return top, bottom


def to_zones(name: str, events: pd.DataFrame) -> list[Zone]:
    """Return the zones of an event frame as they are given to the outside.

    One zone per `zone_id`, oldest first, as it stands after the last event of the frame: cut
    the events at a `known_at` to see it as of then. `end` is when it was inverted, expired,
    reclaimed or broken, None while it lives. Events that say "no level" (`incomplete`) are
    left out. `confidence` is the coverage of a session's range, 1 for all else. A zone that
    breaks the schema (NaN or crossed prices, a start after `known_at`) raises ValidationError.
    """
    zones: dict[int, Zone] = {}
    for row in events[~events["event"].isin(WITHOUT_ZONE)].to_dict("records"):
        zones[row["zone_id"]] = _zone(name, row, zones.get(row["zone_id"]))
    return list(zones.values())


def _zone(name: str, row: dict[str, Any], born: Zone | None) -> Zone:
    known_at = row["known_at"].to_pydatetime()
    return Zone(
        type=name,
        start=row["start"].to_pydatetime(),
        end=known_at if row["event"] in ENDS else None,
        price_low=row["price_low"],
        price_high=row["price_high"],
        confidence=min(1.0, row.get("coverage", 1.0)),
        known_at=born.known_at if born else known_at,
        meta={"event": row["event"], **_meta(name, row)},
    )


def _meta(name: str, row: dict[str, Any]) -> dict[str, Any]:
    if name == "fair_value_gap":
        return {
            "fvg_direction": "bullish" if row["gap_side"] > 0 else "bearish",
            "gap_size_atr": row["size_atr"],
            "gap_size_pct": 100 * row["size"] / row["price_low"],
            "mitigation_status": GAP_STATUS[row["event"]],
        }
    if name == "swing":
        return {"swing_high" if row["side"] < 0 else "swing_low": row["price"]}
    meta = {key: row[source] for key, source in META_COLUMNS.items() if source in row}
    if "penetrated_bar" in row:
        meta["swept"] = row["penetrated_bar"] >= 0
    return meta
