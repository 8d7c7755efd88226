"""The calendar of economic news: one CSV file of the user's."""

import asyncio
from pathlib import Path

import pandas as pd

from pipeline.data.news import parse_news
from pipeline.domain.errors import DataError, StoreDownError

MAX_BYTES = 32 << 20


class CsvNews:
    """A `NewsCalendar` on a CSV file, which need not exist; read again when it has changed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._held: pd.DataFrame | None = None
        self._stamp: tuple[int, int] | None = None

    async def read(self) -> pd.DataFrame | None:
        """Return the news frame, or None where there is no file."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> pd.DataFrame | None:
        try:
            stat = self._file.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if self._held is None or stamp != self._stamp:
                if stat.st_size > MAX_BYTES:
                    raise DataError(f"{self._file.name} is larger than {MAX_BYTES >> 20} MB")
                text = self._file.read_text(encoding="utf-8", errors="replace")
                self._held, self._stamp = parse_news(text, self._file.name), stamp
        except FileNotFoundError:
            self._held = None
        except OSError as error:
            raise StoreDownError(f"{self._file.name} can't be read: {error.strerror}") from error
        return self._held
