"""The weekly card: asked for with /week, and sent by itself when a chat's week is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flows import weekly_compute as compute
from flows.services import Services
from pipeline.domain.live import LIVE, LiveSignal
from pipeline.domain.report import DeliveryKind
from pipeline.domain.watch import Watch
from pipeline.live.wall_clock import is_quiet
from pipeline.live.weekly import WeekCard, week_card
from pipeline.live.weeks import WeekRequest, parse_week, week_ended
from pipeline.render.week_words import counts_words, lines_of, title_words
from storage.telemetry import get_logger

log = get_logger(__name__)

LATEST = timedelta(hours=24)
"""A card that could not be sent so long after its week's end isn't sent by itself any more."""


@dataclass(frozen=True)
class Week:
    """A card in words and as a picture; `png` is None where there were no signals."""

    card: WeekCard
    title: str
    lines: tuple[str, ...]
    png: bytes | None


async def week_asked(text: str, chat_id: int, services: Services) -> Week:
    """Return the card that a chat asks for, of what it watches.

    Raises
    ------
    BadRequestError
        The words name no week and no replay.
    """
    watch, now = await services.watches.get(chat_id), services.clock()
    zone = watch.zone if watch is not None else services.settings.timezone
    return await _week(parse_week(text, zone, now), watch, zone, services)


async def send_weekly_cards(services: Services, now: datetime) -> int:
    """Owe each watching chat the card of its last week, once; return how many were owed.

    A chat in its quiet hours waits for their end. A week without signals brings no card.
    """
    told = 0
    for watch in await services.watches.everyone():
        if not watch.on or (watch.quiet and is_quiet(watch.quiet, watch.zone, now)):
            continue
        start, end = week_ended(now, watch.zone)
        if now < end + LATEST and not await _done(watch, end, services):
            request = WeekRequest(LIVE, start, end)
            told += await _send(watch, request, services, now)
            await services.chats.remember(_key(watch), {"week": end.isoformat()}, now)
    return told


async def _send(watch: Watch, request: WeekRequest, services: Services, now: datetime) -> bool:
    week = await _week(request, watch, watch.zone, services)
    if week.png is None:
        return False
    day = f"{request.end:%Y-%m-%d}"
    path = f"results/week_{day}_{watch.chat_id}.png"
    await services.archive.put(
        path, week.png, run_id=f"week_{day}", role="week", media_type="image/png"
    )
    caption = "\n".join((week.title, counts_words(week.card), *week.lines))
    key = f"week:{watch.chat_id}:{day}"
    payload = {"path": path, "caption": caption}
    log.info("weekly_card_owed", chat_id=watch.chat_id, week=day, signals=week.card.signals)
    return await services.outbox.put(
        watch.chat_id, DeliveryKind.PHOTO, payload, dedupe_key=key, now=now
    )


def _key(watch: Watch) -> str:
    return f"week:{watch.chat_id}"


async def _done(watch: Watch, end: datetime, services: Services) -> bool:
    kept = await services.chats.recall(_key(watch))
    return kept is not None and kept.get("week") == end.isoformat()


async def _week(request: WeekRequest, watch: Watch | None, zone: str, services: Services) -> Week:
    found = await services.signals.between(request.origin, request.start, request.end)
    if not request.is_replay:
        found = _watched(found, watch)
    card, now = week_card(found, request.start, request.end), services.clock()
    title = f"Replay {request.origin}" if request.is_replay else title_words(card, zone, now)
    if not found:
        return Week(card, title, (), None)
    synthetic = request.is_replay and await _made_up(found, services)
    picture = await services.cpu.run(
        compute.draw_card, card, title, services.settings.chart_theme, f"{now:%Y-%m-%d}",
        synthetic=synthetic,
    )  # fmt: skip
    return Week(card, title, tuple(lines_of(card)), picture.png)


def _watched(records: Sequence[LiveSignal], watch: Watch | None) -> list[LiveSignal]:
    """Return the signals of what a chat watches, also those that it was never told of."""
    if watch is None:
        return list(records)
    return [
        r for r in records
        if (not watch.symbols or r.signal.symbol in watch.symbols)
        and (not watch.timeframes or r.signal.tf in watch.timeframes)
        and (not watch.setups or r.signal.setup_id in watch.setups)
    ]  # fmt: skip


async def _made_up(records: Sequence[LiveSignal], services: Services) -> bool:
    symbols = {r.signal.symbol for r in records}
    return any(h.synthetic and h.symbol in symbols for h in await services.bars.holdings())
