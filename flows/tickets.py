"""Tickets that nobody answered in time: each ends once, and its alerts say how."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from flows.answering import ticket_over
from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.live import LiveSignal
from storage.telemetry import get_logger

log = get_logger(__name__)

TICKET_OVER: Final = "ticket_over"
"""Key in a signal's `extra`: why its ticket can't be taken any more; it never can again."""


async def end_tickets(records: Sequence[LiveSignal], services: Services, now: datetime) -> int:
    """Note at each signal whose open ticket has ended why it did; return at how many.

    Signals that no chat heard of have no ticket to end. One that can't be looked at is looked
    at again at the next close.
    """
    ended = 0
    for record in records:
        if is_open(record):
            try:
                ended += await _end(record, services, now)
            except AppError as error:
                log.warning("ticket_not_judged", signal=record.signal_id, error=error.user_text)
    return ended


def is_open(record: LiveSignal) -> bool:
    """Tell whether a signal was told and its ticket neither answered nor known to be over."""
    told = record.decision.decision.alerts
    return told and record.answer is None and TICKET_OVER not in record.extra


async def _end(record: LiveSignal, services: Services, now: datetime) -> bool:
    why = await ticket_over(record, services, now)
    if why:
        await end_ticket(record.signal_id, why, services)
    return bool(why)


async def end_ticket(signal_id: str, why: str, services: Services) -> None:
    """Note at a signal that its ticket can't be taken any more; its alerts say so from now on."""
    await services.signals.note_extra(signal_id, {TICKET_OVER: why}, services.clock())
