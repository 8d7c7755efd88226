"""Why there was a signal or none: a question answered at once, without a run."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from flows import why_compute as compute
from flows.costs import costs_of
from flows.holdings import best_holding, held_text
from flows.loading import HeldBars, held_bars, seen_bars
from flows.news import calendar_for, news_warnings
from flows.services import Services
from flows.start_checks import known_words
from flows.why_compute import WhyJob
from flows.why_live import Asked, said_live
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.report import Holding
from pipeline.domain.request import BacktestOptions
from pipeline.setups.rules import SetupSpec
from pipeline.setups.why.model import DayWhy, PeriodWhy
from pipeline.why_words import WhyRequest, parse_why, setup_day

_DAY = timedelta(days=1)
_LONGEST = timedelta(days=1100)


@dataclass(frozen=True)
class Explained:
    """One setup's answer: a day (at a moment) or a period, its picture, and what to mind.

    `live`: what live scanning said then, line by line; empty for periods and where nobody scanned.
    """

    request: WhyRequest
    zone: str
    found: DayWhy | PeriodWhy
    png: bytes | None
    notes: tuple[str, ...]
    live: tuple[str, ...] = ()


async def why(text: str, services: Services, chat: int | None = None) -> list[Explained]:
    """Answer a question; without a setup's name, for each active one that runs on the symbol.

    `chat` is who asks: it is told why it heard nothing of a signal.

    Pictures are drawn, and tools run again in search of near misses, for a named setup alone.

    Raises
    ------
    BadRequestError
        Words that can't be read, or nothing held that could answer; with the closest choices.
    """
    known = await known_words(services)
    request = parse_why(text, known, services.settings.timezone, services.clock())
    if timedelta(days=(request.last - request.first).days) > _LONGEST:
        raise BadRequestError("Three years at most, please.", field="period")
    if request.setup_id is not None:
        spec = await services.setups.get(request.setup_id)
        return [await _answer(spec, request, services, chat, full=True)]
    active = [s for s in await services.setups.active() if request.symbol in s.symbols]
    if not active:
        raise BadRequestError(
            f"No active setup is made for {request.symbol}; name one.", field="setup_id",
            closest=tuple(s.setup_id for s in await services.setups.active()),
        )  # fmt: skip
    alone = len(active) == 1
    calls = (_answer(spec, request, services, chat, full=alone) for spec in active)
    return list(await asyncio.gather(*calls))


async def _answer(
    spec: SetupSpec, request: WhyRequest, services: Services, chat: int | None, *, full: bool
) -> Explained:
    first, last = request.first, request.last
    if request.moment is not None:
        first = last = setup_day(request.moment, spec.zone)
    start, end = _bounds(first, last, spec.zone)
    holdings = [h for h in await services.bars.holdings() if h.symbol == request.symbol]
    trigger = trigger_for(spec, holdings, (start, end), request.timeframe)
    held = await held_bars(spec, request.symbol, trigger, (start, end), services)
    held = held or await seen_bars(spec, request.symbol, trigger, (start, end), services)
    if held is None:
        raise _nothing(request, holdings)
    news = await calendar_for(spec, services)
    job = await why_job(spec, held, trigger, news, services)
    notes = (*_warm_notes(held.warm, held.wanted), *news_warnings(spec, news, start, end))
    if request.is_period:
        period, picture = await services.cpu.run(
            compute.period, held.bars, job, (first, last), draw=full
        )
        png = None if picture is None else picture.png
        return Explained(request, spec.zone, period, png, (*notes, *period.notes))
    day, picture = await services.cpu.run(
        compute.day, held.bars, job, first, request.moment, draw=full
    )
    png = None if picture is None else picture.png
    triggers = (request.timeframe,) if request.timeframe else spec.timeframes
    asked = Asked(request.symbol, spec, triggers, start, end, request.moment)
    live = await said_live(asked, services, chat)
    return Explained(request, spec.zone, day, png, notes, live)


async def why_job(
    spec: SetupSpec,
    held: HeldBars,
    trigger: Timeframe,
    news: pd.DataFrame | None,
    services: Services,
) -> WhyJob:
    """Return what explaining a setup on held bars needs besides the bars."""
    instrument, settings = await services.instruments.get(held.holding.symbol), services.settings
    return WhyJob(
        spec, trigger, instrument,
        costs_of(BacktestOptions(), instrument, settings).spread_points, news,
        settings.chart_theme, settings.timezone, held.holding.synthetic,
        services.clock().strftime("%Y-%m-%d"),
    )  # fmt: skip


def trigger_for(
    spec: SetupSpec,
    holdings: list[Holding],
    period: tuple[datetime, datetime],
    asked: Timeframe | None,
) -> Timeframe:
    """Return the timeframe to use: as asked, else the setup's own, else its next that is held.

    Raises
    ------
    BadRequestError
        The setup doesn't run on what was asked, or nothing held gives any of its timeframes.
    """
    valid = sorted(spec.timeframes, key=lambda t: t.minutes)
    if asked is not None and asked not in valid:
        raise BadRequestError(
            f"{spec.setup_id} runs on {', '.join(valid)}, not on {asked}.",
            field="timeframe", value=asked.value, closest=tuple(t.value for t in valid),
        )  # fmt: skip
    wanted = (
        [asked]
        if asked
        else [spec.timeframe, *(t for t in valid if t.minutes > spec.timeframe.minutes)]
    )
    for timeframe in wanted:
        if best_holding(holdings, timeframe, *period) is not None:
            return timeframe
    return wanted[0]


def _bounds(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    """Return [start, end) of local days as UTC."""
    at = ZoneInfo(zone)
    start = datetime.combine(first, time(), at).astimezone(UTC)
    return start, datetime.combine(last + _DAY, time(), at).astimezone(UTC)


def _nothing(request: WhyRequest, holdings: list[Holding]) -> BadRequestError:
    when = (
        f"on {request.first:%A %Y-%m-%d}"
        if not request.is_period
        else f"{request.first} – {request.last}"
    )
    return BadRequestError(
        f"No bars of {request.symbol} are held {when}. {held_text(holdings)}", field="period",
        value=request.first.isoformat(),
        closest=tuple(f"{h.first.date()}..{h.last.date()}" for h in holdings),
    )  # fmt: skip


def _warm_notes(warm: int, wanted: int) -> tuple[str, ...]:
    if warm >= wanted:
        return ()
    return (
        f"Only {warm} of {wanted} bars are held before it: the tools may not be at full strength.",
    )
