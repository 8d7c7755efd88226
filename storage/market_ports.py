"""The ports to what is known of markets beside their bars; as narrow as those in `ports`."""

from typing import Protocol

import pandas as pd

from pipeline.domain.market import Instrument


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
