"""Features of the signal itself: its ticket, its trace, its hour."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from pipeline.domain.market import Instrument
from pipeline.domain.signal import Signal, TraceStep
from pipeline.domain.trade import EntryType, Plan
from pipeline.ml.feature_moments import cash_session
from pipeline.ml.market_features import Market, Values
from pipeline.ml.measures import ratio, settled

_MINUTE = 60


def ticket(market: Market, plan: Plan, instrument: Instrument) -> Values:
    """Return what the order risks and hopes for, and what trading it costs."""
    entry, stop = settled(plan.entry_price), settled(plan.sl_price)
    first, last = settled(plan.targets[0].price), settled(plan.targets[-1].price)
    risk, side = abs(entry - stop), plan.side.sign
    spread = _spread(market.signal, instrument)
    limit = plan.entry_type is EntryType.LIMIT
    away = None if market.close is None else side * (market.close - entry)
    return {
        "stop_atr": ratio(risk, market.atr),
        "target_r": _in_r(side * (last - entry), risk),
        "first_target_r": _in_r(side * (first - entry), risk),
        "spread_atr": ratio(spread, market.atr),
        "spread_r": ratio(spread, risk),
        "limit_distance": ratio(away, market.atr) if limit else 0.0,
        "is_long": float(side > 0),
        "trigger_minutes": float(market.signal.tf.minutes),
    }


def _in_r(distance: float, risk: float) -> float | None:
    """Return a distance in R to four decimals: a rule of 2 R gives 2, not a hair more."""
    found = ratio(distance, risk)
    return None if found is None else round(found, 4)


def _spread(signal: Signal, instrument: Instrument) -> float | None:
    """Return the spread that the ticket was made with, price units; None: it doesn't say."""
    points = signal.context.get("spread_points")
    return points * instrument.point if isinstance(points, int | float) else None


def agreement(signal: Signal) -> Values:
    """Return how much of what the rules would like to see was there.

    The share of weights is the rules' confidence before the data's quality lowers it.
    """
    met = [c for c in signal.confluences if c.met]
    weights = sum(c.weight for c in signal.confluences)
    return {
        "confluence_share": sum(c.weight for c in met) / weights if weights else 1.0,
        "confluences_met": float(len(met)),
    }


def trace(market: Market) -> Values:
    """Return sizes and ages of the steps that fired; None: the setup has no such step."""
    signal = market.signal
    span, sweep = _last(signal.trace, "range"), _last(signal.trace, "sweep")
    gap, pattern = _last(signal.trace, "gap"), _last(signal.trace, "pattern")
    return {
        "range_atr": ratio(_height(span), market.atr),
        "range_age": _age(span, signal),
        "sweep_depth": ratio(_height(sweep), market.atr),
        "sweep_per_range": ratio(_height(sweep), _height(span)),
        "sweep_bars_outside": _value(sweep, "bars_outside"),
        "sweep_double": _value(sweep, "double_raid"),
        "sweep_age": _age(_first(signal.trace, "sweep"), signal),
        "gap_atr": ratio(_height(gap), market.atr),
        "gap_minutes": None if gap is None else _minutes(gap.start, signal.known_at),
        "pattern_atr": ratio(_height(pattern), market.atr),
        "structure_age": _age(_last(signal.trace, "structure"), signal),
        "break_distance": _beyond(_last(signal.trace, "level"), market),
    }


def _last(steps: Iterable[TraceStep], kind: str) -> TraceStep | None:
    return next((s for s in reversed(tuple(steps)) if s.kind == kind), None)


def _first(steps: Iterable[TraceStep], kind: str) -> TraceStep | None:
    return next((s for s in steps if s.kind == kind), None)


def _height(step: TraceStep | None) -> float | None:
    return None if step is None else settled(step.price_high) - settled(step.price_low)


def _value(step: TraceStep | None, name: str) -> float | None:
    found = None if step is None else step.values.get(name)
    return float(found) if isinstance(found, int | float) else None


def _age(step: TraceStep | None, signal: Signal) -> float | None:
    return None if step is None else _minutes(step.known_at, signal.known_at)


def _minutes(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() / _MINUTE


def _beyond(step: TraceStep | None, market: Market) -> float | None:
    if step is None or market.close is None:
        return None
    level = settled(step.price_high if market.side > 0 else step.price_low)
    return ratio(market.side * (market.close - level), market.atr)


def hour(signal: Signal, instrument: Instrument) -> Values:
    """Return when the signal came, by the clocks that markets open by."""
    now = int(signal.known_at.timestamp())
    cash = cash_session(instrument.cash_session, signal.known_at)
    new_york = cash_session("new_york_cash", signal.known_at)
    local = signal.known_at.astimezone(ZoneInfo("America/New_York"))
    return {
        "minutes_from_cash_open": (now - cash.start) / _MINUTE,
        "minutes_to_new_york_open": (new_york.start - now) / _MINUTE,
        "weekday": float(local.weekday()),
    }
