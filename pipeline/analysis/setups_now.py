"""How far a setup is today: which step it waits for, and the price that would move it on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.analysis.market_levels import open_zones
from pipeline.domain.analyze import SetupNow
from pipeline.domain.events import Events
from pipeline.setups.model import Match, Step
from pipeline.setups.toolchain import parts
from pipeline.setups.why.days import explain_day
from pipeline.setups.why.model import CaseWhy, Gate
from pipeline.setups.why.relaxing import Ground

_INVERSIONS = ("inverted",)
_RETURNS = ("touched", "midpoint", "mitigated")


@dataclass(frozen=True)
class _Trigger:
    price: float
    words: str


def setup_now(ground: Ground, close: float, at: datetime) -> SetupNow:
    """Return where a setup stands at a close.

    Parameters
    ----------
    ground
        Bars up to that close, with the warm-up before its day, and what the tools found there.
    close, at
        The newest close and its time (UTC).

    Notes
    -----
    Of several cases of the day the one that is furthest and not broken is told. The trigger is
    the nearest price, of the step that is waited for, at which something would happen: a level
    to be swept or reclaimed, a gap to be returned to or closed through. A step whose event has
    no price in advance (a range that forms, a break of structure) gives none.
    """
    spec = ground.spec
    today = (at - timedelta(microseconds=1)).astimezone(ZoneInfo(spec.zone)).date()
    found = explain_day(ground, today)
    case = min(found.cases, key=lambda one: (_failed(one) is not None, not one.complete,
                                             -one.reached))  # fmt: skip
    told = SetupNow(
        setup_id=spec.setup_id, rule_version=spec.rule_version, timeframe=ground.trigger.value,
        state="waiting", held=min(case.reached, len(spec.steps)), steps=len(spec.steps),
    )  # fmt: skip
    if case.complete:
        return told.model_copy(update={"state": "done", "why": "its signal of today is there"})
    failed = _failed(case)
    if failed is not None and not case.reached and failed.at == at:
        return told.model_copy(update={"why": f"waits for: {failed.title}"})  # none has begun
    if failed is not None:
        why = f"{failed.title}: {failed.reason}" if failed.reason else failed.title
        return told.model_copy(update={"state": "over", "why": why})
    waiting = next((gate for gate in case.gates if gate.state == "open"), None)
    if waiting is None:
        return told.model_copy(update={"state": "unknown"})
    state = "armed" if case.reached else "waiting"
    why = f"waits for: {waiting.title}"
    trigger = _trigger(waiting, case, ground, close)
    if trigger is None:
        return told.model_copy(update={"state": state, "why": why})
    points = round(abs(trigger.price - close) / ground.instrument.point, 4)
    return told.model_copy(
        update={"state": state, "why": why, "trigger": trigger.words, "distance_points": points}
    )


def _failed(case: CaseWhy) -> Gate | None:
    return next((gate for gate in case.gates if gate.state == "failed"), None)


def _trigger(gate: Gate, case: CaseWhy, ground: Ground, close: float) -> _Trigger | None:
    step = next((one for one in ground.spec.steps if one.name == gate.step), None)
    if step is None:
        return None
    found = [each for match in step.matches for each in _of(match, step, case, ground)]
    return min(found, key=lambda one: abs(one.price - close), default=None)


def _of(match: Match, step: Step, case: CaseWhy, ground: Ground) -> Iterator[_Trigger]:
    """Return the prices at which one alternative of a step would happen."""
    if match.tool is None or match.tool not in ground.spec.tools:
        return
    _, inputs, _ = parts(ground.spec.tools[match.tool])
    side = case.side * (-1 if match.side == "opposite" else 1)
    if "levels" in inputs:
        yield from _of_levels(ground.tools[inputs["levels"]], match, side, ground)
        return
    events = ground.tools[match.tool]
    if isinstance(events, Events) and "zone_id" in events and step.draw == "gap":
        yield from _of_gaps(events, match, side, ground)


def _of_levels(levels: object, match: Match, side: int, ground: Ground) -> Iterator[_Trigger]:
    """Return what a raid waits for: a low to be swept for a long, a high for a short."""
    if not isinstance(levels, Events) or len(levels.rows(("formed",))) == 0:
        return
    last = levels.rows(("formed",))[-1]
    for way, column in ((1, "price_low"), (-1, "price_high")):
        if side not in (0, way):
            continue
        price = float(levels[column][last])
        shown = _shown(price, ground)
        if "penetrated" in match.event:
            yield _Trigger(price, f"needs a sweep of {shown}")
        elif "reclaimed" in match.event:
            beyond = "above" if way > 0 else "below"
            yield _Trigger(price, f"needs a close back {beyond} {shown}")


def _of_gaps(events: Events, match: Match, side: int, ground: Ground) -> Iterator[_Trigger]:
    """Return the edges of open gaps that would have to be reached or closed through."""
    for zone in open_zones("gap", events):
        if set(match.event) & set(_INVERSIONS) and side in (0, -zone.side):
            price = zone.price_high if zone.side < 0 else zone.price_low
            beyond = "above" if zone.side < 0 else "below"
            yield _Trigger(price, f"needs a close {beyond} {_shown(price, ground)}")
        elif set(match.event) & set(_RETURNS) and side in (0, zone.side):
            price = zone.price_high if zone.side > 0 else zone.price_low
            yield _Trigger(price, f"needs a return to the gap at {_shown(price, ground)}")


def _shown(price: float, ground: Ground) -> str:
    return f"{price:.{ground.instrument.digits}f}"
