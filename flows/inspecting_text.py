"""What is known of a signal as lines of text, for the chat and the command line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flows.inspecting import Inspected
from flows.score_text import score_lines
from pipeline.analysis.opinion_words import kept_lines
from pipeline.domain.live import (
    LIVE,
    ConfidenceBreakdown,
    Decision,
    DecisionKind,
    Life,
    LifeState,
    Receipt,
    Similar,
)
from pipeline.domain.market import Instrument
from pipeline.domain.signal import Signal, TraceStep
from pipeline.domain.trade import EntryType, ExitReason, Plan

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*(?:Z|[+-]\d\d:\d\d)$")
NO_TEXT = "Analyst: no text."
_DECISIONS = {
    DecisionKind.APPROVED: "Approved",
    DecisionKind.REVIEW_REQUIRED: "Left to a person",
    DecisionKind.REJECTED: "Rejected",
    DecisionKind.SUPPRESSED: "Suppressed by the cooldown",
    DecisionKind.LATE: "Late: found when it was too old to be told",
}
_EXITS = {
    ExitReason.TP: "at the target",
    ExitReason.SL: "at the stop",
    ExitReason.BE: "at break-even",
    ExitReason.TIME: "by time",
    ExitReason.SESSION_END: "at the session's end",
}
_STATES = {
    LifeState.WAITING: "waits for its fill",
    LifeState.EXPIRED: "never filled: the order expired",
    LifeState.VOID: "never filled: the setup broke before",
    LifeState.REFUSED: "no order",
}


@dataclass(frozen=True)
class Section:
    """Some lines under a title; `long` ones are folded where that can be done."""

    title: str
    lines: tuple[str, ...]
    long: bool = False


def headline(found: Inspected) -> str:
    """Return what and when it is, in one line."""
    s = found.record.signal
    at = s.known_at.astimezone(ZoneInfo(found.zone))
    what = f"{s.symbol} {s.tf} {s.side.upper()} · {s.setup_id} v{s.rule_version}"
    return f"{found.record.signal_id} · {what} · {at:%Y-%m-%d %H:%M}"


def sections(found: Inspected) -> list[Section]:
    """Return all that is known of a signal, most telling first."""
    record, words = found.record, _Words(found)
    return [
        Section("Decision", tuple(_decision(record.decision, record.ml_score))),
        Section("Score", tuple(score_lines(record)), long=len(record.contributions) > 0),
        Section("Ticket", tuple(words.ticket())),
        Section("What became of it", tuple(words.outcome())),
        Section("Similar past cases", tuple(_similar(record.similar))),
        Section("Way", tuple(words.way())),
        Section("Trace", tuple(words.trace()), long=True),
        Section("Side conditions", tuple(_confluences(record.signal)), long=True),
        Section("Sources", tuple(_extra(record.extra))),
    ]


def lines_of(found: Inspected) -> list[str]:
    """Return everything as plain lines, headline first."""
    lines = [headline(found)]
    for section in sections(found):
        lines += ["", section.title, *(f"  {line}" for line in section.lines)]
    return lines


def decision_lines(found: Inspected) -> list[str]:
    """Return what was decided and why, headline first."""
    record = found.record
    return [headline(found), *_decision(record.decision, record.ml_score)]


def case_line(number: int, signal: Signal, rr: float, reason: ExitReason, zone: str) -> str:
    """Return one past case in a line: when, side, result."""
    at = signal.known_at.astimezone(ZoneInfo(zone))
    return f"{number}. {at:%a %Y-%m-%d %H:%M} {signal.side} {_r(rr)} {_EXITS[reason]}"


def _decision(decision: Decision, ml_score: float | None) -> list[str]:
    head = _DECISIONS[decision.decision]
    parts = _breakdown(decision.confidence_breakdown, ml_score)
    source = f"decided by: {decision.dominant_source}"
    return [f"{head} ({source})", *decision.reasons, parts]


def _breakdown(parts: ConfidenceBreakdown, ml_score: float | None) -> str:
    ml = parts.ml if parts.ml is not None else ml_score
    told = {"rules": parts.rules, "model": ml, "analyst": parts.llm}
    return "Confidence: " + ", ".join(
        f"{name} {'no say' if value is None else f'{value:.2f}'}" for name, value in told.items()
    )


def _similar(similar: Similar | None) -> list[str]:
    if similar is None:
        return ["They were not counted yet when it was found."]
    if not similar.cases or similar.rate is None:
        return ["None had ended before it."]
    share = f"{100 * similar.rate:.0f} % ± {100 * (similar.se or 0):.0f}"
    mean = "" if similar.mean_r is None else f", {_r(similar.mean_r)} on average"
    alike = f" (alike: {similar.alike})" if similar.alike else ""
    return [f"{_count(similar.cases, 'case')}, {share} reached the target{mean}{alike}"]


def _confluences(signal: Signal) -> list[str]:
    if not signal.confluences:
        return ["The setup has none."]
    return [
        f"{'✓' if c.met else '✗'} {c.name} (weight {c.weight:g}){f': {c.note}' if c.note else ''}"
        for c in signal.confluences
    ]


def _extra(extra: dict[str, object]) -> list[str]:
    link = str(extra.get("link") or "").strip()
    return [*(kept_lines(extra) or [NO_TEXT]), *([f"Journal: {link}"] if link else [])]


class _Words:
    """The lines that need the symbol's digits and the setup's clock."""

    def __init__(self, found: Inspected) -> None:
        self._found = found
        self._record = found.record
        self._zone = ZoneInfo(found.zone)

    def ticket(self) -> list[str]:
        s, plan = self._record.signal, self._record.plan
        how = "at the market" if plan.entry_type is EntryType.MARKET else "limit"
        targets = ", ".join(self._target(plan, n) for n in range(len(plan.targets)))
        risk = abs(s.entry_price - s.sl_price)
        prices = f"Entry {self._price(s.entry_price)} {how}, stop {self._price(s.sl_price)}"
        return [
            f"{prices} (1 R = {self._points(risk)})",
            f"Target {targets}",
            *self._limits(plan),
        ]

    def outcome(self) -> list[str]:
        record = self._record
        lines = [f"The signal: {self._life(record.life)}"]
        if record.answer is None:
            lines.append("Nobody has answered it.")
        else:
            a = record.answer
            said = f": {a.comment}" if a.comment else ""
            lines.append(f"{a.choice.capitalize()} by {a.name}, {a.at:%Y-%m-%d %H:%M} UTC{said}")
        if record.paper is not None:
            lines.append(f"On paper: {self._life(record.paper.life)}")
        return lines

    def way(self) -> list[str]:
        record, found = self._record, self._found
        origin = "Live" if record.origin == LIVE else f"Replay {record.origin}"
        lines = [f"{origin}, scan {record.run_id}", _receipt(record.receipt)]
        closed = record.receipt.closed_at
        lines += [
            f"Chat {a.chat_id}: accepted by Telegram {_seconds(a.accepted_at - closed)} after it"
            for a in found.sent
        ]
        lines += [] if found.sent else ["No chat has it."]
        return [*lines, *self._cooldown()]

    def trace(self) -> list[str]:
        lines = []
        for number, step in enumerate(self._record.signal.trace, start=1):
            lines += self._step(number, step)
        context = self._record.signal.context
        told = ", ".join(self._value(k, v) for k, v in context.items() if v is not None)
        return [*lines, *([f"Around it: {told}"] if told else []), f"Clock: {self._zone.key}"]

    def _step(self, number: int, step: TraceStep) -> list[str]:
        low, high = self._price(step.price_low), self._price(step.price_high)
        prices = low if low == high else f"{low} – {high}"
        name = step.note or step.step.replace("_", " ")
        since = "" if step.start == step.known_at else f"{self._clock(step.start)} → "
        line = f"{number}. {since}{self._clock(step.known_at)} {name}: {prices}"
        told = [self._value(k, v) for k, v in step.values.items() if v is not None]
        return [line, *([f"    {', '.join(told)}"] if told else [])]

    def _cooldown(self) -> list[str]:
        record, found = self._record, self._found
        if not record.decision.decision.alerts or not found.sent:
            return []
        silenced = f"; it kept {', '.join(found.silenced)} silent" if found.silenced else ""
        return [f"Cooldown until {self._clock(found.until)} by today's rules{silenced}"]

    def _life(self, life: Life) -> str:
        if life.trade is not None:
            t = life.trade
            return (
                f"filled {self._clock(t.entry_time)} at {self._price(t.entry_price)}, left "
                f"{self._clock(t.exit_time)} at {self._price(t.exit_price)} "
                f"{_EXITS.get(t.exit_reason, t.exit_reason)}: {_r(t.rr)} "
                f"(against it {_r(t.mae)}, for it {_r(t.mfe)})"
            )
        if life.state is LifeState.OPEN and life.entry_time and life.entry_price is not None:
            hit = life.first_target_at
            first = f", first target hit {self._clock(hit)}" if hit else ""
            at = f"{self._clock(life.entry_time)} at {self._price(life.entry_price)}"
            return f"filled {at}, still open{first}"
        note = life.missed.note if life.missed is not None else ""
        return _STATES.get(life.state, str(life.state)) + (f" ({note})" if note else "")

    def _target(self, plan: Plan, number: int) -> str:
        target, s = plan.targets[number], self._record.signal
        risk = abs(s.entry_price - s.sl_price) or float("nan")
        r = (target.price - s.entry_price) * s.side.sign / risk
        part = f" for {100 * target.share:.0f} %" if len(plan.targets) > 1 else ""
        return f"{self._price(target.price)} ({_r(r)}){part}"

    def _limits(self, plan: Plan) -> list[str]:
        ends = (("order until", plan.expires_at), ("flat by", plan.flat_at))
        told = [f"{name} {self._clock(at)}" for name, at in ends if at is not None]
        voids = (
            ("touch below", plan.void_touch_below), ("touch above", plan.void_touch_above),
            ("close below", plan.void_close_below), ("close above", plan.void_close_above),
        )  # fmt: skip
        told += [f"void on a {name} {self._price(p)}" for name, p in voids if p is not None]
        line = ", ".join(told)
        return [line[:1].upper() + line[1:]] if line else []

    def _price(self, price: float) -> str:
        thing = self._found.instrument
        return f"{price:.10g}" if thing is None else f"{price:.{thing.digits}f}"

    def _points(self, distance: float) -> str:
        thing: Instrument | None = self._found.instrument
        return f"{distance:.10g}" if thing is None else f"{distance / thing.point:,.1f} points"

    def _value(self, name: str, value: float | str) -> str:
        shown = f"{value:.6g}" if isinstance(value, int | float) else self._moment(value)
        if name.endswith("_atr"):
            return f"{name.removesuffix('_atr').replace('_', ' ')} {shown} ATR"
        return f"{name.replace('_', ' ')} {shown}"

    def _moment(self, word: str) -> str:
        """Return a word as it is, or a moment by the setup's clock."""
        if _MOMENT.match(word) is None:
            return word
        return self._clock(datetime.fromisoformat(word))

    def _clock(self, moment: datetime) -> str:
        here = moment.astimezone(self._zone)
        same = here.date() == self._record.signal.known_at.astimezone(self._zone).date()
        return f"{here:%H:%M}" if same else f"{here:%Y-%m-%d %H:%M}"


def _receipt(receipt: Receipt) -> str:
    steps: Sequence[tuple[str, datetime | None]] = (
        ("data", receipt.data_at), ("found", receipt.detected_at),
        ("decided", receipt.decided_at), ("chart", receipt.drawn_at),
    )  # fmt: skip
    told, before = [], receipt.closed_at
    for name, at in steps:
        if at is not None:
            told.append(f"{name} +{_seconds(at - before)}")
            before = at
    return f"Closed {receipt.closed_at:%Y-%m-%d %H:%M:%S} UTC → {' → '.join(told)}"


def _seconds(took: timedelta) -> str:
    return f"{took.total_seconds():.2f} s"


def _r(value: float) -> str:
    sign = "+" if round(value, 2) > 0 else "−" if round(value, 2) < 0 else ""
    return f"{sign}{abs(value):.2f} R"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
