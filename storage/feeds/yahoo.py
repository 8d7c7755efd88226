"""Yahoo as a source of past bars: near, free, and of what was traded there."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from pipeline.domain.bars import empty_bars
from pipeline.domain.errors import BadBarsError, BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import (
    InstrumentFacts,
    Page,
    PriceSide,
    SourceCard,
    SourceSymbol,
    VolumeKind,
)
from storage.feeds.asking import Asker, FailedError, KeptClient, read_json
from storage.feeds.ccxt_calls import Patience
from storage.feeds.paging import (
    EPOCH,
    by_own_day,
    check_timeframe,
    last_close,
    no_such_symbol,
    page_of_rows,
    possible_rows,
)
from storage.feeds.yahoo_web import YahooWeb

CARD = SourceCard(
    name="yahoo",
    title="Yahoo Finance",
    timeframes=(Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.D1),
    side=PriceSide.TRADES,
    volume=VolumeKind.UNITS,
    clock="UTC",
    reach="M1: 30 days, M5 and M15: 60 days, H1: 2 years, D1: all",
    bars_a_second=8_000.0,
    note="prices adjusted for splits, not for dividends; currencies have no volume; a D1 bar is "
    "put at 00:00 UTC of the exchange's own day; for personal use only",
)
_WORDS = {"M1": "1m", "M5": "5m", "M15": "15m", "H1": "1h", "D1": "1d"}
_REACH = {"M1": 29, "M5": 59, "M15": 59, "H1": 729}
_PAGE_DAYS = {"M1": 7, "M5": 59, "M15": 59, "H1": 365, "D1": 3650}
_MODULES = "price,quoteType,assetProfile,summaryDetail,defaultKeyStatistics"
_FIGURES = {
    "shares": "sharesOutstanding", "market_cap": "marketCap", "volume_average": "averageVolume",
    "high_52_weeks": "fiftyTwoWeekHigh", "low_52_weeks": "fiftyTwoWeekLow",
}  # fmt: skip
_PRICES = ("open", "high", "low", "close")


class YahooSource:
    """See `storage.source_ports.BarSource`.

    Parameters
    ----------
    url
        Scheme, host and port to ask instead of Yahoo's; "": Yahoo's.
    seconds
        Longest that one request may take.
    """

    def __init__(
        self,
        url: str = "",
        *,
        seconds: float = 20.0,
        patience: Patience | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: np.random.Generator | None = None,
    ) -> None:
        self._seconds = seconds
        self._asker = Asker(
            CARD.title, "It refuses this machine or place; take another source.", 10.0,
            patience or Patience(), sleep, rng or np.random.default_rng(),
        )  # fmt: skip
        self._web = KeptClient(
            lambda: YahooWeb(url.rstrip("/"), self._seconds, self._asker.judged)
        )

    @property
    def card(self) -> SourceCard:
        """What it gives."""
        return CARD

    async def page(
        self,
        symbol: SourceSymbol,
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
        now: datetime,
    ) -> Page:
        """Return the first of the closed bars; see the port."""
        check_timeframe(CARD, timeframe)
        until = min(end, last_close(timeframe, now), start + _days(_PAGE_DAYS[timeframe]))
        if until <= start:
            return Page(empty_bars(), start)
        reach = _REACH.get(timeframe)
        if reach is not None and start < now - _days(reach):
            horizon = last_close(timeframe, now - _days(reach)) + timeframe.delta
            note = f"Yahoo keeps {timeframe} bars for {reach + 1} days"
            return Page(empty_bars(), min(end, horizon), (note,))
        result = await self._chart(symbol, timeframe, start, until)
        if result is None:
            return Page(empty_bars(), until)
        rows, notes = possible_rows(_rows(result, timeframe), symbol)
        if timeframe is Timeframe.H1:
            _refuse_half_hours(rows, symbol)
        return page_of_rows(rows, symbol, timeframe, (start, until), notes)

    async def facts(self, symbol: SourceSymbol, now: datetime) -> InstrumentFacts | None:
        """Return what it says of a symbol: words, figures and splits; see the port."""
        answer = await self._asker.ask(partial(self._web.call, "summary", symbol.name, _MODULES))
        body = (read_json(answer).get("quoteSummary") or {}).get("result") or []
        if not body:
            raise no_such_symbol(CARD, symbol)
        params = {"period1": 0, "period2": int(now.timestamp()), "interval": "3mo",
                  "includePrePost": False, "events": "div,splits"}  # fmt: skip
        result = await self._asker.ask(partial(self._asked_chart, symbol, params))
        return _facts(symbol, body[0], result or {})

    async def close(self) -> None:
        """Let go of connections."""
        await self._web.close()

    async def _chart(
        self, symbol: SourceSymbol, timeframe: Timeframe, start: datetime, until: datetime
    ) -> dict[str, Any] | None:
        wide = _days(1) if timeframe is Timeframe.D1 else timedelta(0)
        first = last_close(timeframe, start)
        params = {
            "period1": int((first - wide).timestamp()), "period2": int((until + wide).timestamp()),
            "interval": _WORDS[timeframe], "includePrePost": False, "events": "div,splits",
        }  # fmt: skip
        return await self._asker.ask(partial(self._asked_chart, symbol, params))

    def _asked_chart(self, symbol: SourceSymbol, params: dict[str, Any]) -> dict[str, Any] | None:
        """Return a chart, or None where there are no bars."""
        answer = self._web.call("chart", symbol.name, params)
        result, error = _result_of(read_json(answer))
        words = str(error.get("description", ""))
        if result is not None:
            return result
        if "Data doesn't exist for startDate" in words:
            return None
        if error.get("code") == "Not Found":
            raise no_such_symbol(CARD, symbol)
        if answer.status in (400, 422):
            raise BadRequestError(
                f"Yahoo Finance won't give this period of {symbol.name}: {words[:200]}",
                field="start", value=str(params.get("period1")),
            )  # fmt: skip
        raise FailedError(words or f"{answer.status} without a chart")


def _result_of(body: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Return the chart of an answer, or its error."""
    try:
        chart = body["chart"]
        result = chart.get("result")
        return (dict(result[0]) if result else None), dict(chart.get("error") or {})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FailedError(f"an answer without a chart: {error!r}") from error


