"""What live, or a replay, said of a setup then; and why a signal was decided as it was."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flows.inspecting import Inspected, inspected
from flows.inspecting_text import decision_lines
from flows.services import Services
from pipeline.domain.live import LIVE, DecisionKind, Evaluation, LiveSignal
from pipeline.domain.market import Timeframe
from pipeline.domain.replay import ReplayRequest
from pipeline.domain.watch import AlertKind, Watch
from pipeline.live.routing import is_muted, loudness
from pipeline.setups.rules import SetupSpec

_ID = re.compile(r"sig_live_\d{1,9}", re.IGNORECASE)
_TICK = timedelta(microseconds=1)
_LATELY = 50  # runs among which replays of that day are looked for
_REPLAYS = 2
_KINDS: dict[DecisionKind, AlertKind] = {
    DecisionKind.APPROVED: "approved",
    DecisionKind.REVIEW_REQUIRED: "review",
}


@dataclass(frozen=True)
class Asked:
    """One setup on a symbol and some triggers: a day [start, end), maybe a moment of it."""

    symbol: str
    spec: SetupSpec
    triggers: tuple[Timeframe, ...]
    start: datetime
    end: datetime
    moment: datetime | None


async def said_live(asked: Asked, services: Services, chat: int | None) -> tuple[str, ...]:
    """Return what was said then, line by line; nothing where nobody scanned.

    Replays of that day speak too, the newest two, each under its id.
    """
    lines: list[str] = []
    for origin in (LIVE, *await _replays(asked, services)):
        lines += await _of_origin(origin, asked, services, chat)
    return tuple(lines)


async def _replays(asked: Asked, services: Services) -> list[str]:
    found = []
    for run in await services.runs.newest(_LATELY):
        if run.flow_type == "replay_flow":
            request = ReplayRequest.model_validate(run.request)
            first, last = request.span()
            if asked.symbol in request.symbols and first < asked.end and asked.start < last:
                found.append(run.run_id)
    return found[:_REPLAYS]


async def _of_origin(origin: str, asked: Asked, services: Services, chat: int | None) -> list[str]:
    name = "Live" if origin == LIVE else f"Replay {origin}"
    until = asked.end - _TICK if asked.moment is None else asked.moment
    lines = []
    for trigger in asked.triggers:
        said = await services.scans.evaluation(
            origin, asked.symbol, asked.spec.setup_id, trigger, until
        )
        if said is not None and said.close >= asked.start:
            lines.append(f"{name}, {_evaluated(said, asked.spec)}")
    kept = await services.signals.between(origin, asked.start, until + _TICK)
    mine = [
        record
        for record in kept
        if (record.signal.symbol, record.signal.setup_id) == (asked.symbol, asked.spec.setup_id)
        and record.signal.tf in asked.triggers
    ]
    told = [await _told(record, asked.spec, services, chat) for record in mine]
    return [*lines, *(f"{name}: {words}" for words in told)]


def _evaluated(said: Evaluation, spec: SetupSpec) -> str:
    """Return how far a setup was at a close, and why no further."""
    at = f"asked at the close of {_clock(said.close, spec)} ({said.tf})"
    if said.signals:
        many = "a signal" if said.signals == 1 else f"{said.signals} signals"
        return f"{at}: {many}"
    titles = {step.name: step.title for step in spec.steps}
    passed = f"got as far as: {titles.get(said.step, said.step)}" if said.step else "no step yet"
    waits = next((step.title for step in spec.steps if step.name not in _done(said, spec)), "")
    why = said.reason or (f"waited for: {waits}" if waits else "")
    return f"{at}: {passed}{f'; {why}' if why else ''}"


def _done(said: Evaluation, spec: SetupSpec) -> set[str]:
    """Return the names of the steps up to the one that was passed."""
    names = [step.name for step in spec.steps]
    return set(names[: names.index(said.step) + 1]) if said.step in names else set()


async def _told(record: LiveSignal, spec: SetupSpec, services: Services, chat: int | None) -> str:
    s, decision = record.signal, record.decision
    word = decision.decision.value.replace("_", " ")
    why = f" ({'; '.join(decision.reasons)})" if decision.reasons else ""
    head = f"{record.signal_id}, {s.side} at {_clock(s.known_at, spec)}: {word}{why}"
    here = await _here(record, services, chat)
    return f"{head}. {here}" if here else head


def is_signal(text: str) -> bool:
    """Tell whether a question names a live signal by its id."""
    return _ID.fullmatch(text.strip()) is not None


async def why_signal(record: LiveSignal, services: Services, chat: int | None) -> list[str]:
    """Return why a signal was decided as it was, and who heard of it; headline first."""
    found = await inspected(record, services)
    gate = (await services.watches.rules()).gate(record.signal.setup_id)
    least, review = f"{gate.min_confidence:.2f}", f"{gate.review_from:.2f}"
    lines = [
        *decision_lines(found),
        f"The gate now: confidence above {least}, a person's call from {review}",
        *_heard(found),
    ]
    here = await _here(record, services, chat)
    return [*lines, *([here] if here else []), f"/signal {record.signal_id} shows all of it."]


def _heard(found: Inspected) -> list[str]:
    if not found.record.decision.decision.alerts:
        return ["Nobody was alerted."]
    if not found.sent:
        return ["No chat has an alert of it."]
    chats = "1 chat" if len(found.sent) == 1 else f"{len(found.sent)} chats"
    silenced = f"; its cooldown kept {', '.join(found.silenced)} silent" if found.silenced else ""
    return [f"{chats} got an alert{silenced}."]


async def _here(record: LiveSignal, services: Services, chat: int | None) -> str:
    """Return why a chat heard nothing of a signal that was told; empty: it did, or nobody."""
    kind = record.decision.decision
    if chat is None or not kind.alerts:
        return ""
    if any(sent.chat_id == chat for sent in await services.signals.alerts(record.signal_id)):
        return ""
    watch = await services.watches.get(chat)
    return f"This chat has no alert of it{_unheard(record, watch, services.clock())}."


def _unheard(record: LiveSignal, watch: Watch | None, now: datetime) -> str:
    """Return which of a chat's wishes, as they are now, keeps a signal from it."""
    s = record.signal
    if watch is None or not watch.on:
        return ": it does not watch"
    if is_muted(watch, s.setup_id, now):
        return f": {s.setup_id} is muted here"
    choices = ((watch.symbols, s.symbol), (watch.timeframes, s.tf), (watch.setups, s.setup_id))
    left_out = [str(value) for chosen, value in choices if chosen and value not in chosen]
    if left_out:
        return f": it does not watch {', '.join(left_out)}"
    if loudness(watch, _KINDS[record.decision.decision]) == "off":
        return ": signals of that kind are off here"
    return ": held back, or not delivered"


def _clock(moment: datetime, spec: SetupSpec) -> str:
    return f"{moment.astimezone(ZoneInfo(spec.zone)):%H:%M}"
