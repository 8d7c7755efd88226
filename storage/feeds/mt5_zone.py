"""BrokerZone: the zone in which a broker writes its times, set by the user or found and kept."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.broker_clock import Ahead, ZoneChoice, choose_zone, doubt_of
from pipeline.data.clocks import ClockGuess, describe, detect_clock
from pipeline.data.zones import parse_zone
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from storage.feeds.mt5_rates import RateReader
from storage.mt5_terminal import H1, TerminalRefusedError
from storage.mt5_thread import TerminalThread
from storage.telemetry import get_logger

AUTO = "auto"
HISTORY_BARS = 12_000
"""Hourly bars that tell the zone: about two years."""
GUESS_SECONDS = 600.0
"""How long a reading of the history stands while the zone is unclear."""
log = get_logger(__name__)


@dataclass(frozen=True)
class Witness:
    """A symbol whose ticks and old bars tell the clock: the broker's name, our calendar's."""

    name: str
    calendar: str


class BrokerZone:
    """The zone, and what is doubtful about it.

    Parameters
    ----------
    zone
        "auto", or a word of `zones.parse_zone`, which is then never questioned here.
    file
        JSON of the zones found, by the broker's server.
    seconds
        A monotonic clock.
    """

    def __init__(
        self,
        thread: TerminalThread,
        rates: RateReader,
        zone: str,
        file: Path,
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._thread, self._rates, self._file, self._seconds = thread, rates, file, seconds
        self._set = zone != AUTO
        self._choice = ZoneChoice(parse_zone(zone) if self._set else None)
        self._server = ""
        self._guess: tuple[float, ClockGuess | None] | None = None

    @property
    def zone(self) -> str | None:
        """The broker's zone; None while nothing tells it."""
        return self._choice.zone

    @property
    def doubt(self) -> str:
        """Why the zone is only likely, in words for people; empty: it is set or sure."""
        return self._choice.doubt

    async def settle(self, ahead: Ahead | None, utc: float, witnesses: Sequence[Witness]) -> None:
        """Find the zone out unless it is set, or sure and not contradicted.

        Parameters
        ----------
        ahead
            What ticks of this moment say; None while none move.
        utc
            Our clock, epoch seconds.
        """
        if self._set:
            return
        if not self._server:
            await self._recall()
        zone = self._choice.zone
        fits = zone is not None and (ahead is None or not doubt_of(ahead, zone, utc))
        if fits and not self.doubt:
            return
        guess = await self._history(witnesses)
        self._choice = await asyncio.to_thread(choose_zone, guess, ahead, utc)
        scores = describe(guess) if guess else ""
        log.info("broker_zone", zone=self.zone, doubt=self.doubt, scores=scores)
        if self.zone and not self.doubt:
            await asyncio.to_thread(_keep, self._file, self._server, self.zone)

    async def _recall(self) -> None:
        self._server = await self._thread.call(lambda terminal: terminal.account_info().server)
        kept = await asyncio.to_thread(_kept, self._file)
        self._choice = ZoneChoice(kept.get(self._server))

    async def _history(self, witnesses: Sequence[Witness]) -> ClockGuess | None:
        """Score zones on the hourly bars of the first witness whose market tells its clock."""
        if self._guess is not None and self._seconds() - self._guess[0] < GUESS_SECONDS:
            return self._guess[1]
        guess = None
        for each in (w for w in witnesses if w.calendar != "crypto"):
            try:
                bars = await self._rates.newest(each.name, H1, HISTORY_BARS)
            except TerminalRefusedError:
                continue
            wall, ranges = bars["time"].astype("int64"), bars["high"] - bars["low"]
            guess = await asyncio.to_thread(
                detect_clock, wall, ranges, Timeframe.H1, each.calendar
            )
            break
        self._guess = (self._seconds(), guess)
        return guess


def _kept(file: Path) -> dict[str, str]:
    """Return the kept zones by server; a file that can't be read counts as none."""
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    found = {}
    for server, zone in raw.items() if isinstance(raw, dict) else ():
        try:
            found[str(server)] = parse_zone(str(zone))
        except BadRequestError:
            continue
    return found


def _keep(file: Path, server: str, zone: str) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({**_kept(file), server: zone}, indent=1), encoding="utf-8")
    fresh.replace(file)
