"""What chats are told of watching besides signals: late ones in one message, the feed."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from flows.live_session import LiveSession
from pipeline.domain.live import LiveSignal
from pipeline.domain.report import DeliveryKind
from pipeline.domain.watch import Watch
from pipeline.live.routing import is_about, loudness

MOST_LINES = 20


async def tell_late(late: Sequence[LiveSignal], session: LiveSession) -> int:
    """Owe each chat one message that lists the signals which came too late to act on."""
    found = sorted(late, key=lambda r: (r.signal.known_at, r.signal_id))
    if not found:
        return 0
    told = 0
    for watch in await listeners(session):
        mine = [r for r in found if not session.live or is_about(watch, r.signal)]
        if mine:
            text = late_words(mine, watch.zone)
            told += await tell(watch, text, f"late:{mine[0].signal_id}", session)
    return told


def late_words(late: Sequence[LiveSignal], zone: str) -> str:
    """Say which signals came too late, in the order of their closes."""
    many = f"{len(late)} signals came" if len(late) > 1 else "One signal came"
    lines = [f"{many} too late to act on, after a break. Not alerted; followed all the same:"]
    for record in late[:MOST_LINES]:
        s = record.signal
        when = s.known_at.astimezone(ZoneInfo(zone))
        what = f"{s.symbol} {s.tf} {s.setup_id} {s.side}"
        lines.append(f"{when:%a %H:%M} {what} · {record.signal_id}")
    rest = [record.signal_id for record in late[MOST_LINES:]]
    return "\n".join([*lines, *(["and " + ", ".join(rest)] if rest else [])])


async def tell_feed(text: str, key: str, session: LiveSession) -> int:
    """Owe each watching chat one line about the feed; not to those who switched that off."""
    return sum([await tell(w, text, key, session) for w in await listeners(session)])


async def listeners(session: LiveSession) -> list[Watch]:
    """Return whom a session speaks to."""
    if session.only_chat is not None:
        kept = await session.services.watches.get(session.only_chat)
        return [kept or Watch(chat_id=session.only_chat)]
    return [watch for watch in await session.services.watches.everyone() if watch.on]


async def tell(watch: Watch, text: str, key: str, session: LiveSession) -> bool:
    """Owe one chat one line, as loud as it wants news of the feed."""
    loud = loudness(watch, "feed")
    if loud == "off":
        return False
    return await session.services.outbox.put(
        watch.chat_id,
        DeliveryKind.NOTICE,
        {"text": text, "silent": loud == "silent"},
        dedupe_key=f"{session.origin}:{key}:{watch.chat_id}",
        now=session.services.clock(),
    )


def clock_words(moment: datetime, zone: str) -> str:
    """Return a moment as a chat's wall clock shows it."""
    return f"{moment.astimezone(ZoneInfo(zone)):%H:%M}"
