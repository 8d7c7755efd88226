"""The daily sign of life of each chat, at its own hour, once, and late rather than never."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flows.health import alert_seconds
from flows.live_text import counts_words
from flows.parity_nightly import parity_line
from flows.services import Services
from pipeline.domain.live import LIVE
from pipeline.domain.report import DeliveryKind
from pipeline.domain.watch import Watch
from pipeline.live.health import ago, latency
from pipeline.live.heartbeat import (
    Beat,
    DaySums,
    beat_due,
    decisions,
    ended_between,
    missed_scans,
)
from pipeline.live.routing import is_about, loudness
from storage.telemetry import get_logger

log = get_logger(__name__)

LATE = timedelta(minutes=5)
_FOLLOWED = timedelta(days=7)  # a signal's life is over by then


async def send_heartbeats(services: Services, now: datetime) -> int:
    """Owe each chat whose hour has come its sign of life; return how many were owed.

    Once per chat and day: the outbox refuses the second, whoever asks and however often. One that
    could not be sent in time is sent when somebody is there again, and says that it is late.
    """
    told = 0
    for watch in await services.watches.everyone():
        beat = beat_due(watch, now)
        if beat is None or await _told(watch, beat, services):
            continue
        told += await _send(watch, beat, services, now)
        await services.chats.remember(_key(watch), {"day": beat.day}, now)
    return told


def _key(watch: Watch) -> str:
    return f"heartbeat:{watch.chat_id}"


async def _told(watch: Watch, beat: Beat, services: Services) -> bool:
    """Tell whether it was owed already; a hint that spares counting, the outbox decides."""
    kept = await services.chats.recall(_key(watch))
    return kept is not None and kept.get("day") == beat.day


async def _send(watch: Watch, beat: Beat, services: Services, now: datetime) -> bool:
    sums, parity = await _sums(watch, beat, services, now), await parity_line(services, beat.since)
    text = heartbeat_text(watch, beat, sums, now, parity)
    log.info("heartbeat_owed", chat_id=watch.chat_id, day=beat.day, late=now - beat.due_at > LATE)
    return await services.outbox.put(
        watch.chat_id,
        DeliveryKind.NOTICE,
        {"text": text, "silent": loudness(watch, "heartbeat") == "silent"},
        dedupe_key=f"{_key(watch)}:{beat.day}",
        now=now,
    )


async def _sums(watch: Watch, beat: Beat, services: Services, now: datetime) -> DaySums:
    signals = await services.signals.between(LIVE, beat.since - _FOLLOWED, now)
    mine = [s for s in signals if is_about(watch, s.signal)]
    scans = await services.scans.scans(LIVE, beat.since, now)
    before = await services.scans.scans(LIVE, beat.since - _FOLLOWED, beat.since, limit=1)
    minutes = [scan.trigger_time for scan in (*scans, *before)]
    return DaySums(
        scans=len(scans),
        missed=missed_scans(minutes, beat.since, now),
        counts=decisions([s for s in mine if s.signal.known_at >= beat.since]),
        alerts=latency(await alert_seconds(services, beat.since, now, watch.chat_id)),
        ended=ended_between(mine, beat.since, now),
    )


def heartbeat_text(
    watch: Watch, beat: Beat, sums: DaySums, now: datetime, parity: str = ""
) -> str:
    """Return the message: that it lives, whether it is late, and the day's counts.

    `parity`: how the nightly comparison ended, in a line; empty: there was none.
    """
    due = beat.due_at.astimezone(ZoneInfo(watch.zone))
    lines = [
        f"Live watching lives. Since {due:%H:%M} yesterday:",
        _scan_words(sums),
        f"Signals: {counts_words(sums.counts)}",
        _alert_words(sums),
        _ended_words(sums),
        *([parity] if parity else []),
    ]
    if now - beat.due_at > LATE:
        late = ago(now - beat.due_at)
        lines.insert(1, f"This comes {late} late: nothing was watched at {due:%H:%M}.")
    return "\n".join(lines)


def _scan_words(sums: DaySums) -> str:
    if not sums.scans:
        return "No scan at all; /health says why"
    return f"{sums.scans:,} scans, {sums.missed:,} missed"


def _alert_words(sums: DaySums) -> str:
    if sums.alerts is None:
        return "Alerts: none"
    return f"Alerts: {sums.alerts.alerts}, 95 of 100 within {sums.alerts.p95:.2f} s of the close"


def _ended_words(sums: DaySums) -> str:
    ended = sums.ended
    if not ended.signals:
        return "Outcomes: none"
    return (
        f"Outcomes: {ended.signals} ended, {ended.filled} of them filled, {ended.won} won, "
        f"{ended.total_r:+.2f} R"
    )
