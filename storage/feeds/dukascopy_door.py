"""Where Dukascopy's files lie: one a day and side of candles, one an hour of ticks."""

from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar

from storage.feeds.dukascopy_files import Candles, Ticks, read_candles, read_ticks
from storage.feeds.patient_http import NotWholeError, PatientHttp

T = TypeVar("T")
BASE = "https://datafeed.dukascopy.com"
_DAY_BYTES = 1_000_000
_HOUR_BYTES = 16_000_000


class Datafeed:
    """The files of `datafeed.dukascopy.com`, under names like EURUSD and DEUIDXEUR.

    Parameters
    ----------
    base
        Scheme, host and port.
    """

    def __init__(self, http: PatientHttp, base: str = BASE) -> None:
        self._http = http
        self._base = base.rstrip("/")

    async def candles(self, name: str, day: date, side: str) -> Candles | None:
        """Return a day's candles, side "bid" or "ask"; None: there is no such file."""
        url = f"{self._day(name, day)}/{side.upper()}_candles_min_1.bi5"
        return await self._http.fetch(url, _DAY_BYTES, _no_page(read_candles))

    async def ticks(self, name: str, hour: datetime) -> Ticks | None:
        """Return the ticks of the hour that begins then, UTC; None: there is no such file."""
        url = f"{self._day(name, hour.date())}/{hour.hour:02d}h_ticks.bi5"
        return await self._http.fetch(url, _HOUR_BYTES, _no_page(read_ticks))

    async def about(self, name: str) -> None:
        """Return None: the files say nothing of symbols."""

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.close()

    def _day(self, name: str, day: date) -> str:
        # Months count from 00 for January, days from 01.
        return f"{self._base}/datafeed/{name}/{day.year:04d}/{day.month - 1:02d}/{day.day:02d}"


def _no_page(read: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """Read bytes that are no web page: the host answers with one when it is troubled."""

    def checked(data: bytes) -> T:
        if data.lstrip()[:1] == b"<":
            raise NotWholeError("a web page instead of a file")
        return read(data)

    return checked
