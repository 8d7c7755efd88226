"""An explained day as it stood at one moment of it."""

from dataclasses import replace
from datetime import datetime

from pipeline.domain.signal import Signal
from pipeline.setups.why.model import CaseWhy, DayWhy, Gate


def as_of(day: DayWhy, moment: datetime) -> DayWhy:
    """Return a day's cases as they stood at a moment: what came later is open, or waiting.

    Notes
    -----
    A case that had not begun by then is left out, unless there is no other. A gate that was
    decided later keeps its facts out of sight: nobody knew them.
    """
    cases = tuple(_case(case, moment) for case in day.cases)
    begun = tuple(case for case in cases if case.reached or _failed(case))
    shown = begun or cases[:1]
    ordered = sorted(shown, key=lambda c: (not c.complete, _failed(c), -c.reached))
    return replace(day, cases=tuple(ordered))


def _failed(case: CaseWhy) -> bool:
    return any(gate.state == "failed" for gate in case.gates)


def _case(case: CaseWhy, moment: datetime) -> CaseWhy:
    gates: list[Gate] = []
    stopped = False
    for gate in case.gates:
        known = gate.at is not None and gate.at <= moment
        if stopped or (gate.state == "waiting"):
            gates.append(Gate(gate.step, gate.title, "waiting"))
        elif known:
            gates.append(gate)
            stopped = gate.state == "failed"
        else:
            gates.append(Gate(gate.step, gate.title, "open"))
            stopped = True
    if stopped and case.plan is not None:
        return replace(case, gates=tuple(gates), plan=None, signal=_until(case, moment))
    return replace(case, gates=tuple(gates), signal=_until(case, moment))


def _until(case: CaseWhy, moment: datetime) -> Signal | None:
    """Return the trace of what had fired by then."""
    if case.signal is None:
        return None
    known = tuple(step for step in case.signal.trace if step.known_at <= moment)
    if not known:
        return None
    return case.signal.model_copy(
        update={"trace": known, "known_at": max(step.known_at for step in known)}
    )
