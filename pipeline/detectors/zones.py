"""Zones as they are given to the outside: one per `zone_id`, as it stands."""

from typing import Any

import pandas as pd

from pipeline.domain.signal import Zone

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
    **{same: same for same in ("level_name", "touches", "size_atr")},
    "swing_low": "range_low",
    "swing_high": "range_high",
}
"""`meta` key -> event column it is read from, where the detector has it."""

ENDS = frozenset(
    {"inverted", "expired", "reclaimed", "accepted_break"}
    | {"invalidated", "breaker", "replaced", "taken", "joined"}
)
"""Events after which a zone no longer stands as it was born."""

SWEPT = frozenset({"swept", "taken"})


def to_zones(name: str, events: pd.DataFrame) -> list[Zone]:
    """Return the zones of an event frame as they are given to the outside.

    One zone per `zone_id`, oldest first, as it stands after the last event of the frame: cut
    the events at a `known_at` to see it as of then. A range with a name for either edge
    (PDL/PDH) is two levels. `end` is when it was inverted, invalidated, taken, replaced, expired,
    reclaimed or broken, None while it lives. Events that say "no level" (`incomplete`) are
    left out. `confidence` is the coverage of a session's range, 1 for all else. A zone that
    breaks the schema (NaN or crossed prices, a start after `known_at`) raises ValidationError.
    """
    zones: dict[tuple[int, str], Zone] = {}
    for row in events[~events["event"].isin(WITHOUT_ZONE)].to_dict("records"):
        for part in _parts(row):
            key = row["zone_id"], part.get("level_name", "")
            zones[key] = _zone(name, part, zones.get(key))
    return list(zones.values())


def _parts(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row's levels where its edges have names of their own, else the row."""
    low_name, _, high_name = row.get("level_name", "").partition("/")
    if not high_name:
        return [row]
    edges = ((low_name, row["price_low"]), (high_name, row["price_high"]))
    return [row | {"price_low": p, "price_high": p, "level_name": n} for n, p in edges]


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
        meta={"event": row["event"], **_meta(name, row), **_swept(row, born)},
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
    return {key: row[source] for key, source in META_COLUMNS.items() if source in row}


def _swept(row: dict[str, Any], born: Zone | None) -> dict[str, bool]:
    """Return whether price went beyond the level so far, where the detector watches that."""
    if "penetrated_bar" in row:
        return {"swept": row["penetrated_bar"] >= 0}
    if "touches" in row:
        return {"swept": row["event"] in SWEPT or bool(born and born.meta["swept"])}
    return {}
