"""From a finished case to its ticket: entry, stop, targets, voids, times; or why there is none."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from pipeline.domain.market import Side
from pipeline.domain.trade import EntryType, Plan, Target
from pipeline.setups.cases import Case, number
from pipeline.setups.model import SetupSpec, TargetRule, VoidRule
from pipeline.setups.tape import Tape, utc_from_micros


class NoPlanError(Exception):
    """The case gives no order; the text is the funnel's reason."""


@dataclass(frozen=True)
class Ticket:
    """Prices of a plan while it is being made."""

    side: int
    entry: float
    stop: float

    @property
    def risk(self) -> float:
        """|entry − stop| in price units: 1 R."""
        return abs(self.entry - self.stop)


def plan_of(
    case: Case, spec: SetupSpec, tape: Tape, signal_id: str, rr_target: float | None
) -> Plan:
    """Return the orders of a case, fixed at its bar's close.

    Raises
    ------
    NoPlanError
        The setup was spoilt before it was complete, or its prices make no order.
    """
    for void in spec.voids:
        if _is_void(void, case, tape):
            raise NoPlanError(void.name)
    known_at = utc_from_micros(tape.closed[case.bar])
    ticket = _ticket(case, spec, tape)
    flat_at = _local(spec.limits.flat_at, case, tape)
    if flat_at is not None and known_at >= flat_at:
        raise NoPlanError("after the time to be flat")
    held = spec.limits.max_hold_minutes
    resting = spec.entry.type == "limit"
    return Plan(
        signal_id=signal_id,
        side=Side.LONG if case.side > 0 else Side.SHORT,
        known_at=known_at,
        entry_type=EntryType(spec.entry.type),
        entry_price=ticket.entry,
        sl_price=ticket.stop,
        targets=_targets(ticket, case, spec, tape, rr_target),
        expires_at=_expiry(known_at, case, spec, tape) if resting else None,
        flat_at=flat_at,
        max_hold_until=None if held is None else known_at + timedelta(minutes=held),
        break_even_after_first=spec.break_even_after_first,
        **(_void_prices(case, spec, tape) if resting else {}),
    )


def _is_void(void: VoidRule, case: Case, tape: Tape) -> bool:
    return void_bar(void, case, tape) is not None


def void_bar(void: VoidRule, case: Case, tape: Tape) -> int | None:
    """Return the bar that spoilt the setup after the void's step, up to the signal's bar."""
    if void.spread_over_median is not None:
        recent = tape.spread[max(0, case.bar + 1 - void.bars) : case.bar + 1]
        usual = max(float(np.median(recent)), tape.tick)
        return case.bar if tape.spread[case.bar] > void.spread_over_median * usual else None
    price = number(void.of or "", case, tape)
    first = case.fired[void.since or ""].bar + 1
    above = _is_above(void, case.side)
    reach = tape.high if above else tape.low
    probe = (tape.close if void.price == "close" else reach)[first : case.bar + 1]
    spoilt = np.flatnonzero(probe > price if above else probe < price)
    return first + int(spoilt[0]) if len(spoilt) else None


def _is_above(void: VoidRule, side: int) -> bool:
    return (void.is_ == "beyond") == (side > 0)


def _void_prices(case: Case, spec: SetupSpec, tape: Tape) -> dict[str, float]:
    """Return the voids that stay in force while a limit order rests, the tightest of a kind."""
    prices: dict[str, float] = {}
    for void in spec.voids:
        if void.of is None:
            continue
        above = _is_above(void, case.side)
        name = f"void_{void.price}_{'above' if above else 'below'}"
        price = number(void.of, case, tape)
        tighter = min if above else max
        prices[name] = tighter(prices.get(name, price), price)
    return prices


def _ticket(case: Case, spec: SetupSpec, tape: Tape) -> Ticket:
    side, spread, rule = case.side, float(tape.spread[case.bar]), spec.stop
    entry = float(tape.close[case.bar]) + (spread if side > 0 else 0.0)
    if spec.entry.at is not None:
        entry = number(spec.entry.at, case, tape)
    atr = float(tape.series[rule.atr][case.bar]) if rule.atr is not None else 0.0
    structural = number(rule.behind, case, tape)
    structural -= side * (rule.buffer_atr * atr + rule.buffer_spreads * spread)
    distance = max(side * (entry - structural), rule.min_atr * atr) * spec.sl
    if np.isnan(distance) or np.isnan(atr):
        raise NoPlanError("too little history")
    if side * (entry - structural) <= 0:
        raise NoPlanError("stop on the wrong side of the entry")
    if distance < spec.limits.min_r_spreads * spread:
        raise NoPlanError(small_r(spec.limits.min_r_spreads))
    return Ticket(side, entry, entry - side * distance)


def _targets(
    ticket: Ticket, case: Case, spec: SetupSpec, tape: Tape, rr_target: float | None
) -> tuple[Target, ...]:
    """Return the targets, nearest first; `rr_target` replaces the first."""
    prices = [_target(rule, ticket, case, tape) for rule in spec.targets]
    if rr_target is not None:
        prices[0] = ticket.entry + ticket.side * rr_target * ticket.risk
    for i, (price, rule) in enumerate(zip(prices, spec.targets, strict=True)):
        reached = ticket.side * (price - ticket.entry) / ticket.risk
        replaced = i == 0 and rr_target is not None
        if not reached > 0 or (not replaced and reached < rule.min_r):
            raise NoPlanError(too_near(rule))
    if len(prices) > 1 and ticket.side * (prices[1] - prices[0]) <= 0:
        if rr_target is None:
            raise NoPlanError("second target not beyond the first")
        return (Target(price=prices[0], share=1.0),)
    return tuple(Target(price=p, share=r.share) for p, r in zip(prices, spec.targets, strict=True))


def small_r(least: float) -> str:
    """Return the funnel's reason for an R of too few spreads."""
    return f"R < {least:g} spreads"


def too_near(rule: TargetRule) -> str:
    """Return the funnel's reason for a target that is too near."""
    return f"target nearer than {rule.min_r:g} R" if rule.min_r else "target already passed"


def _target(rule: TargetRule, ticket: Ticket, case: Case, tape: Tape) -> float:
    if rule.at is not None:
        return number(rule.at, case, tape)
    return ticket.entry + ticket.side * (rule.tp or 0.0) * ticket.risk


def _local(clock: str | None, case: Case, tape: Tape) -> datetime | None:
    return None if clock is None else tape.instant(case.day, clock)


def _expiry(known_at: datetime, case: Case, spec: SetupSpec, tape: Tape) -> datetime | None:
    bars, clock = spec.entry.expiry_bars, _local(spec.entry.expiry_at, case, tape)
    ends = [] if clock is None else [clock]
    if bars is not None:
        ends.append(known_at + bars * tape.trigger.delta)
    if not ends:
        return None
    if min(ends) <= known_at:
        raise NoPlanError("too late for the order")
    return min(ends)
