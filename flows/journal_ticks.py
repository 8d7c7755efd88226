"""What people tick in the journal comes back as what they did about a signal.

The chat's answer decides the ticket, once: a tick never opens or closes a trade on paper. It is
the word on what the person did in the end: a page is made with the answer ticked, so a tick that
differs came later, and the later word counts for `labeled_trades`. A tick that is taken away
leaves the answer. Notion tells edits to the minute, so ticks are read with an overlap; what says
the same again is no news.
"""

from datetime import datetime
from typing import Any, Final

from flows.services import Services
from flows.trail import write_trail
from pipeline.domain.journal import EntryKind, JournalTick
from pipeline.domain.label import HUMAN
from pipeline.domain.live import TICK, LiveSignal
from pipeline.domain.request import Actor, Channel
from storage.telemetry import get_logger

log = get_logger(__name__)
LONGEST: Final = 500
"""Characters of a note, as of a comment in the chat."""
_MARK: Final = "journal:ticks"
_WHO: Final = Actor(channel=Channel.SCHEDULE, name="journal")


async def take_ticks(services: Services, now: datetime) -> int:
    """Take back what was ticked since the last look; return of how many signals it was news."""
    if services.journal is None:
        return 0
    kept = await services.chats.recall(_MARK)
    since = datetime.fromisoformat(str(kept["at"])) if kept else None
    ticks = await services.journal.ticks(since)
    news = 0
    for tick in ticks:
        news += await _took(tick, services, now)
    if ticks:
        # By the journal's clock, not ours: the two need not agree.
        newest = max(tick.edited_at for tick in ticks)
        await services.chats.remember(_MARK, {"at": newest.isoformat()}, now)
    return news


async def _took(tick: JournalTick, services: Services, now: datetime) -> bool:
    if tick.kind is not EntryKind.SIGNAL:
        return False
    record = await services.signals.get(tick.key)
    if record is None or record.answer is None:
        return False
    said = news_of(record, tick)
    if said is None:
        return False
    await services.signals.note_extra(tick.key, {TICK: said}, now)
    what = {"signal_id": tick.key, "edited_at": tick.edited_at.isoformat(), **said}
    await write_trail(services, _WHO, "journal_tick", what)
    log.info("journal_tick", signal=tick.key, taken=said["taken"])
    return True


def news_of(record: LiveSignal, tick: JournalTick) -> dict[str, Any] | None:
    """Return what is to be kept of a tick; None: it says what is known."""
    said = {"taken": tick.taken or "", "note": tick.note[:LONGEST]}
    kept = record.extra.get(TICK)
    if kept is not None:
        return None if kept == said else said
    answered = HUMAN[record.answer.choice] if record.answer else ""
    return None if said["taken"] in ("", answered) and not said["note"] else said
