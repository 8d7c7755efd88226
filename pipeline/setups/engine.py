"""From bars and tools to signals, plans and the funnel that explains both; knows no setup."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from pipeline.domain.market import Instrument, Side, Timeframe
from pipeline.domain.signal import FunnelStep, Signal, TraceStep
from pipeline.domain.trade import Plan
from pipeline.setups.cases import Case, Fired, Tally
from pipeline.setups.confluences import TRENDS, judged, last_side, refusal
from pipeline.setups.detecting import Frames, Output, detect, frames_for, warm_up
from pipeline.setups.model import SetupSpec, Step
from pipeline.setups.planning import NoPlanError, plan_of
from pipeline.setups.steps import advance, first_cases
from pipeline.setups.tape import Tape, tape_of, utc_from_micros

__all__ = ["Found", "Overrides", "detect", "find_signals", "frames_for", "tickets", "warm_up"]

_END = ("signal", "Signal")
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Overrides:
    """What a request changes of a setup. Spread in points; None: as the setup or the bars say."""

    rr_target: float | None = None
    max_signals: int | None = None
    spread_points: float | None = None


@dataclass(frozen=True)
class Found:
    """Signals with their plans (same order), and how far the other cases got.

    `awaited` are the steps that some case of the last day may still pass.
    """

    signals: list[Signal]
    plans: list[Plan]
    funnel: list[FunnelStep]
    awaited: tuple[str, ...] = ()


def find_signals(
    frames: Frames,
    tools: Mapping[str, Output],
    spec: SetupSpec,
    trigger: Timeframe,
    instrument: Instrument,
    *,
    overrides: Overrides = Overrides(),
    quality: float = 1.0,
    since: datetime | None = None,
    news: pd.DataFrame | None = None,
) -> Found:
    """Return every signal of a setup, in the order they became known.

    Parameters
    ----------
    frames, tools
        What `frames_for` and `detect` returned for the same setup and trigger.
    quality
        0–1, of the bars in use; no signal is more confident than its data.
    since
        Give only signals known at or after it; they are exactly those of the full run. The
        funnel then counts from that instant's day on.
    news
        The news frame that `news_free` is read from; None: what asks for it is not met.

    Notes
    -----
    A case lives within one local day of the setup's zone. Of several events that fit a step
    the earliest counts, of one bar's the newest zone.
    """
    if not len(frames[trigger]):
        nothing = [Tally(s.name, s.title) for s in spec.steps] + [Tally(*_END)]
        return Found([], [], [_funnel(t) for t in nothing])
    tape = tape_of(frames, tools, spec, trigger, instrument, overrides.spread_points, news)
    return found_on(tape, spec, instrument, overrides=overrides, quality=quality, since=since)


def found_on(
    tape: Tape,
    spec: SetupSpec,
    instrument: Instrument,
    *,
    overrides: Overrides,
    quality: float,
    since: datetime | None,
) -> Found:
    """Return what `find_signals` does, of a tape that holds at least one bar."""
    # The bar that closes at midnight belongs to the day it ends.
    first_day = None if since is None else (since - _TICK).astimezone(ZoneInfo(spec.zone)).date()
    cases, tallies = _walk(spec, tape, first_day)
    end = Tally(*_END)
    orders = tickets(cases, spec, tape, end, overrides.rr_target)
    kept = [t for t in orders if since is None or t[1].known_at >= since]
    kept = kept[: overrides.max_signals]
    signals = [signal_of(c, p, spec, tape, instrument, quality) for c, p in kept]
    awaited = tuple(t.step for t in tallies if t.awaiting)
    return Found(signals, [p for _, p in kept], [_funnel(t) for t in (*tallies, end)], awaited)


def _walk(spec: SetupSpec, tape: Tape, first_day: date | None) -> tuple[list[Case], list[Tally]]:
    tallies = [Tally(s.name, s.title) for s in spec.steps]
    cases = first_cases(spec, tape, tallies[0], first_day)
    for before, step, tally in zip(spec.steps, spec.steps[1:], tallies[1:], strict=False):
        cases = advance(step, before.name, cases, tape, tally)
    return cases, tallies


def tickets(
    cases: list[Case], spec: SetupSpec, tape: Tape, tally: Tally, rr_target: float | None
) -> list[tuple[Case, Plan]]:
    """Return the cases that become orders, the first of each side and day."""
    kept: list[tuple[Case, Plan]] = []
    of_side: dict[tuple[date, int], int] = {}
    of_day: dict[date, int] = {}
    for case in sorted(cases, key=lambda c: (c.bar, -c.side)):
        if case.side == 0:
            tally.lost["no step says which side"] += 1
            continue
        key = (case.day, case.side)
        if of_side.get(key, 0) >= spec.limits.per_side_and_day:
            tally.lost["another signal of that side and day"] += 1
            continue
        lacking = refusal(case, spec, tape)
        if lacking:
            tally.lost[lacking] += 1
            continue
        try:
            signal_id = f"sig_{case.day:%Y%m%d}_{of_day.get(case.day, 0) + 1:03d}"
            plan = plan_of(case, spec, tape, signal_id, rr_target)
        except NoPlanError as why:
            tally.lost[str(why)] += 1
            continue
        tally.passed(case)
        of_side[key] = of_side.get(key, 0) + 1
        of_day[case.day] = of_day.get(case.day, 0) + 1
        kept.append((case, plan))
    return kept


def _funnel(tally: Tally) -> FunnelStep:
    lost = {why: n for why, n in tally.lost.most_common() if n}
    return FunnelStep(
        step=tally.step, title=tally.title, days=len(tally.days), cases=tally.cases, lost=lost
    )


def signal_of(
    case: Case, plan: Plan, spec: SetupSpec, tape: Tape, instrument: Instrument, quality: float
) -> Signal:
    met = tuple(judged(rule, case, tape) for rule in spec.confluences)
    weights = sum(c.weight for c in met)
    share = sum(c.weight for c in met if c.met) / weights if weights else 1.0
    return Signal(
        signal_id=plan.signal_id,
        symbol=instrument.symbol,
        tf=tape.trigger,
        side=Side.LONG if case.side > 0 else Side.SHORT,
        entry_price=plan.entry_price,
        sl_price=plan.sl_price,
        tp_price=plan.targets[-1].price,
        confidence=min(share, quality),
        setup_id=spec.setup_id,
        rule_version=spec.rule_version,
        known_at=plan.known_at,
        day=case.day.isoformat(),
        trace=_trace(case, plan, spec, tape),
        confluences=met,
        context=_context(case, spec, tape, instrument),
    )


def _context(
    case: Case, spec: SetupSpec, tape: Tape, instrument: Instrument
) -> dict[str, float | str | None]:
    noted: dict[str, float | str | None] = {
        "spread_points": float(tape.spread[case.bar]) / instrument.point
    }
    for name, tool in spec.context.items():
        if tool in tape.series:
            value = float(tape.series[tool][case.bar])
            noted[name] = None if np.isnan(value) else value
        else:
            noted[name] = TRENDS[last_side(tool, case, tape)]
    return noted


def _trace(case: Case, plan: Plan, spec: SetupSpec, tape: Tape) -> tuple[TraceStep, ...]:
    steps = fired_trace(case, spec, tape)
    opened = utc_from_micros(tape.opened[case.bar])
    entry = TraceStep(
        step="entry",
        kind="entry",
        event=plan.entry_type,
        start=opened,
        known_at=plan.known_at,
        price_low=plan.entry_price,
        price_high=plan.entry_price,
        note="at the next open" if plan.entry_type == "market" else "resting limit",
        values={
            "sl": plan.sl_price,
            "tp": plan.targets[-1].price,
            "close": float(tape.close[case.bar]),
        },
    )
    return (*steps, entry)


def fired_trace(case: Case, spec: SetupSpec, tape: Tape) -> list[TraceStep]:
    """Return the trace of the steps that have fired so far."""
    return [_trace_step(s, case.fired[s.name], tape) for s in spec.steps if s.name in case.fired]


def _trace_step(step: Step, fired: Fired, tape: Tape) -> TraceStep:
    return TraceStep(
        step=step.name,
        kind=step.draw,
        event=fired.event,
        start=utc_from_micros(fired.start),
        known_at=utc_from_micros(tape.closed[fired.bar]),
        price_low=fired.low,
        price_high=fired.high,
        note=step.title,
        values=_values(fired),
    )


def _values(fired: Fired) -> dict[str, float | int | str | None]:
    """Return what the tool adds, as plain values; row numbers mean nothing to a reader."""
    events = fired.events
    if events is None:
        return dict(fired.values)
    common = {"bar", "known_at", "event", "start", "price_low", "price_high", "zone_id"}
    names = [n for n in events.names if n not in common and not n.endswith("_bar")]
    return {name: _plain(fired.column(name)) for name in names}


def _plain(value: Any) -> float | int | str | None:
    if isinstance(value, np.datetime64):
        return utc_from_micros(int(value.astype("int64"))).isoformat()
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(value)
    return str(value)
