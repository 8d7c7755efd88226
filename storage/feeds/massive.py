"""Massive (once Polygon) as a source of past bars: shares, indices, currencies, coins."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from pipeline.domain.bars import empty_bars
from pipeline.domain.errors import BadBarsError, FeedDownError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import (
    InstrumentFacts,
    Page,
    PriceSide,
    SourceCard,
    SourceSymbol,
    VolumeKind,
)
from storage.feeds.asking import Asker, KeptClient
from storage.feeds.ccxt_calls import Patience
from storage.feeds.massive_web import PAGE, MassiveWeb
from storage.feeds.paging import (
    EPOCH,
    by_own_day,
    check_timeframe,
    last_close,
    no_such_symbol,
    page_of_rows,
    possible_rows,
)

LACKS = "MASSIVE_API_KEY"
CARD = SourceCard(
    name="massive",
    title="Massive (Polygon)",
    timeframes=(Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.D1),
    side=PriceSide.TRADES,
    volume=VolumeKind.UNITS,
    clock="America/New_York",
    needs_key=True,
    reach="by the plan: 2 years for the free one, which answers 5 questions a minute",
    bars_a_second=4_000.0,
    note="shares before and after the session too, not adjusted for splits; currencies are made "
    "of quotes; a plan may be a quarter of an hour or a day behind; a D1 bar is put at 00:00 "
    "UTC of the source's own day",
)
_UNITS = {"M1": (1, "minute"), "M5": (5, "minute"), "M15": (15, "minute"), "H1": (1, "hour"),
          "D1": (1, "day")}  # fmt: skip
_FIELDS = ("o", "h", "l", "c")
_BEHIND = timedelta(days=1)
"""How old bars are for sure where the plan's are delayed."""
_MOST_EMPTY = 20
_ALL_DAY = ("C:", "X:")
_FIGURES = {"market_cap": "market_cap", "shares": "share_class_shares_outstanding",
            "employees": "total_employees"}  # fmt: skip


class MassiveSource:
    """See `storage.source_ports.BarSource`.

    Parameters
    ----------
    key
        Of a Massive account; a free one will do.
    url
        Scheme, host and port to ask instead of Massive's; "": Massive's.
    seconds
        Longest wait for a connection, and for each further part of an answer.
    """

    def __init__(
        self,
        key: str,
        url: str = "",
        *,
        seconds: float = 20.0,
        patience: Patience | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: np.random.Generator | None = None,
    ) -> None:
        self._seconds = seconds
        # The free plan counts by the minute and doesn't say when the next one begins.
        self._asker = Asker(
            CARD.title, f"Check {LACKS}, and what the account's plan holds.", 15.0,
            patience or Patience(), sleep, rng or np.random.default_rng(),
        )  # fmt: skip
        self._web = KeptClient(
            lambda: MassiveWeb(key, url.rstrip("/"), self._seconds, self._asker.judged)
        )
        self._known: set[str] = set()

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
        until = min(end, last_close(timeframe, now))
        if until <= start:
            return Page(empty_bars(), start)
        wide = timedelta(days=1) if timeframe is Timeframe.D1 else timedelta(0)
        first, last = (_millis(m) for m in (last_close(timeframe, start) - wide, until + wide))
        body = await self._filled(symbol, _UNITS[timeframe], first, last - 1)
        rows = _rows(body.get("results") or [])
        if not len(rows):
            await self._must_exist(symbol)
        elif timeframe is Timeframe.D1:
            rows = by_own_day(rows, _zone(symbol.name))
        reached = _reached(rows, timeframe, start)
        if _more(body):
            until = min(until, reached)
        if body.get("status") == "DELAYED":
            until = max(start, min(until, max(reached, last_close(timeframe, now - _BEHIND))))
        rows, notes = possible_rows(rows, symbol)
        return page_of_rows(rows, symbol, timeframe, (start, until), notes)

    async def facts(self, symbol: SourceSymbol, now: datetime) -> InstrumentFacts | None:
        """Return what it says of a symbol; splits and a new name for shares; see the port."""
        del now
        said = await self._must_exist(symbol, again=True)
        splits: list[Any] = []
        events: list[Any] = []
        if said.get("market") == "stocks":
            splits = (await self._ask("splits", symbol.name)).get("results") or []
            changes = (await self._ask("events", symbol.name)).get("results") or {}
            events = changes.get("events") or []
        return _facts(symbol, said, splits, events)

    async def close(self) -> None:
        """Let go of connections."""
        await self._web.close()

    async def _filled(
        self, symbol: SourceSymbol, unit: tuple[int, str], first: int, last: int
    ) -> dict[str, Any]:
        """Return an answer with bars, or the last there is: one may be empty and go on."""
        body = await self._ask("bars", symbol.name, *unit, first, last)
        for _ in range(_MOST_EMPTY):
            if body.get("results") or not body.get("next_url"):
                return body
            body = await self._ask("further", str(body["next_url"]))
        words = f"{CARD.title} gives one empty answer after another; try again later."
        raise FeedDownError(words, answers=_MOST_EMPTY)

    async def _must_exist(self, symbol: SourceSymbol, *, again: bool = False) -> dict[str, Any]:
        """Return what is said of a symbol; one that isn't known has no bars and no error."""
        if symbol.name in self._known and not again:
            return {}
        said = (await self._ask("details", symbol.name)).get("results") or {}
        if not said:
            raise no_such_symbol(CARD, symbol)
        self._known.add(symbol.name)
        return dict(said)

    async def _ask(self, method: str, *question: Any) -> dict[str, Any]:
        return dict(await self._asker.ask(partial(self._web.call, method, *question)))


