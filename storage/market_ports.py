"""The ports to markets: what is known of them, bars as they close, orders."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pandas as pd

from pipeline.domain.exchange import ExchangeMarket
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.order import BrokerOrder, OrderState


class InstrumentTable(Protocol):
    """What is known of symbols."""

    async def get(self, symbol: str) -> Instrument:
        """Return the instrument for a symbol or alias; unknown raises BadRequestError."""
        ...

    async def known(self) -> list[Instrument]:
        """Return all, by symbol."""
        ...


class NewsCalendar(Protocol):
    """When which economic news comes."""

    async def read(self) -> pd.DataFrame | None:
        """Return the news frame (`pipeline.domain.news`), or None where there is no calendar.

        One that can't be understood is a DataError that names line, field and value.
        """
        ...


@dataclass(frozen=True)
class FeedClock:
    """What time it is at a feed (UTC).

    `doubt` says in words for people why that can't be believed; empty: it can. `speed` is how
    many of the feed's minutes pass in one of ours.
    """

    now: datetime
    doubt: str = ""
    speed: float = 1.0


class Feed(Protocol):
    """A source of bars as they close. M1 only: longer bars are built from them."""

    @property
    def name(self) -> str:
        """Its name for people, like mt5, bridge or replay."""
        ...

    async def offers(self) -> tuple[str, ...]:
        """Return our names of the symbols it can give."""
        ...

    async def clock(self, now: datetime) -> FeedClock:
        """Return the feed's time when this machine's clock says `now`; FeedDownError.

        Every bar that has closed by that time is given by `bars` from then on.
        """
        ...

    async def bars(
        self, symbol: str, after: datetime | None, now: datetime, *, limit: int = 5000
    ) -> pd.DataFrame:
        """Return closed M1 bars with open_time > `after`, oldest first: a bar frame.

        Never the bar that still forms. Of more than `limit` bars the newest come if `after` is
        None, else the oldest. Nothing new is an empty frame; FeedDownError when it can't be
        asked, BadRequestError for a symbol it doesn't have.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Broker(Protocol):
    """Where an approved signal becomes an order: on paper, or at a broker."""

    @property
    def name(self) -> str:
        """Its name for people, like paper or mt5."""
        ...

    async def place(self, order: BrokerOrder, now: datetime) -> OrderState:
        """Place an order once: an order known by its `client_id` is never sent again.

        An unclear outcome is looked up before anything is said; if it stays unclear the state is
        `unknown`. A refusal is `rejected` with the broker's reason. BrokerDownError: surely not
        sent.
        """
        ...

    async def find(self, client_id: str, now: datetime) -> OrderState | None:
        """Return what is known of an order; None: surely nothing was placed."""
        ...


class History(Protocol):
    """Past bars of an exchange's spot markets."""

    @property
    def name(self) -> str:
        """The exchange's id, like binance."""
        ...

    async def market(self, symbol: str) -> ExchangeMarket:
        """Return what the exchange says of a market like BTC/USDT.

        One it does not have, or no longer trades, is a BadRequestError with the closest ones.
        """
        ...

    async def bars(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime
    ) -> pd.DataFrame:
        """Return the closed bars with start <= open_time < end, a bar frame; maybe empty.

        The bar that forms by the exchange's own clock is left out. A bar the exchange doesn't
        have is missing. FeedDownError when it can't be asked, FeedRefusedError when it won't
        answer us, BadRequestError for a market it doesn't have, BadBarsError for bars that break
        the contract.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
