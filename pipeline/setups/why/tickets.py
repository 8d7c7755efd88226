"""Why a finished case became no order: what spoilt it, and by how much its prices missed."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import numpy as np

from pipeline.domain.market import Side
from pipeline.setups.cases import Case, number
from pipeline.setups.confluences import judged
from pipeline.setups.model import SetupSpec
from pipeline.setups.planning import NoPlanError, plan_of, small_r, too_near, void_bar
from pipeline.setups.tape import Tape, utc_from_micros
from pipeline.setups.why.misses import price_shown, shown
from pipeline.setups.why.model import Miss
from pipeline.setups.why.walk import Lost


def ticket_misses(lost: Lost, spec: SetupSpec, tape: Tape) -> tuple[Miss, ...]:
    """Return the numbers behind a refused ticket; the first void or required rule decides."""
    if lost.case is None:
        return ()
    found = [
        *_voids(lost, lost.case, spec, tape),
        *_required(lost, lost.case, spec, tape),
        *(m for m, why in _prices(lost.case, spec, tape) if lost.reason == why),
    ]
    return tuple(found)


def _voids(lost: Lost, case: Case, spec: SetupSpec, tape: Tape) -> Iterator[Miss]:
    for void in spec.voids:
        if void.name != lost.reason:
            continue
        bar = void_bar(void, case, tape)
        if bar is None:
            continue
        if void.of is None:
            recent = tape.spread[max(0, bar + 1 - void.bars) : bar + 1]
            times = float(tape.spread[bar]) / max(float(np.median(recent)), tape.tick)
            limit = void.spread_over_median or 0.0
            words = f"spread {shown(times)} times its median, limit {limit:g}"
            yield Miss("voids.spread_over_median", times, limit, "", words)
            continue
        price = number(void.of, case, tape)
        above = (void.is_ == "beyond") == (case.side > 0)
        edge = tape.close if void.price == "close" else tape.high if above else tape.low
        value = float(edge[bar])
        opened = utc_from_micros(tape.opened[bar]).astimezone(ZoneInfo(tape.zone))
        verb = "closed at" if void.price == "close" else "traded at"
        at_price = price_shown(value, tape)
        limit_price = price_shown(price, tape)
        words = f"{verb} {at_price} in the bar of {opened:%H:%M}, {void.of} {limit_price}"
        yield Miss(f"voids.{void.name}", value, price, "price", words)


def _required(lost: Lost, case: Case, spec: SetupSpec, tape: Tape) -> Iterator[Miss]:
    for rule in spec.confluences:
        if not rule.required or not lost.reason.startswith(f"required: {rule.name}"):
            continue
        found = judged(rule, case, tape)
        if rule.value is not None and found.note not in ("", "nan"):
            value = float(found.note)
            bound = rule.min if rule.min is not None and value < rule.min else rule.max
            words = f"{rule.value} {shown(value)}, limit {shown(bound or 0.0)}"
            yield Miss(f"confluences.{rule.name}", value, bound or 0.0, rule.per or "", words)
        else:
            yield Miss(f"confluences.{rule.name}", 0.0, 1.0, "", found.note or "not so")


def _prices(case: Case, spec: SetupSpec, tape: Tape) -> Iterator[tuple[Miss, str]]:
    """Yield the least sizes that a ticket lacks (R, targets), each with the reason it gives."""
    free = spec.model_copy(
        update={
            "voids": (),
            "limits": spec.limits.model_copy(update={"min_r_spreads": 0.0, "flat_at": None}),
            "targets": tuple(t.model_copy(update={"min_r": 0.0}) for t in spec.targets),
            "entry": spec.entry.model_copy(update={"expiry_at": None}),
        }
    )
    try:
        plan = plan_of(case, free, tape, "why", None)
    except NoPlanError:
        return
    risk = abs(plan.entry_price - plan.sl_price)
    spread = float(tape.spread[case.bar])
    least = spec.limits.min_r_spreads
    if least and spread > 0 and risk < least * spread:
        words = f"R is {shown(risk / spread)} spreads, minimum {least:g}"
        yield Miss("limits.min_r_spreads", risk / spread, least, "spreads", words), small_r(least)
    way = 1 if plan.side is Side.LONG else -1
    for rule, target in zip(spec.targets, plan.targets, strict=False):
        reached = way * (target.price - plan.entry_price) / risk
        if rule.min_r and reached < rule.min_r:
            words = f"target at {shown(reached)} R, minimum {rule.min_r:g}"
            yield Miss("targets.min_r", reached, rule.min_r, "R", words), too_near(rule)
