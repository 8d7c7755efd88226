"""A person's answer to a live signal: bound to its ticket, the first one counts, then on paper."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pandas as pd

from flows.services import Services
from flows.trail import write_trail
from pipeline.domain.errors import AppError
from pipeline.domain.live import LIVE, Answer, LiveSignal, Paper
from pipeline.domain.order import BrokerOrder, OrderState
from pipeline.domain.request import Actor
from pipeline.domain.trade import Plan
from pipeline.live.ticket import ticket_state
from storage.telemetry import get_logger

log = get_logger(__name__)

Choice = Literal["approved", "rejected"]


@dataclass(frozen=True)
class Answered:
    """What became of an answer.

    accepted: it counts; `order` is what the broker says of an approval's order (None: nothing
    yet). was_answered: `record.answer` tells by whom and when. expired: `why` tells how. stale:
    the button belongs to other terms. unknown: there is no such signal.
    """

    verdict: Literal["accepted", "was_answered", "expired", "stale", "unknown"]
    record: LiveSignal | None = None
    why: str = ""
    order: OrderState | None = None


async def answer_signal(
    signal_id: str,
    ticket_prefix: str,
    choice: Choice,
    actor: Actor,
    services: Services,
    comment: str = "",
) -> Answered:
    """Answer a ticket as it was shown.

    Parameters
    ----------
    ticket_prefix
        The beginning of the ticket's hash, as the button carries it.
    comment
        The person's own words, kept with the answer.

    Notes
    -----
    A ticket that can't be taken any more can't be turned down either: who knows how it went
    judges something else. Of concurrent answers the store keeps one. The answer, the trade on
    paper of an approval and the label's word are one transaction; every try is in the trail.
    Whether the person may answer is the front end's to say.
    """
    answered = await _answered(signal_id, ticket_prefix, choice, actor, comment, services)
    what = {
        "signal_id": signal_id, "choice": choice, "ticket": ticket_prefix, "comment": comment,
        "verdict": answered.verdict,
    }  # fmt: skip
    refusal = None if answered.verdict == "accepted" else AppError(answered.why)
    await write_trail(services, actor, "answer", what, refusal=refusal)
    return answered


async def _answered(
    signal_id: str,
    ticket: str,
    choice: Choice,
    actor: Actor,
    comment: str,
    services: Services,
) -> Answered:
    record, now = await services.signals.get(signal_id), services.clock()
    if record is None:
        return Answered("unknown", why=f"There is no signal {signal_id}.")
    if not ticket or not record.ticket.startswith(ticket):
        return Answered("stale", record, "This button belongs to other terms of the signal.")
    if record.answer is not None:
        return _before(record)
    bars, market = await _market(record, services, now)
    if why := await _expired(record, bars, market, services):
        return Answered("expired", record, why)
    answer = Answer(
        choice=choice, user_id=actor.user_id or 0, name=actor.name, at=now, comment=comment
    )
    paper = Paper(plan=taken_at(record.plan, market)) if choice == "approved" else None
    kept, first = await services.signals.answer(signal_id, ticket, answer, paper=paper, now=now)
    if not first or kept is None:
        return _before(kept or record)
    order = None if paper is None else await _order(kept, paper.plan, services, now)
    return Answered("accepted", kept, order=order)


def _before(record: LiveSignal) -> Answered:
    said = record.answer
    words = "It was answered before."
    if said is not None:
        words = f"{said.name or said.user_id} {said.choice} it at {said.at:%Y-%m-%d %H:%M} UTC."
    return Answered("was_answered", record, words)


async def ticket_over(record: LiveSignal, services: Services, now: datetime) -> str:
    """Return why a ticket can't be taken any more, by the bars seen; empty: it can."""
    bars, market = await _market(record, services, now)
    return await _expired(record, bars, market, services)


def taken_at(plan: Plan, moment: datetime) -> Plan:
    """Return the plan of a person who takes a ticket at a moment: filled from then on.

    Stop, targets and every limit in time stay those of the ticket.
    """
    return plan.model_copy(update={"known_at": moment})


async def _market(
    record: LiveSignal, services: Services, now: datetime
) -> tuple[pd.DataFrame, datetime]:
    """Return the minutes seen since the signal, and the time at its market.

    A replay has a time of its own, of which the last bar seen is the best witness.
    """
    signal = record.signal
    bars = await services.scans.bars(record.origin, signal.symbol, signal.known_at)
    seen = bars["close_time"].iloc[-1].to_pydatetime() if len(bars) else signal.known_at
    return bars, max(now, seen) if record.origin == LIVE else seen


async def _expired(
    record: LiveSignal, bars: pd.DataFrame, market: datetime, services: Services
) -> str:
    settings = services.settings
    return ticket_state(
        record, bars, await services.instruments.get(record.signal.symbol), market,
        minutes=settings.ticket_minutes, max_r=settings.ticket_max_r,
    )  # fmt: skip


async def _order(
    record: LiveSignal, plan: Plan, services: Services, now: datetime
) -> OrderState | None:
    """Place the order; the answer counts whatever the broker says."""
    order = BrokerOrder(
        client_id=record.signal_id, symbol=record.signal.symbol, plan=plan,
        lots=services.settings.lots,
    )  # fmt: skip
    try:
        return await services.broker.place(order, now)
    except AppError as error:
        log.warning("order_not_placed", signal=record.signal_id, broker=services.broker.name,
                    error=error.user_text)  # fmt: skip
        return None