def _days(count: int) -> timedelta:
    return timedelta(days=count)


def _rows(result: dict[str, Any], timeframe: Timeframe) -> np.ndarray:
    """Return the chart's rows; those without prices, and what is no bar, are left out."""
    stamps = result.get("timestamp") or []
    quotes = (result.get("indicators") or {}).get("quote") or [{}]
    if not stamps or not quotes[0]:
        return np.empty((0, 6))
    columns = [np.array(stamps, dtype="float64")]
    columns += [_as_written(quotes[0].get(name), len(stamps)) for name in _PRICES]
    columns.append(_numbers(quotes[0].get("volume"), len(stamps)))
    rows = np.column_stack(columns)
    rows = rows[np.isfinite(rows[:, 1:5]).all(axis=1)]
    zone = ZoneInfo(str((result.get("meta") or {}).get("exchangeTimezoneName") or "UTC"))
    if timeframe is Timeframe.D1:
        return by_own_day(rows, zone)
    return _without_live_row(rows, timeframe)


def _numbers(values: Any, count: int) -> np.ndarray:
    """Return numbers with NaN for null; a column of another length is a BadBarsError."""
    if values is None or len(values) != count:
        raise BadBarsError("Yahoo Finance gave columns of different lengths")
    return np.array([np.nan if v is None else v for v in values], dtype="float64")


def _as_written(values: Any, count: int) -> np.ndarray:
    """Return prices as they were before Yahoo put them into 32 bits, like 212.33."""
    wide = _numbers(values, count)
    short = wide.astype("float32")
    same = short.astype("float64") == wide
    return np.where(same, short.astype(str).astype("float64"), wide)


def _without_live_row(rows: np.ndarray, timeframe: Timeframe) -> np.ndarray:
    """Leave out the last price, which Yahoo adds as a row of its own after the last bar."""
    if len(rows) and rows[-1, 0] % 60 and timeframe is not Timeframe.H1:
        return rows[:-1]
    if len(rows) > 1 and rows[-1, 0] - rows[-2, 0] < timeframe.minutes * 60:
        return rows[:-1]
    return rows


def _refuse_half_hours(rows: np.ndarray, symbol: SourceSymbol) -> None:
    if (rows[:, 0] % 3600 != 0).any():
        raise BadRequestError(
            f"Yahoo Finance counts hours of {symbol.name} from its exchange's opening, not from "
            "the full hour: ask for M15 or shorter ones.",
            field="timeframe", value="H1", closest=("M15", "M5", "M1"),
        )  # fmt: skip


def _facts(symbol: SourceSymbol, body: dict[str, Any], result: dict[str, Any]) -> InstrumentFacts:
    said: dict[str, Any] = {}
    for part in ("defaultKeyStatistics", "summaryDetail", "assetProfile", "quoteType", "price"):
        said |= {k: v for k, v in (body.get(part) or {}).items() if v not in (None, "", {})}
    meta = result.get("meta") or {}
    now_called = str(meta.get("symbol") or symbol.name)
    return InstrumentFacts(
        source=CARD.name, symbol=symbol.symbol, name=symbol.name,
        title=str(said.get("longName") or said.get("shortName") or ""),
        kind=str(said.get("quoteType") or meta.get("instrumentType") or "").lower(),
        currency=str(said.get("currency") or meta.get("currency") or ""),
        market=str(said.get("exchangeName") or meta.get("fullExchangeName") or ""),
        zone=str(meta.get("exchangeTimezoneName") or said.get("timeZoneFullName") or ""),
        sector=str(said.get("sector") or ""), country=str(said.get("country") or ""),
        figures={ours: float(said[theirs]) for ours, theirs in _FIGURES.items()
                 if isinstance(said.get(theirs), int | float)},
        splits=_splits(result),
        renamed_to=now_called if now_called != symbol.name.upper() else "",
    )  # fmt: skip


def _splits(result: dict[str, Any]) -> tuple[tuple[date, float], ...]:
    """Return days and how many shares one became, oldest first."""
    told = ((result.get("events") or {}).get("splits") or {}).values()
    found = [
        ((EPOCH + timedelta(seconds=int(one["date"]))).astimezone(UTC).date(),
         float(one["numerator"]) / float(one["denominator"]))
        for one in told
        if one.get("denominator")
    ]  # fmt: skip
    return tuple(sorted(found))
