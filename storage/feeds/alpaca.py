"""Alpaca as a source of past bars: US shares as IEX traded them, and coins."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from pipeline.domain.bars import empty_bars
from pipeline.domain.errors import BadBarsError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import (
    InstrumentFacts,
    Page,
    PriceSide,
    SourceCard,
    SourceSymbol,
    VolumeKind,
)
from storage.feeds.alpaca_web import PAGE, AlpacaWeb, NoSuchSymbolError, Row
from storage.feeds.asking import Asker, KeptClient
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

LACKS = "ALPACA_KEY and ALPACA_SECRET"
CARD = SourceCard(
    name="alpaca",
    title="Alpaca",
    timeframes=(Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.D1),
    side=PriceSide.TRADES,
    volume=VolumeKind.UNITS,
    clock="America/New_York",
    needs_key=True,
    reach="shares since 2020, coins since 2021",
    bars_a_second=10_000.0,
    note="shares as IEX alone traded them, some hundredths of all; before and after the session "
    "too; not adjusted for splits; a D1 bar is put at 00:00 UTC of the source's own day",
)
_UNITS = {"M1": (1, "Min"), "M5": (5, "Min"), "M15": (15, "Min"), "H1": (1, "Hour"),
          "D1": (1, "Day")}  # fmt: skip
_SHARES, _COINS = ZoneInfo("America/New_York"), ZoneInfo("America/Chicago")
_FIRST = datetime(2016, 1, 1, tzinfo=UTC)
_FIELDS = ("o", "h", "l", "c", "v")


class AlpacaSource:
    """See `storage.source_ports.BarSource`.

    Parameters
    ----------
    key, secret
        Of an Alpaca account; a free one will do.
    url
        Scheme, host and port to ask instead of Alpaca's; "": Alpaca's.
    seconds
        Longest wait for a connection, and for each further part of an answer.
    """

    def __init__(
        self,
        key: str,
        secret: str,
        url: str = "",
        *,
        seconds: float = 20.0,
        patience: Patience | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: np.random.Generator | None = None,
    ) -> None:
        self._seconds = seconds
        self._asker = Asker(
            CARD.title, f"Check {LACKS}, and what the account's plan holds.", 5.0,
            patience or Patience(), sleep, rng or np.random.default_rng(),
        )  # fmt: skip
        self._web = KeptClient(
            lambda: AlpacaWeb(key, secret, url.rstrip("/"), self._seconds, self._asker.judged)
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
        # Its `end` counts; a bar that began before `start` doesn't come.
        span = (start - wide, until + wide - timedelta(seconds=1))
        found = await self._bars(symbol, _UNITS[timeframe], span, PAGE)
        if not found:
            await self._must_exist(symbol, now)
            return Page(empty_bars(), until)
        self._known.add(symbol.name)
        rows = _rows(found)
        if timeframe is Timeframe.D1:
            rows = by_own_day(rows, _COINS if "/" in symbol.name else _SHARES)
        if len(found) >= PAGE:
            until = min(
                until, EPOCH + timedelta(seconds=float(rows[:, 0].max())) + timeframe.delta
            )
        rows, notes = possible_rows(rows, symbol)
        return page_of_rows(rows, symbol, timeframe, (start, until), notes)

    async def facts(self, symbol: SourceSymbol, now: datetime) -> InstrumentFacts | None:
        """Return splits and a new name of a share; of a coin only what it is; see the port."""
        await self._must_exist(symbol, now)
        base = {"source": CARD.name, "symbol": symbol.symbol, "name": symbol.name}
        if "/" in symbol.name:
            quote = symbol.name.partition("/")[2]
            return InstrumentFacts(**base, kind="crypto", currency=quote, zone="UTC")
        told = await self._asked(symbol, "actions", symbol.name, _FIRST.date(), now.date())
        return InstrumentFacts(
            **base, kind="equity", currency="USD", market="US", zone=_SHARES.key, country="US",
            splits=_splits(told), renamed_to=_renamed(told, symbol.name),
        )  # fmt: skip

    async def close(self) -> None:
        """Let go of connections."""
        await self._web.close()

    async def _must_exist(self, symbol: SourceSymbol, now: datetime) -> None:
        """Refuse a symbol that never had a bar: Alpaca answers with none, without an error."""
        if symbol.name not in self._known:
            if not await self._bars(symbol, _UNITS["D1"], (_FIRST, now), 1):
                raise no_such_symbol(CARD, symbol)
            self._known.add(symbol.name)

    async def _bars(
        self,
        symbol: SourceSymbol,
        unit: tuple[int, str],
        span: tuple[datetime, datetime],
        limit: int,
    ) -> list[Row]:
        return list(await self._asked(symbol, "bars", symbol.name, *unit, span, limit))

    async def _asked(self, symbol: SourceSymbol, method: str, *question: Any) -> Any:
        try:
            return await self._asker.ask(partial(self._web.call, method, *question))
        except NoSuchSymbolError as error:
            raise no_such_symbol(CARD, symbol) from error


def _rows(found: list[Row]) -> np.ndarray:
    try:
        return np.array([
            [datetime.fromisoformat(one["t"]).timestamp(), *(float(one[f]) for f in _FIELDS)]
            for one in found
        ])  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise BadBarsError(f"{CARD.title} gave a bar that is none: {error!r}") from error


def _splits(told: dict[str, list[Row]]) -> tuple[tuple[date, float], ...]:
    """Return days and how many shares one became, oldest first."""
    both = [*(told.get("forward_splits") or []), *(told.get("reverse_splits") or [])]
    return tuple(sorted(
        (date.fromisoformat(one["ex_date"]), float(one["new_rate"]) / float(one["old_rate"]))
        for one in both
    ))  # fmt: skip


def _renamed(told: dict[str, list[Row]], name: str) -> str:
    changes = sorted(told.get("name_changes") or [], key=lambda one: str(one.get("process_date")))
    later = [str(one["new_symbol"]) for one in changes if one.get("old_symbol") == name]
    return later[-1] if later else ""
