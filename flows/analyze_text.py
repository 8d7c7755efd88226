"""How an analysis reads, in the chat and on the command line."""

from typing import Any
from zoneinfo import ZoneInfo

from pipeline.analysis.freshness import age_words
from pipeline.domain.analyze import MarketLevel, SetupNow, SymbolReport

NEAREST = 5
"""So many levels above the close and below it are told."""
_MARKS = {"armed": "●", "waiting": "○", "done": "✓", "over": "✗", "unknown": "?"}
_TRENDS = {"up": "Trend up", "down": "Trend down", "none": "No trend yet"}
_LIVELY, _QUIET = 1.25, 0.8


def results_of(report: SymbolReport) -> dict[str, Any]:
    """Return the few figures that lists and scripts want."""
    armed = [one.setup_id for one in report.setups if one.state == "armed"]
    return {
        "close": report.facts.close, "trend": report.facts.state.trend, "armed": armed,
        "stale": report.stale, "age_minutes": report.age_minutes,
    }  # fmt: skip


def headline(report: SymbolReport) -> str:
    """Return the first line."""
    return f"{report.symbol} {report.timeframe} at {_price(report, report.facts.close)}"


def stale_line(report: SymbolReport) -> str:
    """Return what must be said before all else; empty where the bars are fresh."""
    if not report.stale:
        return ""
    return f"STALE: {_age(report)}. What follows was so then."


def age_line(report: SymbolReport) -> str:
    """Say how old the newest bar is, and whether its market is open."""
    closed = "" if report.market_open else "; the market is closed"
    return f"{_age(report)[:1].upper()}{_age(report)[1:]}{closed}."


def _age(report: SymbolReport) -> str:
    at = report.facts.newest.astimezone(ZoneInfo(report.zone))
    old = age_words(report.age_minutes)
    return f"the newest bar closed {at:%a %Y-%m-%d %H:%M} {report.zone}, {old} ago"


def state_lines(report: SymbolReport) -> list[str]:
    """Say trend and volatility."""
    state, zone = report.facts.state, ZoneInfo(report.zone)
    trend = _TRENDS[state.trend]
    if state.trend_since is not None and state.broken is not None:
        since = f"{state.trend_since.astimezone(zone):%a %H:%M}"
        trend += f" since {since} (closed beyond {_price(report, state.broken)})"
    if state.from_day_open is not None:
        trend += f"; {state.from_day_open:+.1f} points from the day's open"
    return [trend, _volatility(report)]


def _volatility(report: SymbolReport) -> str:
    state = report.facts.state
    if state.atr is None:
        return "Volatility: too few bars yet"
    words = f"ATR(14) {state.atr / report.point:.1f} points"
    if state.atr_ratio is not None:
        ratio = state.atr_ratio
        mood = "lively" if ratio >= _LIVELY else "quiet" if ratio <= _QUIET else "as usual"
        words += f", {ratio:.2f} of its usual ({mood})"
    if state.day_range is not None and state.usual_range:
        share = state.day_range / state.usual_range
        words += f"; today's range {state.day_range:.1f}, {share:.0%} of a usual day"
    return words


def level_lines(report: SymbolReport) -> list[str]:
    """Return the nearest levels above, those around the close, and the nearest below."""
    levels = report.facts.levels
    above = [one for one in levels if one.distance_points > 0]
    around = [one for one in levels if one.distance_points == 0]
    below = [one for one in levels if one.distance_points < 0]
    above = sorted(above, key=lambda one: one.distance_points)[:NEAREST]
    below = sorted(below, key=lambda one: -one.distance_points)[:NEAREST]
    lines = [_level(report, one, "↑") for one in reversed(above)]
    lines += [_level(report, one, "·") for one in around]
    return [*lines, *(_level(report, one, "↓") for one in below)]


def _level(report: SymbolReport, level: MarketLevel, mark: str) -> str:
    price = _price(report, level.price_low)
    if level.is_zone:
        price = f"{price} – {_price(report, level.price_high)}"
    if level.distance_points == 0:
        return f"{mark} {level.name} {price}: price is there"
    away = f"{level.distance_points:+.1f} points"
    if level.distance_atr is not None:
        away += f", {abs(level.distance_atr):.1f} ATR"
    return f"{mark} {level.name} {price} ({away})"


def setup_lines(report: SymbolReport) -> list[str]:
    """Say how far each active setup is, and its nearest trigger."""
    if not report.setups:
        return [f"No active setup is made for {report.symbol}."]
    return [_setup(one) for one in report.setups]


def _setup(one: SetupNow) -> str:
    frame = f" {one.timeframe}" if one.timeframe else ""
    held = f" ({one.held} of {one.steps} steps)" if one.state in ("armed", "waiting") else ""
    line = f"{_MARKS[one.state]} {one.setup_id}{frame}: "
    if one.trigger and one.distance_points is not None:
        return f"{line}{one.trigger}, {one.distance_points:.1f} points away{held}"
    return f"{line}{one.why or 'nothing to say'}{held}"


def signal_lines(report: SymbolReport) -> list[str]:
    """Return the live signals that are open or wait for their fill."""
    return [
        f"{one.signal_id} {one.setup_id} {one.side} {one.state}: entry "
        f"{_price(report, one.entry)}, stop {_price(report, one.stop)}, "
        f"target {_price(report, one.target)}"
        for one in report.signals
    ]


def _price(report: SymbolReport, value: float) -> str:
    return f"{value:.{report.digits}f}"
