"""Dukascopy as a source of past bars: free history of currencies, metals and index CFDs."""

import asyncio
import re
from collections.abc import Coroutine, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol, TypeVar

import pandas as pd

from pipeline.domain.bars import empty_bars
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import (
    InstrumentFacts,
    Page,
    PriceSide,
    SourceCard,
    SourceSymbol,
    VolumeKind,
)
from storage.feeds.dukascopy_bars import Minutes, bars_of, minutes_of, priced
from storage.feeds.dukascopy_files import NO_TICKS, Candles, Ticks, candles_of_ticks

T = TypeVar("T")
CARD = SourceCard(
    name="dukascopy",
    title="Dukascopy",
    timeframes=(Timeframe.M1,),
    side=PriceSide.BID,
    volume=VolumeKind.LOTS,
    clock="UTC",
    reach="M1: currencies and gold from 2003, index CFDs from 2011 or 2013, bitcoin from 2017",
    bars_a_second=600.0,
    note="Bid bars with the spread at each close, one to four hours behind. Index CFDs, not the "
    "cash indices: their hours and levels differ a little.",
)
"""`bars_a_second`: two files a second are asked for at most, two a day of up to 1,440 bars. At
that pace 1,200 a second were measured against a loopback host; half is kept for waits."""
DAYS = 7
"""Days asked for at a time."""
HOUR_SETTLES = timedelta(hours=1)
"""So long after an hour its ticks are taken as all of them; files appear within one or two."""
HOUR_DUE = timedelta(hours=4)
"""So long after an hour a file that isn't there is late; later, nothing was traded."""
DAY_SETTLES = timedelta(hours=2)
DAY_DUE = timedelta(hours=48)
"""The same for a day's candles."""
PROBED = timedelta(weeks=2)
"""So long ago a Wednesday is looked at, to learn whether there is such a symbol at all."""
_DIGITS = 13
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_NAME = re.compile(r"[A-Z0-9]{3,24}")


