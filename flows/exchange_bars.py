"""Bringing an exchange's bars into the store: only what is missing, judged before it is kept."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from flows.backtest_compute import Frozen
from flows.services import Services
from pipeline.data.quality import assess
from pipeline.domain.bars import epoch_seconds
from pipeline.domain.errors import BadBarsError, BadRequestError, NoBarsError, StaleBarsError
from pipeline.domain.exchange import (
    LEAST_DAYS,
    RETRAIN_TIMEFRAME,
    ExchangeMarket,
    Hole,
    instrument_of,
    stored_symbol,
)
from pipeline.domain.report import QualityReport
from storage.market_ports import History
from storage.telemetry import get_logger

log = get_logger(__name__)
LEAST_SHARE = 0.8
"""Of the bars of the period, at least so many must be there."""
LEAST_SCORE = 0.75
_STALE = timedelta(hours=2)
_JOINED = 500
"""Missing stretches with fewer bars than this between them are fetched in one go."""
_DAY_BARS = 1440 // RETRAIN_TIMEFRAME.minutes


class Collected(Frozen):
    """Output of data_collection: what is held of [start, end) now."""

    market: ExchangeMarket
    stored_as: str
    start: datetime
    end: datetime
    bars: int
    fetched: int
    missing: int
    gaps: tuple[Hole, ...]
    score: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Period:
    start: datetime
    end: datetime
    days: int


def exchange_of(services: Services) -> History:
    """Return the exchange, or raise BadRequestError where none is set."""
    if services.exchange is None:
        raise BadRequestError(
            "No exchange is set: put EXCHANGE=binance (or another) into the settings.",
            field="exchange", closest=("EXCHANGE=binance",),
        )  # fmt: skip
    return services.exchange


async def collect(symbol: str, days: int, services: Services) -> Collected:
    """Fetch what the store lacks of the last `days` days and keep it, all or nothing.

    Raises
    ------
    NoBarsError, StaleBarsError, BadBarsError
        Too few bars, an old last one, or bars not worth learning from; what to do is said and
        the store is as it was.
    """
    exchange = exchange_of(services)
    market = await exchange.market(symbol)
    name = stored_symbol(market.exchange, market.symbol)
    end = _floor(services.clock())
    period = _Period(end - timedelta(days=days), end, days)
    held = await services.bars.read(name, RETRAIN_TIMEFRAME, period.start, period.end)
    fetched = [
        await exchange.bars(market.symbol, RETRAIN_TIMEFRAME, first, last)
        for first, last in missing_stretches(held, period.start, period.end)
    ]
    whole, new = _joined(held, fetched)
    quality = await asyncio.to_thread(assess, whole, RETRAIN_TIMEFRAME, instrument_of(market))
    _check(whole, quality, market, period)
    if len(new):
        await services.bars.merge(
            name, RETRAIN_TIMEFRAME, new, source=market.exchange, now=services.clock()
        )
        await services.bars.note_score(name, RETRAIN_TIMEFRAME, quality.score)
    log.info("bars_collected", symbol=name, fetched=len(new), held=len(whole))
    return Collected(
        market=market, stored_as=name, start=period.start, end=period.end, bars=len(whole),
        fetched=len(new), missing=quality.missing, score=quality.score, notes=quality.notes,
        gaps=tuple(Hole(start=g.start, end=g.end, missing=g.missing) for g in quality.gaps),
    )  # fmt: skip


def missing_stretches(
    held: pd.DataFrame, start: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """Return what of [start, end) to ask for: stretches [first, last) in which bars are missing.

    Stretches near each other are one, as one call brings a thousand bars.
    """
    step = RETRAIN_TIMEFRAME.minutes * 60
    first = -(-int(start.timestamp()) // step) * step
    wanted = np.arange(first, int(end.timestamp()), step, dtype="int64")
    lacking = wanted[~np.isin(wanted, epoch_seconds(held["open_time"]))]
    if not len(lacking):
        return []
    cuts = np.flatnonzero(np.diff(lacking) > _JOINED * step)
    firsts = lacking[np.concatenate([[0], cuts + 1])]
    lasts = lacking[np.concatenate([cuts, [len(lacking) - 1]])] + step
    return [(_utc(a), _utc(b)) for a, b in zip(firsts.tolist(), lasts.tolist(), strict=True)]


def _joined(held: pd.DataFrame, fetched: list[pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return all bars and the new ones; a bar that is held stays as it is."""
    parts = [part for part in fetched if len(part)]
    if not parts:
        return held, held.iloc[:0]
    new = pd.concat(parts, ignore_index=True)
    known = np.isin(epoch_seconds(new["open_time"]), epoch_seconds(held["open_time"]))
    new = new[~known].reset_index(drop=True)
    if held.empty:
        return new, new
    whole = pd.concat([held, new], ignore_index=True).sort_values("open_time", ignore_index=True)
    return whole, new


def _check(
    bars: pd.DataFrame, quality: QualityReport, market: ExchangeMarket, period: _Period
) -> None:
    """Refuse what can't be learnt from, and say what to do instead."""
    what, wanted = f"{market.symbol} at {market.exchange}", period.days * _DAY_BARS
    if len(bars) < LEAST_SHARE * wanted:
        since = "" if bars.empty else f", from {bars['open_time'].iloc[0]:%Y-%m-%d} on"
        fit = int(len(bars) / _DAY_BARS)
        hint = f"Ask for days={fit}, or" if LEAST_DAYS <= fit < period.days else "Take"
        raise NoBarsError(
            f"{what} has only {len(bars)} of the {wanted} bars of the last {period.days} "
            f"days{since}. {hint} another market. Nothing was kept."
        )
    newest = bars["close_time"].iloc[-1].to_pydatetime()
    if newest < period.end - _STALE:
        raise StaleBarsError(
            f"The newest bar of {what} is of {newest:%Y-%m-%d %H:%M} UTC: is it still traded? "
            "Nothing was kept."
        )
    if quality.score < LEAST_SCORE:
        raise BadBarsError(
            f"The bars of {what} are not worth learning from: quality {quality.score:.2f} of 1, "
            f"{quality.missing} missing, {quality.frozen} frozen, {quality.spikes} spikes. Take a "
            "market that trades more. Nothing was kept."
        )


def _floor(moment: datetime) -> datetime:
    step = RETRAIN_TIMEFRAME.minutes * 60
    return _utc(int(moment.timestamp()) // step * step)


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
