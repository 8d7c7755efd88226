"""One holding judged: its own bars, what waits, and how another source's closes agree."""

import asyncio
import zlib
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pandas as pd

from flows.services import Services
from pipeline.data.quality import assess, holes
from pipeline.data.quality_compare import SPAN, agreement, sample_days
from pipeline.data.quality_parts import Compared, parts_of, score_of
from pipeline.domain.data_quality import HoldingQuality
from pipeline.domain.errors import AppError
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.report import Gap, Holding, QualityReport
from pipeline.domain.source import SourceSymbol, WithheldBar
from storage.source_ports import BarSource
from storage.telemetry import get_logger

log = get_logger(__name__)
FELL = 0.05
"""A score that fell so far is told."""
_RECENT = timedelta(days=7)
_DAYS = 3
_MOST_PAGES = 60
_PATIENCE = 180.0


async def check_holding(holding: Holding, run_id: str, services: Services) -> HoldingQuality:
    """Judge a holding, and say what got worse since its last kept check."""
    timeframe, now = Timeframe(holding.timeframe), services.clock()
    instrument = await services.instruments.get(holding.symbol)
    bars = await services.bars.read(holding.symbol, timeframe)
    quality = await asyncio.to_thread(assess, bars, timeframe, instrument)
    gaps = await asyncio.to_thread(holes, bars, timeframe, instrument)
    waiting = await services.quarantine.waiting(holding.symbol, timeframe)
    compared = await compare(holding, bars, quality, instrument, services)
    parts = await asyncio.to_thread(parts_of, quality, bars, len(waiting), compared)
    before = await services.quality.newest(holding.symbol, holding.timeframe, before_run=run_id)
    found = HoldingQuality(
        symbol=holding.symbol, timeframe=holding.timeframe, at=now, run_id=run_id,
        score=score_of(parts), before=None if before is None else before.score,
        bars=len(bars), parts=parts, compared_with=compared.source,
        agreement=compared.agreement, waiting=len(waiting),
        holes=_recent(gaps, timeframe, now - _RECENT),
    )  # fmt: skip
    return found.model_copy(update={"news": news_of(before, found, waiting)})


def news_of(
    before: HoldingQuality | None, found: HoldingQuality, waiting: list[WithheldBar]
) -> tuple[str, ...]:
    """Return what got worse, in words; nothing at the first check."""
    if before is None:
        return ()
    about, told = f"{found.symbol} {found.timeframe}", []
    if before.score - found.score >= FELL - 1e-9:
        told.append(f"The quality of {about} fell from {before.score:.2f} to {found.score:.2f}.")
    told.extend(
        f"{about} has a new hole: {gap.start:%Y-%m-%d %H:%M} to {gap.end:%m-%d %H:%M} UTC."
        for gap in found.holes
        if not any(old.start < gap.end and gap.start < old.end for old in before.holes)
    )
    new = sum(bar.at > before.at for bar in waiting)
    if new:
        told.append(f"{new:,} more of {about} wait for your word: /quarantine {about}")
    return tuple(told)


async def compare(
    holding: Holding,
    bars: pd.DataFrame,
    quality: QualityReport,
    instrument: Instrument,
    services: Services,
) -> Compared:
    """Ask the first other source that has the symbol and answers; say why none did."""
    timeframe, now = Timeframe(holding.timeframe), services.clock()
    seed = zlib.crc32(f"{holding.symbol} {timeframe} {now.date()}".encode())
    days = sample_days(quality, _DAYS, np.random.default_rng(seed))
    if not days:
        return Compared(said="no day is held in full, nothing to compare")
    troubles = []
    for name, source in services.sources.items():
        card, symbol = source.card, await services.source_symbols.get(name, holding.symbol)
        if (
            symbol is None
            or card.lacks
            or name in holding.sources
            or timeframe not in card.timeframes
        ):
            continue
        try:
            async with asyncio.timeout(_PATIENCE):
                asked = [(d, await _day(source, symbol, timeframe, d, now)) for d in days]
        except (AppError, TimeoutError) as error:
            said = error.user_text if isinstance(error, AppError) else "it takes too long"
            log.warning("comparison_failed", symbol=holding.symbol, source=name, error=said)
            troubles.append(f"{card.title} could not be asked: {said}")
            continue
        pairs = [(d, _around(bars, other), other) for d, other in asked if len(other)]
        found = await asyncio.to_thread(agreement, pairs, timeframe, instrument)
        if found is not None:
            return Compared(card.title, found)
        troubles.append(f"{card.title} has too few bars of the sampled days")
    return Compared(said="; ".join(troubles) or "no other source has it, nothing to compare")


async def _day(
    source: BarSource, symbol: SourceSymbol, timeframe: Timeframe, day: date, now: datetime
) -> pd.DataFrame:
    """Return a source's bars of a UTC day, page by page."""
    at = datetime.combine(day, time(), UTC)
    end, frames = at + timedelta(days=1), []
    for _ in range(_MOST_PAGES):
        page = await source.page(symbol, timeframe, at, end, now)
        frames.append(page.bars)
        if page.covered_until >= end or page.covered_until <= at:
            break
        at = page.covered_until
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else frames[0]


def _around(bars: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return the held bars of the other's stretch, and as far around it as shifts may go."""
    first, last = other["open_time"].iloc[0] - SPAN, other["open_time"].iloc[-1] + SPAN
    return bars[bars["open_time"].between(first, last)]


def _recent(gaps: np.ndarray, timeframe: Timeframe, since: datetime) -> tuple[Gap, ...]:
    times = [tuple(datetime.fromtimestamp(t, UTC) for t in row) for row in gaps.tolist()]
    return tuple(
        Gap(start=start, end=end, missing=max(1, int((end - start) / timeframe.delta)))
        for start, end in times
        if end > since
    )
