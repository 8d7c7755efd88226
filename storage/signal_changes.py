"""What happens to a kept signal: pure changes, the same in memory and in the database."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipeline.domain.analysis import ANALYST
from pipeline.domain.label import Label
from pipeline.domain.live import Decision, DecisionKind, Life, LiveSignal, Paper
from storage.tables import json_text


def signal_id(number: int) -> str:
    """Return the name of the signal with that number, three digits at least."""
    return f"sig_live_{number:03d}"


def alert_key(signal: str, chat_id: int) -> str:
    """Return the dedupe key of a chat's ALERT."""
    return f"alert:{signal}:{chat_id}"


def outcome_key(signal: str, life: Life, chat_id: int) -> str:
    """Return the dedupe key of a chat's OUTCOME; of each state there is one."""
    return f"outcome:{signal}:{life.state.value}:{chat_id}"


def suppressed(draft: LiveSignal, by: str, until: datetime) -> LiveSignal:
    """Return the signal silenced by the cooldown of signal `by`, with the reason."""
    reason = f"cooldown until {until:%H:%M} UTC after {by}"
    decision = draft.decision.model_copy(
        update={
            "decision": DecisionKind.SUPPRESSED,
            "reasons": (*draft.decision.reasons, reason),
            "dominant_source": "cooldown",
        }
    )
    return draft.model_copy(update={"decision": Decision.model_validate(decision.model_dump())})


def followed(record: LiveSignal) -> bool:
    """Whether more can happen to a signal or to its paper trade."""
    return not record.life.state.ended or (
        record.paper is not None and not record.paper.life.state.ended
    )


def lived(record: LiveSignal, life: Life, paper: Paper | None) -> LiveSignal:
    """Return the signal with what is newer of its life and its paper trade's; itself if none."""
    change: dict[str, Life | Paper] = {}
    if _newer(life, record.life):
        change["life"] = life
    if paper is not None and (record.paper is None or _newer(paper.life, record.paper.life)):
        change["paper"] = paper
    return record.model_copy(update=change) if change else record


def _newer(life: Life, kept: Life) -> bool:
    return life.as_of is not None and (kept.as_of is None or life.as_of > kept.as_of)


def looks_alike(one: LiveSignal, other: LiveSignal) -> bool:
    """Whether both would be shown the same: how far bars were looked at is not shown."""
    return _shown(one) == _shown(other)


def _shown(record: LiveSignal) -> tuple[object, ...]:
    paper = record.paper and (record.paper.plan, _timeless(record.paper.life))
    return _timeless(record.life), paper, record.answer, record.extra


def _timeless(life: Life) -> Life:
    return life.model_copy(update={"as_of": None})


def opined(record: LiveSignal, llm: float | None, said: Mapping[str, Any]) -> LiveSignal:
    """Return the signal with the analyst's opinion; itself if it has one already."""
    if ANALYST in record.extra:
        return record
    parts = record.decision.confidence_breakdown.model_copy(update={"llm": llm})
    decision = record.decision.model_copy(update={"confidence_breakdown": parts})
    more = json.loads(json_text(dict(said)))
    extra = {**record.extra, **more}
    return record.model_copy(update={"decision": decision, "extra": extra})


def labelled(label: Label, kept: LiveSignal) -> Label:
    """Return the label with what people did by the kept signal, whatever its writer knew."""
    return label.model_copy(update={"human": kept.human or label.human})


def ticket_fits(record: LiveSignal, ticket: str) -> bool:
    """Whether a button's beginning of a hash means this signal's ticket."""
    return bool(ticket) and record.ticket.startswith(ticket)
