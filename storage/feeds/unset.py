"""A source that lacks a setting: it is listed with what is missing, and says so when asked."""

from datetime import datetime

from pipeline.domain.errors import FeedRefusedError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import InstrumentFacts, Page, SourceCard, SourceSymbol


class UnsetSource:
    """See `storage.source_ports.BarSource`; every question is a FeedRefusedError.

    Parameters
    ----------
    lacks
        Which settings are missing, like "ALPACA_KEY and ALPACA_SECRET".
    """

    def __init__(self, card: SourceCard, lacks: str) -> None:
        self._card = card.model_copy(update={"lacks": lacks})

    @property
    def card(self) -> SourceCard:
        """What it would give, and in `lacks` why it doesn't."""
        return self._card

    async def page(
        self,
        symbol: SourceSymbol,
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
        now: datetime,
    ) -> Page:
        """Say what is missing."""
        raise self._refusal(symbol, timeframe, start, end, now)

    async def facts(self, symbol: SourceSymbol, now: datetime) -> InstrumentFacts | None:
        """Say what is missing."""
        raise self._refusal(symbol, now)

    async def close(self) -> None:
        """Nothing is open."""

    def _refusal(self, *_: object) -> FeedRefusedError:
        card = self._card
        return FeedRefusedError(
            f"{card.title} can't be asked before {card.lacks} is set; docs/settings.md says how.",
            source=card.name,
        )