class Door(Protocol):
    """Where files of Dukascopy's are had; see `storage.feeds.dukascopy_door`."""

    async def candles(self, name: str, day: date, side: str) -> Candles | None:
        """Return a day's candles; None: there is no such file."""
        ...

    async def ticks(self, name: str, hour: datetime) -> Ticks | None:
        """Return an hour's ticks; None: there is no such file."""
        ...

    async def about(self, name: str) -> Mapping[str, Any] | None:
        """Return what is said of a symbol: description, priceScale; None: nothing."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class DukascopySource:
    """See `storage.source_ports.BarSource`.

    Notes
    -----
    Days that are over come from their files of candles, the spread from the ask's. The running
    day, and one whose file isn't there yet, is built from the ticks of its hours, which gives the
    same bars. Minutes without a trade have none.
    """

    card = CARD

    def __init__(self, door: Door, *, days: int = DAYS) -> None:
        self._door = door
        self._days = days
        self._known: set[str] = set()

    async def page(
        self,
        symbol: SourceSymbol,
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
        now: datetime,
    ) -> Page:
        """Return some days of bars; see the port."""
        _check(symbol, timeframe)
        if symbol.first is not None and start.date() < symbol.first:
            return Page(empty_bars(), min(end, _midnight(symbol.first)))
        first = _midnight(start.date())
        over = (now - DAY_SETTLES - first) // _DAY  # days from then on whose files may be there
        wanted = max(0, min(self._days, over, -(-(end - first) // _DAY)))
        days = [first + i * _DAY for i in range(wanted)]
        found = await _together([self._day(symbol, day) for day in days])
        whole = _until_late([one is None for one in found], [day + _DAY for day in days], now)
        if whole == 0:
            return await self._of_hours(symbol, start, min(end, first + _DAY), now)
        there = [one for one in found[:whole] if one is not None]
        await self._check_known(symbol, now, seen=bool(there))
        until = min(end, first + whole * _DAY)
        return Page(bars_of(symbol, there, start, until), until, _notes(there))

    async def facts(self, symbol: SourceSymbol, now: datetime) -> InstrumentFacts | None:  # noqa: ARG002
        """Return its description, currency and price step; None where no door tells them."""
        _check(symbol, Timeframe.M1)
        told = await self._door.about(symbol.name)
        if told is None:
            return None
        words, decimals = told.get("description"), told.get("priceScale")
        step = (
            {"price_step": 10.0**-decimals}
            if type(decimals) is int and 0 <= decimals < _DIGITS
            else {}
        )
        return InstrumentFacts(
            source=CARD.name,
            symbol=symbol.symbol,
            name=symbol.name,
            title="".join(c for c in str(words or "") if c.isprintable())[:100],
            currency=symbol.name[-3:],
            market="Dukascopy Bank",
            zone=CARD.clock,
            figures=step,
        )

    async def ticks(self, symbol: SourceSymbol, hour: datetime) -> pd.DataFrame:
        """Return the ticks of the hour that begins at `hour` (UTC), oldest first.

        Columns: time (datetime64[us, UTC]), bid, ask (our prices), bid_volume, ask_volume (lots).
        No rows: nothing was traded, or the hour isn't there yet. Errors as of `page`.
        """
        _check(symbol, Timeframe.M1)
        if hour != hour.replace(minute=0, second=0, microsecond=0):
            raise BadRequestError(
                f"an hour of ticks begins at a full hour, not at {hour:%H:%M}", field="hour"
            )
        found = await self._door.ticks(symbol.name, hour.astimezone(UTC))
        found = NO_TICKS if found is None else found
        times = pd.Timestamp(hour) + pd.to_timedelta(found.at, unit="ms")
        return pd.DataFrame(
            {
                "time": pd.DatetimeIndex(times).as_unit("us"),
                "bid": priced(found.bid, found.step or symbol.scale),
                "ask": priced(found.ask, found.step or symbol.scale),
                "bid_volume": found.bid_volume,
                "ask_volume": found.ask_volume,
            }
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._door.close()

    async def _day(self, symbol: SourceSymbol, day: datetime) -> Minutes | None:
        """Return the bars of a day from its files; None: there is no file of its bids."""
        bid = await self._door.candles(symbol.name, day.date(), "bid")
        if bid is None or not len(bid.at):
            return None if bid is None else minutes_of(symbol, day, bid, None)
        return minutes_of(
            symbol, day, bid, await self._door.candles(symbol.name, day.date(), "ask")
        )

    async def _of_hours(
        self, symbol: SourceSymbol, start: datetime, end: datetime, now: datetime
    ) -> Page:
        """Return bars of one day built from the ticks of its hours, as far as they are final."""
        first = start.replace(minute=0, second=0, microsecond=0)
        count = max(0, min(-(-(end - first) // _HOUR), (now - HOUR_SETTLES - first) // _HOUR))
        hours = [first + i * _HOUR for i in range(count)]
        found = await _together([self._hour(symbol, hour) for hour in hours])
        empty = [one is None or not len(one.at) for one in found]
        whole = _until_late(empty, [hour + _HOUR for hour in hours], now, due=HOUR_DUE)
        there = [one for one in found[:whole] if one is not None]
        if hours:
            await self._check_known(symbol, now, seen=any(one is not None for one in found))
        until = max(start, min(end, first + whole * _HOUR))
        return Page(bars_of(symbol, there, start, until), until, _notes(there))

    async def _hour(self, symbol: SourceSymbol, hour: datetime) -> Minutes | None:
        ticks = await self._door.ticks(symbol.name, hour)
        if ticks is None:
            return None
        bid, ask = (candles_of_ticks(ticks, hour.hour, side=side) for side in ("bid", "ask"))
        return minutes_of(symbol, _midnight(hour.date()), bid, ask)

    async def _check_known(self, symbol: SourceSymbol, now: datetime, *, seen: bool) -> None:
        """Raise BadRequestError for a symbol that it doesn't have: an empty day is no proof."""
        if seen or symbol.name in self._known:
            self._known.add(symbol.name)
        elif await self._door.candles(symbol.name, _ordinary_day(now), "bid") is None:
            raise BadRequestError(
                f"Dukascopy has no {symbol.name}.", field="symbol", value=symbol.name
            )


async def _together(asks: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Return all answers; where one fails the others are given up."""
    tasks = [asyncio.create_task(ask) for ask in asks]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _ordinary_day(now: datetime) -> date:
    """Return a past Wednesday that is neither Christmas nor New Year."""
    past = (now - PROBED).date()
    found = past - ((past.weekday() - 2) % 7) * _DAY
    holiday = (found.month, found.day) in ((12, 25), (1, 1))
    return found - 14 * _DAY if holiday else found


def _until_late(
    missing: list[bool], ends: list[datetime], now: datetime, *, due: timedelta = DAY_DUE
) -> int:
    """Return how many come before the first that is missing and may still appear."""
    for i, (gone, end) in enumerate(zip(missing, ends, strict=True)):
        if gone and now < end + due:
            return i
    return len(missing)


def _notes(parts: list[Minutes]) -> tuple[str, ...]:
    return tuple(part.note for part in parts if part.note)


def _check(symbol: SourceSymbol, timeframe: Timeframe) -> None:
    if timeframe is not Timeframe.M1:
        raise BadRequestError(
            f"Dukascopy gives M1 bars; {timeframe} ones are built from them.",
            field="timeframe", value=timeframe.value, closest=(Timeframe.M1,),
        )  # fmt: skip
    if not _NAME.fullmatch(symbol.name):
        raise BadRequestError(
            f"{symbol.name!r} is no name of Dukascopy's: capital letters and digits, like EURUSD.",
            field="symbol", value=symbol.name,
        )  # fmt: skip


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
