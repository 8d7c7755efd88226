"""How healthy live watching is: facts in, one judged line for each thing out.

Green: as it should be. Amber: it works, but something is slow, missing or in doubt. Red: alerts or
runs don't come, or can't be believed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.live import Pulse

ENDED = "ended"
"""The fact in a process's last pulse: it ended in order, so its silence means nothing."""

ALIVE, GONE = timedelta(seconds=30), timedelta(seconds=60)
SCANNED, UNSCANNED = timedelta(seconds=90), timedelta(minutes=3)
LAG, FAR_BEHIND = 90.0, 300.0  # seconds
AIM, CONTRACT = 1.0, 30.0  # seconds from a bar's close to Telegram's yes
OWED, OVERDUE = timedelta(seconds=30), timedelta(minutes=5)
ROOM, NO_ROOM = 2e9, 5e8  # bytes
SLOW = 1.0  # seconds for an answer
SKEW, FAR_SKEW = 3.0, 30.0  # seconds that clocks may differ
BACKED_UP = timedelta(days=8)  # a week, and a day to be late
NAMED = 5  # symbols in a line
NO_MARKET = "no market is connected; only replays bring alerts"

T = TypeVar("T", float, timedelta)


class Light(IntEnum):
    """How a thing stands; the larger, the worse."""

    GREEN = 0
    AMBER = 1
    RED = 2


@dataclass(frozen=True)
class HealthLine:
    """One thing, how it stands, and why. `down`: a service that doesn't answer."""

    name: str
    light: Light
    words: str
    down: bool = field(default=False, compare=False)


class ScannerFacts(BaseModel):
    """What the scanner says of itself in its pulse."""

    model_config = ConfigDict(frozen=True)

    active: bool = Field(default=True, description="false: it stands by")
    feed: str = Field(default="", description="the feed's name")
    feed_down_since: datetime | None = None
    doubt: str = Field(default="", description="why the feed's clock can't be believed")
    lag: float | None = Field(
        default=None,
        description="seconds that the newest bar closed ago when it came, beyond none; None: no "
        "bar is due, as the markets are closed",
    )
    silent: tuple[str, ...] = Field(
        default=(), description="symbols without bars though their market is open"
    )
    last_scan: datetime | None = None
    symbols: int = Field(default=0, description="scanned")


@dataclass(frozen=True)
class Ping:
    """Whether a service answers. `set_up` false: the installation does without it."""

    ok: bool
    seconds: float = 0.0
    said: str = ""
    set_up: bool = True


@dataclass(frozen=True)
class Latency:
    """Seconds from closes to acceptance by Telegram, over some alerts."""

    alerts: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Needs:
    """Which processes and connections this installation can't do without now, in words why not.

    An empty word: it is needed.
    """

    bot: str = ""
    scanner: str = ""
    worker: str = ""


def latency(seconds: Sequence[float]) -> Latency | None:
    """Return the percentiles, each a value that occurred; None without values."""
    if not seconds:
        return None
    found = np.percentile(seconds, (50, 95, 99), method="inverted_cdf")
    return Latency(len(seconds), *(float(value) for value in found))


def judge_processes(pulses: Sequence[Pulse], needs: Needs, now: datetime) -> list[HealthLine]:
    """Judge each kind of process by its newest pulses."""
    kinds = {"bot": needs.bot, "scanner": needs.scanner, "worker": needs.worker}
    others = dict.fromkeys(kind_of(p) for p in pulses if kind_of(p) not in kinds)
    return [
        judge_process(kind, [p for p in pulses if kind_of(p) == kind], now, spared)
        for kind, spared in (kinds | dict.fromkeys(others, "not needed")).items()
    ]


def kind_of(pulse: Pulse) -> str:
    """Return what a pulse's process is, like bot or scanner."""
    return pulse.name.partition("@")[0]


def living(pulses: Sequence[Pulse], kind: str, now: datetime) -> list[Pulse]:
    """Return the pulses of that kind's processes that spoke lately and haven't ended."""
    lately = [p for p in pulses if kind_of(p) == kind and now - p.at <= GONE]
    return [p for p in lately if not p.facts.get(ENDED)]


def judge_process(kind: str, pulses: Sequence[Pulse], now: datetime, spared: str) -> HealthLine:
    """Judge one kind of process.

    Parameters
    ----------
    spared
        Why it is not needed; empty: it is.

    Notes
    -----
    1. One is active and spoke lately.
    2. It spoke lately, or one stands by, but none is active: amber.
    3. It fell silent, ended, or was never there: red if it is needed.
    """
    there = living(pulses, kind, now)
    active = [p for p in there if p.facts.get("active", True)]
    if active:
        age = now - max(p.at for p in active)
        others = len(there) - len(active)
        words = f"active, seen {ago(age)} ago" + (f"; {others} standing by" if others else "")
        return HealthLine(kind, Light.GREEN if age <= ALIVE else Light.AMBER, words)
    if there:
        return HealthLine(kind, Light.AMBER, "stands by; none is active")
    if spared:
        return HealthLine(kind, Light.GREEN, f"not running; {spared}")
    if not pulses:
        return HealthLine(kind, Light.RED, "never seen; is it started?")
    last = max(pulses, key=lambda p: p.at)
    if last.facts.get(ENDED):
        return HealthLine(kind, Light.RED, f"ended {ago(now - last.at)} ago")
    return HealthLine(kind, Light.RED, f"no sign of life for {ago(now - last.at)}")


