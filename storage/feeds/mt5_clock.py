"""BrokerTime: what time it is at the broker, told by its ticks, and whether to believe it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipeline.data.broker_clock import (
    NARROW,
    Ahead,
    Look,
    doubt_of,
    measure,
    moved,
    repeats_hour,
    shift_of,
)
from storage.feeds.mt5_zone import BrokerZone, Witness
from storage.market_ports import FeedClock
from storage.mt5_terminal import Terminal, TerminalRefusedError
from storage.mt5_thread import TerminalThread

GRACE = 1.0
"""Seconds for which the last ticks of a bar may still be on their way when it has closed."""
QUICK_LOOKS, QUICK_PAUSE = 8, 0.5
REMEMBERED = 300.0
"""Seconds for which a tick's stamp counts; clocks may go back an hour while nothing moves."""
REPEATED = (
    "The broker's clock shows this hour twice, as clocks go back: its bars can't be told apart "
    "and are left out."
)
NOBODY = "The broker has none of our symbols, so its clock can't be seen."


@dataclass(frozen=True)
class _Seen:
    """What one look at the ticks brought; `silent`: none moved since the look before."""

    at: datetime
    ahead: Ahead | None
    silent: bool = False


class BrokerTime:
    """Looks at ticks whenever the time is asked for.

    Parameters
    ----------
    pause, seconds
        How to wait, and a monotonic clock, both in seconds.

    Notes
    -----
    MetaTrader doesn't tell its server's time. But it can't be earlier there than the stamp of a
    tick that has come, plus the time since. That, less a grace, is the time told, whatever this
    machine's clock shows, so every bar that has closed by it is at hand, also while the clock is
    in doubt. Only where no price has moved for long it is this machine's time.

    A tick that is new since the last look was stamped between the two, which bounds the server's
    clock from both sides: so the two clocks are compared.
    """

    def __init__(
        self,
        thread: TerminalThread,
        zone: BrokerZone,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._thread, self._zone = thread, zone
        self._pause, self._seconds = pause, seconds
        self._last: Look | None = None
        self._said: str | None = None
        self._stamps: list[tuple[float, float]] = []

    async def zone(self, now: datetime, witnesses: Sequence[Witness]) -> str | None:
        """Return the broker's zone, finding it out first where nobody has; None: not yet."""
        if self._zone.zone is None:
            await self.look(now, witnesses)
        return self._zone.zone

    def wall_now(self, moment: float | None = None) -> float | None:
        """Return the least that the broker's wall clock can show; None: no price moved lately.

        `moment` is of the monotonic clock; None is now.
        """
        then = self._seconds() if moment is None else moment
        shown = [wall + then - at for at, wall in self._stamps if then - at <= REMEMBERED]
        return max(shown, default=None)

    async def look(self, now: datetime, witnesses: Sequence[Witness]) -> FeedClock:
        """Look at the ticks and say what time it is, and what is doubtful about that.

        1. No tick has moved since the last look: what was said then stands.
        2. One has, and the looks are close: it is measured. If the result is a doubt, ticks are
           looked at again at once, as the terminal may have got an old one late.
        3. The first look, or the last is long ago: ticks are looked at until one moves.
        4. None moves in those four seconds: the clock isn't checked, and that is the doubt.
        """
        if not witnesses:
            return FeedClock(now, NOBODY)
        began = self._seconds()
        seen = await self._see(now, began, witnesses)
        doubt = await self._judge(seen, witnesses)
        if doubt and seen.ahead is not None:
            again = await self._see_quickly(now, began, witnesses)
            if again.ahead is not None:
                seen, doubt = again, await self._judge(again, witnesses)
        if seen.ahead is not None:
            self._said = doubt
        return FeedClock(self._told(now, began), doubt)

    def _told(self, now: datetime, began: float) -> datetime:
        """Return the time up to which bars are given, as of the moment when ours was `now`."""
        wall, zone = self.wall_now(began), self._zone.zone
        if wall is None or zone is None:
            return now
        utc = wall - shift_of(zone, now.timestamp())
        return datetime.fromtimestamp(utc - GRACE, UTC)

    async def _see(self, now: datetime, began: float, witnesses: Sequence[Witness]) -> _Seen:
        before = self._last
        last = await self._once(now, began, witnesses)
        if before is not None and not moved(before, last):
            return _Seen(self._at(now, began), None, silent=True)
        if before is not None and last.ended - before.began <= NARROW:
            return _Seen(self._at(now, began), measure(before, last))
        return await self._see_quickly(now, began, witnesses)

    async def _see_quickly(
        self, now: datetime, began: float, witnesses: Sequence[Witness]
    ) -> _Seen:
        before = self._last
        for _ in range(QUICK_LOOKS):
            await self._pause(QUICK_PAUSE)
            last = await self._once(now, began, witnesses)
            ahead = measure(before, last) if before is not None else None
            if ahead is not None:
                return _Seen(self._at(now, began), ahead)
            before = last
        return _Seen(self._at(now, began), None)

    async def _once(self, now: datetime, began: float, witnesses: Sequence[Witness]) -> Look:
        start = self._at(now, began).timestamp()
        names = [w.name for w in witnesses]
        ticks = await self._thread.call(lambda terminal: _newest(terminal, names))
        last = Look(start, self._at(now, began).timestamp(), ticks)
        if self._last is not None and moved(self._last, last):
            ended = self._seconds()
            self._stamps = [s for s in self._stamps if ended - s[0] <= REMEMBERED]
            self._stamps.append((ended, max(ticks.values())))
        self._last = last
        return last

    def _at(self, now: datetime, began: float) -> datetime:
        """Return this machine's time, where `now` was it at `began`."""
        return now + timedelta(seconds=self._seconds() - began)

    async def _judge(self, seen: _Seen, witnesses: Sequence[Witness]) -> str:
        utc = seen.at.timestamp()
        await self._zone.settle(seen.ahead, utc, witnesses)
        zone = self._zone.zone
        if zone is None:
            return self._zone.doubt
        if repeats_hour(utc, zone):
            return REPEATED
        if seen.ahead is not None:
            return doubt_of(seen.ahead, zone, utc) or self._zone.doubt
        if seen.silent and self._said is not None:
            return self._said
        return self._unchecked(zone)

    def _unchecked(self, zone: str) -> str:
        newest = max(self._last.ticks.values(), default=0.0) if self._last else 0.0
        if not newest:
            return "No price has come yet, so the broker's clock isn't checked."
        last = datetime.fromtimestamp(newest - shift_of(zone, newest), UTC)
        return f"No price has moved since {last:%a %d %b %H:%M} UTC: the clock isn't checked yet."


def _newest(terminal: Terminal, names: Sequence[str]) -> dict[str, float]:
    """Return wall-clock seconds of each symbol's newest tick; none where none has come."""
    found = {}
    for name in names:
        try:
            tick = terminal.symbol_info_tick(name)
        except TerminalRefusedError:
            terminal.symbol_select(name)  # a terminal that was restarted has forgotten it
            continue
        if tick is not None:
            found[name] = tick.time_msc / 1000
    return found
