"""The calendar of economic news in memory."""

import pandas as pd

from pipeline.data.news import parse_news


class MemoryNews:
    """A `NewsCalendar` on a text; None: there is no file."""

    def __init__(self, text: str | None = None) -> None:
        self.text = text

    async def read(self) -> pd.DataFrame | None:
        """Return the news frame, or None where there is no calendar."""
        return None if self.text is None else parse_news(self.text, "news.csv")