def judge_feed(
    scanner: ScannerFacts | None, *, connected: bool, watched: bool, now: datetime
) -> HealthLine:
    """Judge the source of bars by what the active scanner says.

    Parameters
    ----------
    scanner
        None: no scanner is active.
    connected
        Whether the installation has a market at all.
    watched
        Whether any chat waits for alerts.
    """
    if not connected:
        light = Light.AMBER if watched else Light.GREEN
        return HealthLine("feed", light, NO_MARKET)
    if scanner is None:
        light = Light.RED if watched else Light.GREEN
        return HealthLine("feed", light, "unknown; no scanner is active")
    light, words = _feed_seen(scanner, now)
    return HealthLine("feed", light, f"{scanner.feed}: {words}" if scanner.feed else words)


def _feed_seen(scanner: ScannerFacts, now: datetime) -> tuple[Light, str]:
    if scanner.feed_down_since is not None:
        return Light.RED, f"no answer for {ago(now - scanner.feed_down_since)}"
    if scanner.doubt:
        return Light.AMBER, scanner.doubt
    if scanner.silent:
        more = " …" if len(scanner.silent) > NAMED else ""
        return Light.AMBER, f"no bars of {', '.join(scanner.silent[:NAMED])}{more}"
    if scanner.lag is None:
        return Light.GREEN, "up, no bar is due"
    return _light(scanner.lag, LAG, FAR_BEHIND), f"newest bar {scanner.lag:.1f} s behind"


def judge_scan(scanner: ScannerFacts | None, *, due: bool, now: datetime) -> HealthLine:
    """Judge how long ago the last scan was; `due`: a market is connected, and watched."""
    if not due:
        return HealthLine("last scan", Light.GREEN, "none is due")
    if scanner is None or scanner.last_scan is None:
        return HealthLine("last scan", Light.RED, "none")
    age = now - scanner.last_scan
    words = f"{ago(age)} ago, {scanner.symbols} symbols"
    return HealthLine("last scan", _light(age, SCANNED, UNSCANNED), words)


def judge_latency(found: Latency | None) -> HealthLine:
    """Judge how fast today's alerts were, from the close to Telegram's yes."""
    if found is None:
        return HealthLine("alert latency", Light.GREEN, "no alert today")
    words = (
        f"p50 {found.p50:.2f} s, p95 {found.p95:.2f} s, p99 {found.p99:.2f} s "
        f"({found.alerts} today)"
    )
    return HealthLine("alert latency", _light(found.p99, AIM, CONTRACT), words)


def judge_outbox(owed: int, oldest: datetime | None, now: datetime) -> HealthLine:
    """Judge what chats are owed, and since when the oldest waits."""
    if oldest is None:
        return HealthLine("outbox", Light.GREEN, f"{owed} owed" if owed else "empty")
    age = now - oldest
    return HealthLine(
        "outbox", _light(age, OWED, OVERDUE), f"{owed} owed, the oldest for {ago(age)}"
    )


def judge_ping(name: str, ping: Ping, *, without: str, broken: Light = Light.RED) -> HealthLine:
    """Judge whether a service answers.

    Parameters
    ----------
    without
        What follows from its not being set up.
    broken
        How bad it is if it doesn't answer.
    """
    if not ping.set_up:
        return HealthLine(name, Light.GREEN, f"not set up; {without}")
    if not ping.ok:
        return HealthLine(name, broken, ping.said, down=True)
    return HealthLine(
        name,
        Light.GREEN if ping.seconds <= SLOW else Light.AMBER,
        f"answers in {ping.seconds * 1000:.0f} ms",
    )


def judge_clocks(pulses: Sequence[Pulse], now: datetime) -> HealthLine:
    """Judge whether the clocks of all machines agree: no pulse comes from the future."""
    ahead = max(((p.at - now).total_seconds() for p in pulses), default=0.0)
    if ahead <= SKEW:
        return HealthLine("clocks", Light.GREEN, "agree")
    name = max(pulses, key=lambda p: p.at).name
    words = f"{name} is {ahead:.0f} s ahead of here; one of the two machines is wrong"
    return HealthLine("clocks", _light(ahead, SKEW, FAR_SKEW), words)


def judge_backup(newest: datetime | None, now: datetime) -> HealthLine:
    """Judge how old the newest backup is."""
    if newest is None:
        return HealthLine("backup", Light.GREEN, "none yet; /backup makes one")
    age = now - newest
    light = Light.GREEN if age <= BACKED_UP else Light.AMBER
    return HealthLine("backup", light, f"the newest is {ago(age)} old")


def judge_disk(free: float) -> HealthLine:
    """Judge the room that is left, in bytes."""
    return HealthLine("disk", _light(-free, -ROOM, -NO_ROOM), f"{free / 1e9:.1f} GB free")


def worst(lines: Sequence[HealthLine]) -> Light:
    """Return the worst light; green without lines."""
    return max((line.light for line in lines), default=Light.GREEN)


def ago(age: timedelta) -> str:
    """Return a while in one unit: 12 s, 3 min, 5 h, 2 days."""
    seconds = max(0.0, age.total_seconds())
    for unit, size, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds < most * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"


def _light(value: T, green: T, amber: T) -> Light:
    if value <= green:
        return Light.GREEN
    return Light.AMBER if value <= amber else Light.RED
