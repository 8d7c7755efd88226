"""The costs of a run in words, as every front end prints them."""

from collections.abc import Mapping
from typing import Any


def paid_told(costs: float, swap: float, currency: str) -> str:
    """Return what a run paid in all, and the nights' part of it where there is one."""
    line = f"{costs:,.2f} {currency}".rstrip()
    if not swap:
        return line
    part = f"{abs(swap):,.2f} {currency}".rstrip()
    nights = f"{part} of it swap" if swap < 0 else f"less {part} of swap received"
    return f"{line}, {nights}"


def costs_told(costs: Mapping[str, Any], currency: str) -> str:
    """Return which costs the fills were given (a report's `costs`), as one line."""
    if not costs:
        return "not recorded"
    commission = costs.get("commission") or 0
    money = f"{commission:g} {currency} a lot and side" if commission else "none"
    return (
        f"{spread_told(costs.get('spread_points'), costs.get('spread_table_points'))}, "
        f"slippage {costs.get('slippage_points') or 0:g} points, commission {money}, "
        f"{swap_told(costs.get('swap'), str(costs.get('swap_source', '')))}"
    )


def spread_told(fixed: object, table: object) -> str:
    """Return which spread the fills paid, in points."""
    if isinstance(fixed, int | float):
        return f"spread {fixed:g} points"
    if not isinstance(table, list | tuple) or not table:
        return "spread as the bars have it"
    low, high = min(table), max(table)
    hours = f"{low:g} points" if low == high else f"{low:g} to {high:g} points by the hour of day"
    return f"the spread that a bar tells, else {hours}"


def swap_told(swap: Mapping[str, Any] | None, source: str = "") -> str:
    """Return what a night costs or pays (a dumped Swap); `source` "not known" is said so."""
    if not swap:
        return "no swap known of this symbol" if source == "not known" else "swap none"
    unit = "points" if swap["unit"] == "points" else "% a year"
    long, short = float(swap["long"]), float(swap["short"])
    rates = f"long {long:+g}, short {short:+g}" if long != short else f"{long:+g}"
    day = swap["triple_day"]
    nights = "every night of the week" if day is None else f"three nights on {day.capitalize()}"
    return f"swap {rates} {unit} a night, {nights}".replace("% a year a night", "% a year")
