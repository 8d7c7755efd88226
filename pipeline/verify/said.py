"""What a setup or detector says of some bars, in a shape in which any two answers compare."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from pipeline.detectors.base import bar_times
from pipeline.setups.detecting import Output
from pipeline.setups.engine import Found
from pipeline.verify.results import Difference

NOTHING = "nothing"
_OWN = frozenset({"bar", "known_at"})


@dataclass(frozen=True)
class Said:
    """Statements in the order they became known: their times and, in columns, what they say."""

    known_at: np.ndarray
    columns: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.known_at)

    def rows(self, kept: np.ndarray | slice) -> "Said":
        """Return some of the statements."""
        return Said(self.known_at[kept], {n: c[kept] for n, c in self.columns.items()})

    def until(self, moment: np.datetime64) -> "Said":
        """Return what was known by a moment."""
        return self.rows(slice(0, int(np.searchsorted(self.known_at, moment, side="right"))))

    def since(self, moment: np.datetime64) -> "Said":
        """Return what became known at a moment or later."""
        return self.rows(slice(int(np.searchsorted(self.known_at, moment)), None))

    def without(self, *names: str) -> "Said":
        """Return the statements less some columns."""
        return Said(self.known_at, {n: c for n, c in self.columns.items() if n not in names})


def said_by_tool(found: Output, bars: pd.DataFrame) -> Said:
    """Return a tool's answer on its own frame; rows of bars become the times they close at.

    So answers on windows with different first bars compare. A series says something at every
    bar at which it exists.
    """
    closes = bar_times(bars, "close_time")
    if isinstance(found, np.ndarray):
        exists = np.isfinite(found)
        return Said(closes[exists], {"value": found[exists]})
    columns = {n: found[n] for n in found.names if n not in _OWN}
    columns |= {n: _times(v, closes) for n, v in columns.items() if n.endswith("_bar")}
    return Said(found["known_at"], columns)


def _times(rows: np.ndarray, closes: np.ndarray) -> np.ndarray:
    if len(closes) == 0:
        return rows
    there = closes[np.clip(rows, 0, len(closes) - 1)]
    return np.where(rows < 0, np.datetime64("NaT"), there)


def said_by_setup(found: Found) -> Said:
    """Return signals with their plans; `details` holds every field of both, flat."""
    pairs = list(zip(found.signals, found.plans, strict=True))
    known = np.array([_utc64(s.known_at) for s, _ in pairs], dtype="datetime64[us]")
    details = np.empty(len(pairs), dtype=object)
    for i, (signal, plan) in enumerate(pairs):
        details[i] = flat(
            {"signal": signal.model_dump(exclude={"meta"}), "plan": plan.model_dump()}
        )
    columns = {
        "event": np.array([str(s.side) for s, _ in pairs], dtype=object),
        "day": np.array([s.day for s, _ in pairs], dtype=object),
        "details": details,
    }
    return Said(known, columns)


def _utc64(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Return the leaves of nested dicts and lists by dotted path."""
    if isinstance(value, dict):
        return {p: v for k, x in value.items() for p, v in flat(x, f"{path}.{k}").items()}
    if isinstance(value, list | tuple):
        return {p: v for i, x in enumerate(value) for p, v in flat(x, f"{path}.{i}").items()}
    return {path.lstrip("."): value}


def first_difference(name: str, left: Said, right: Said, rtol: float = 0.0) -> Difference | None:
    """Return the first statement on which two answers differ, or None.

    Parameters
    ----------
    name
        Whose answers these are.
    rtol
        Numbers this close (relative) are the same; 0: bit for bit, NaN equal to NaN.
    """
    n = min(len(left), len(right))
    same = left.known_at[:n] == right.known_at[:n]
    fields = {name: _same(left.columns[name][:n], right.columns[name][:n], rtol)
              for name in left.columns}  # fmt: skip
    all_same = np.logical_and.reduce([same, *fields.values()])
    if all_same.all():
        return None if len(left) == len(right) else _extra(name, left, right, n)
    row = int(np.argmin(all_same))
    other = not same[row] or not fields.get("event", same)[row]
    if other:
        return _difference(
            name, "", _line(left, row), _line(right, row), left.rows(slice(row, None))
        )
    field = next(f for f, equal in fields.items() if not equal[row])
    path, a, b = _leaf(left.columns[field][row], right.columns[field][row], field, rtol)
    return _difference(_titled(name, left, row), path, a, b, left.rows(slice(row, None)))


def _same(left: np.ndarray, right: np.ndarray, rtol: float) -> np.ndarray:
    if left.dtype.kind == "f" and right.dtype.kind == "f":
        equal = (left == right) | (np.isnan(left) & np.isnan(right))
        return np.asarray(equal | np.isclose(left, right, rtol=rtol, atol=0)) if rtol else equal
    if left.dtype.kind == "M":
        return np.asarray((left == right) | (np.isnat(left) & np.isnat(right)))
    if left.dtype.kind == "O":
        return np.array([_alike(a, b, rtol) for a, b in zip(left, right, strict=True)], dtype=bool)
    return np.asarray(left == right)


def _alike(left: Any, right: Any, rtol: float) -> bool:
    if isinstance(left, dict):
        same = isinstance(right, dict) and left.keys() == right.keys()
        return same and all(_alike(left[k], right[k], rtol) for k in left)
    if isinstance(left, float) and isinstance(right, float):
        close = abs(left - right) <= rtol * max(abs(left), abs(right))
        return bool(close or left == right or (np.isnan(left) and np.isnan(right)))
    try:
        return bool(left == right or (pd.isna(left) and pd.isna(right)))
    except (TypeError, ValueError):
        return False


def _leaf(left: Any, right: Any, field: str, rtol: float) -> tuple[str, str, str]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted({*left, *right}):
            a, b = left.get(key, NOTHING), right.get(key, NOTHING)
            if not _alike(a, b, rtol):
                return key, str(a), str(b)
    return field, str(left), str(right)


def _extra(name: str, left: Said, right: Said, n: int) -> Difference:
    longer = left if len(left) > n else right
    line = _line(longer, n)
    sides = (line, NOTHING) if longer is left else (NOTHING, line)
    return _difference(name, "", *sides, longer.rows(slice(n, None)))


def _line(said: Said, row: int) -> str:
    """Return one statement in a few words."""
    when = f"{pd.Timestamp(said.known_at[row]):%Y-%m-%d %H:%M}"
    if "event" not in said.columns:
        return f"{said.columns['value'][row]:.10g} at {when}"
    zone = ""
    if "price_low" in said.columns:
        zone = f" {said.columns['price_low'][row]:.8g}–{said.columns['price_high'][row]:.8g}"
    return f"{said.columns['event'][row]}{zone} at {when}"


def _titled(name: str, said: Said, row: int) -> str:
    return f"{name} {said.columns['event'][row]}" if "event" in said.columns else name


def _difference(what: str, field: str, left: str, right: str, behind: Said) -> Difference:
    at = (
        pd.Timestamp(behind.known_at[0]).tz_localize("UTC").to_pydatetime()
        if len(behind)
        else None
    )
    return Difference(at=at, what=what, field=field, left=left, right=right)