def _millis(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo("UTC" if name.startswith(_ALL_DAY) else "America/New_York")


def _more(body: dict[str, Any]) -> bool:
    """Tell whether the answer was cut at the limit: it counts base bars, so that few may come."""
    return bool(body.get("next_url")) or int(body.get("queryCount") or 0) >= PAGE


def _reached(rows: np.ndarray, timeframe: Timeframe, start: datetime) -> datetime:
    if not len(rows):
        return start
    return EPOCH + timedelta(seconds=float(rows[:, 0].max())) + timeframe.delta


def _rows(found: list[dict[str, Any]]) -> np.ndarray:
    if not found:
        return np.empty((0, 6))
    try:
        return np.array([
            [one["t"] / 1000, *(float(one[f]) for f in _FIELDS), float(one.get("v") or 0.0)]
            for one in found
        ])  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise BadBarsError(f"{CARD.title} gave a bar that is none: {error!r}") from error


def _facts(
    symbol: SourceSymbol, said: dict[str, Any], splits: list[Any], events: list[Any]
) -> InstrumentFacts:
    names = sorted(
        (str(e.get("date")), str((e.get("ticker_change") or {}).get("ticker"))) for e in events
    )
    called = names[-1][1] if names else symbol.name
    return InstrumentFacts(
        source=CARD.name, symbol=symbol.symbol, name=symbol.name,
        title=str(said.get("name") or ""), kind=str(said.get("market") or ""),
        currency=str(said.get("currency_symbol") or said.get("currency_name") or "").upper(),
        market=str(said.get("primary_exchange") or ""), zone=_zone(symbol.name).key,
        sector=str(said.get("sic_description") or ""),
        country=str(said.get("locale") or "").upper() if said.get("market") == "stocks" else "",
        figures={ours: float(said[theirs]) for ours, theirs in _FIGURES.items()
                 if isinstance(said.get(theirs), int | float)},
        splits=tuple(sorted(
            (date.fromisoformat(one["execution_date"]), one["split_to"] / one["split_from"])
            for one in splits
        )),
        active=said.get("active") is not False,
        renamed_to=called if called != symbol.name else "",
    )  # fmt: skip
