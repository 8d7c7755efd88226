"""Events: what a detector says about bars, as plain columns; a pandas frame only on demand."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self, TypeAlias

import numpy as np
import pandas as pd

EVENT_COLUMNS: dict[str, str] = {
    "bar": "int64",  # row of the bar at whose close it is known
    "known_at": "datetime64[us, UTC]",  # that bar's close_time
    "event": "str",  # "formed", "reclaimed", "inverted" … : one of the detector's `gives`
    "side": "int64",  # +1 bullish / long, −1 bearish / short, 0 neither
    "start": "datetime64[us, UTC]",  # open_time where the drawing starts
    "price_low": "float64",
    "price_high": "float64",
    "zone_id": "int64",  # ties later events of one zone or level to its birth; per detector run
}
"""Columns all events have, by their dtype in a frame; detectors add their own behind them."""

_KINDS = {kind: "M" if kind.startswith("datetime") else kind[0] for kind in EVENT_COLUMNS.values()}
_KINDS["str"] = "U"
_COMMON = {name: _KINDS[kind] for name, kind in EVENT_COLUMNS.items() if name != "event"}
_EMPTY = {"i": "int64", "f": "float64", "M": "datetime64[us]", "U": "<U1"}
_Key: TypeAlias = tuple[tuple[str, ...], int | None]
_SIZE = 8  # bytes of every number and time


@dataclass(frozen=True, eq=False)
class Events:
    """Events of one detector, sorted by (bar, zone_id); nothing in it can be changed.

    Parameters
    ----------
    words
        Words that may occur.
    code
        int64, for each event the position of its word in `words`.
    columns
        The other EVENT_COLUMNS, then the detector's own: int64, float64, datetime64[us] (UTC;
        NaT: never) or unicode text. They become read-only. `events["event"]` is the words.

    Raises
    ------
    TypeError
        A common column is missing, or a column has another type or length.
    """

    words: tuple[str, ...]
    code: np.ndarray
    columns: Mapping[str, np.ndarray]
    _rows: dict[_Key, np.ndarray] = field(default_factory=dict, repr=False)
    _bars: dict[_Key, list[int]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        count = len(self.code)
        wrong = [name for name in _COMMON if name not in self.columns]
        for name, values in self.columns.items():
            kind = _kind(values)
            if len(values) != count or not kind or _COMMON.get(name, kind) != kind:
                wrong.append(name)
            values.setflags(write=False)
        if wrong:
            raise TypeError(f"events break their schema at {', '.join(wrong)}")
        self.code.setflags(write=False)

    def __len__(self) -> int:
        return len(self.code)

    def __contains__(self, name: object) -> bool:
        return name == "event" or name in self.columns

    def __getitem__(self, name: str) -> np.ndarray:
        if name == "event":
            return np.asarray(np.asarray(self.words, dtype=np.str_)[self.code])
        return self.columns[name]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Columns in their order: the common ones, then the detector's own."""
        return (*EVENT_COLUMNS, *(name for name in self.columns if name not in EVENT_COLUMNS))

    @property
    def bar(self) -> np.ndarray:
        """Row of the bar at whose close each event is known."""
        return self.columns["bar"]

    @property
    def side(self) -> np.ndarray:
        """Side of each event."""
        return self.columns["side"]

    def seconds(self, name: str) -> np.ndarray:
        """Return a column of times as int64 seconds since 1970 UTC."""
        return np.asarray(self.columns[name].view("int64") // 1_000_000)

    def rows(self, words: Sequence[str], side: int | None = None) -> np.ndarray:
        """Return the rows of these events (and side), in the order they were known."""
        key = (tuple(words), side)
        if key not in self._rows:
            wanted = np.array([word in key[0] for word in self.words] or [False])
            fits = wanted[self.code]
            self._rows[key] = np.flatnonzero(fits if side is None else fits & (self.side == side))
        return self._rows[key]

    def between(self, words: Sequence[str], side: int | None, first: int, last: int) -> np.ndarray:
        """Return the rows of these events known on bars first … last, both included."""
        key, rows = (tuple(words), side), self.rows(words, side)
        if key not in self._bars:
            self._bars[key] = self.bar[rows].tolist()  # bisect: a walk asks thousands of times
        bars = self._bars[key]
        return rows[bisect_left(bars, first) : bisect_right(bars, last)]

    def take(self, rows: np.ndarray) -> "Events":
        """Return some of the events; `rows` ascend."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Events(self.words, self.code[rows], columns)

    def to_frame(self) -> pd.DataFrame:
        """Return the events as a frame: times with their zone, text as "str"."""
        words = pd.array(list(self.words), dtype="str").take(self.code)
        columns = {n: words if n == "event" else _series(self[n]) for n in self.names}
        return pd.DataFrame(columns)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Self:
        """Return the events of a frame that `to_frame` made, or one of its shape."""
        code, words = pd.factorize(frame["event"])
        columns = {str(n): _plain(frame[n]) for n in frame.columns if n != "event"}
        return cls(tuple(str(w) for w in words), np.asarray(code, dtype="int64"), columns)


def empty_events(**extra: str) -> Events:
    """Return no events; `extra` are the detector's own columns by their dtype in a frame."""
    kinds = {**_COMMON, **{name: _KINDS[kind] for name, kind in extra.items()}}
    columns = {name: np.empty(0, dtype=_EMPTY[kind]) for name, kind in kinds.items()}
    return Events((), np.empty(0, dtype="int64"), columns)


def _kind(values: np.ndarray) -> str:
    """Return i, f, M or U; nothing for any other type."""
    kind = values.dtype.kind
    known = kind == "U" or (kind in "ifM" and values.dtype.itemsize == _SIZE)
    return kind if known else ""


def _series(values: np.ndarray) -> Any:
    if values.dtype.kind == "M":
        return pd.DatetimeIndex(values, tz="UTC")
    return pd.array(values.astype(object), dtype="str") if values.dtype.kind == "U" else values


def _plain(values: pd.Series) -> np.ndarray:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return np.asarray(values.to_numpy(dtype="datetime64[us]"))
    number = values.dtype.kind in "if"
    return np.asarray(values.to_numpy() if number else values.to_numpy(dtype=object).astype(str))
