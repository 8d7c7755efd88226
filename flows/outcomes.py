"""What becomes of signals after their alerts: followed on the bars as seen, told, labelled."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flows import outcomes_compute as compute
from flows.costs import costs_of
from flows.outcome_pictures import outcome_picture
from flows.outcomes_compute import Followed, SymbolJob
from flows.services import Services
from flows.tickets import end_tickets
from pipeline.domain.errors import AppError
from pipeline.domain.live import Life, LiveSignal, Paper
from pipeline.domain.request import BacktestOptions
from pipeline.live.labels import label_of
from storage.telemetry import get_logger

log = get_logger(__name__)


@dataclass(frozen=True)
class News:
    """What is new of one signal: its life, and its paper trade's; None: it has none."""

    record: LiveSignal
    life: Life
    paper: Paper | None


async def follow_signals(
    origin: str, closes: Mapping[str, datetime], services: Services, *, now: datetime
) -> int:
    """Look what later bars made of the signals that are followed, and tell what is new.

    Parameters
    ----------
    closes
        Symbol -> close up to which its bars were recorded; signals of others wait.
    now
        This machine's time, for what is written.

    Returns
    -------
    Of how many signals something new was written.

    Notes
    -----
    Everything new of one signal is one transaction: its life, the edits of its alerts, a reply
    where it has ended, its label. What dies before it is done again at the next close, to the
    same words. A symbol or picture that fails holds up nothing else.

    A reply's payload is {"signal_id", "state", "chart"}: the state in which the life ended, and
    the archive path of the outcome's picture, empty where it could not be drawn.
    """
    followed = await services.signals.following(origin)
    advanced = [r for r in followed if _advanced(r, closes)]
    if not advanced:
        return 0
    by_symbol: dict[str, list[LiveSignal]] = {}
    for record in advanced:
        by_symbol.setdefault(record.signal.symbol, []).append(record)
    looks = (_news(mine, closes[symbol], services) for symbol, mine in by_symbol.items())
    news = [each for found in await asyncio.gather(*looks) for each in found]
    told = await asyncio.gather(*(_told(each, services, now) for each in news))
    await end_tickets(advanced, services, now)
    return sum(told)


def _advanced(record: LiveSignal, closes: Mapping[str, datetime]) -> bool:
    close = closes.get(record.signal.symbol)
    return close is not None and close > record.signal.known_at


async def _news(records: Sequence[LiveSignal], close: datetime, services: Services) -> list[News]:
    """Carry out the plans of one symbol on its bars as seen; return where that is news."""
    symbol, origin = records[0].signal.symbol, records[0].origin
    try:
        job = await _job(records, close, services)
        found = await services.cpu.run(compute.lives, job)
    except AppError as error:
        log.warning("signals_not_followed", symbol=symbol, origin=origin, error=error.user_text)
        return []
    except Exception:
        log.exception("signals_not_followed", symbol=symbol, origin=origin)
        return []
    pairs = zip(records, found, strict=True)
    return [each for record, lives in pairs for each in _fresh(record, *lives)]


async def _job(records: Sequence[LiveSignal], close: datetime, services: Services) -> SymbolJob:
    symbol, settings = records[0].signal.symbol, services.settings
    instrument = await services.instruments.get(symbol)
    since = min(record.signal.known_at for record in records)
    minutes = await services.scans.bars(records[0].origin, symbol, since, close)
    costs = costs_of(BacktestOptions(), instrument, settings)
    followed = tuple(_followed(record) for record in records)
    return SymbolJob(minutes, instrument, costs, settings.lots, followed)


def _followed(record: LiveSignal) -> Followed:
    paper = record.paper
    return Followed(
        known_at=record.signal.known_at,
        timeframe=record.signal.tf,
        plan=None if record.life.state.ended else record.plan,
        paper=None if paper is None or paper.life.state.ended else paper.plan,
    )


def _fresh(record: LiveSignal, life: Life | None, paper: Life | None) -> list[News]:
    """Return the news of a signal; how far bars were looked at is none."""
    kept = None if record.paper is None else record.paper.life
    new_life = life is not None and not _same(life, record.life)
    new_paper = paper is not None and kept is not None and not _same(paper, kept)
    if not (new_life or new_paper):
        return []
    trade = record.paper
    if trade is not None and new_paper and paper is not None:
        trade = trade.model_copy(update={"life": paper})
    return [News(record, life if life is not None and new_life else record.life, trade)]


def _same(one: Life, other: Life) -> bool:
    return one.model_copy(update={"as_of": None}) == other.model_copy(update={"as_of": None})


async def _told(news: News, services: Services, now: datetime) -> bool:
    """Tell one signal's news; what can't be written now is news again at the next close."""
    try:
        return await _tell(news, services, now)
    except Exception:
        log.exception("outcome_not_kept", signal=news.record.signal_id)
        return False


async def _tell(news: News, services: Services, now: datetime) -> bool:
    """Write what is new of one signal, with a reply and a label where its life has ended."""
    record, life = news.record, news.life
    ended = life.state.ended and not record.life.state.ended
    reply = None
    if ended and record.decision.decision.alerts:
        chart = await outcome_picture(record, life, services, now)
        reply = {"signal_id": record.signal_id, "state": life.state.value, "chart": chart}
    label = label_of(record, life) if ended else None
    written = await services.signals.live_on(
        record.signal_id, life, paper=news.paper, reply=reply, label=label, now=now
    )
    if written:
        log.info("signal_lives_on", signal=record.signal_id, origin=record.origin,
                 state=life.state.value, as_of=life.as_of)  # fmt: skip
    return written
