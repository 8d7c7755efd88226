"""Live scans by the crew, each minute from one noon to the next: 50 symbols × 3 × 3 setups."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import psutil

from bench.live_world import START, SYMBOLS, TIMEFRAMES, Market, assignments, markets
from bench.timing import median
from flows.adapters import PRELOAD
from flows.scan_crew import ProcessScanCrew
from pipeline.domain.market import Instrument
from pipeline.setups.model import SetupSpec
from pipeline.setups.rules import parse_setup

SETUPS = ("Asia_fvg_break_v2", "Frank_raid_v1", "IB_raid_v1")
DAY_OF_SCANS = 24 * 60
MORNING = 5 * 60  # from 06:00 to 11:00 UTC: all caches have been as full as they get
SCANS = MORNING + DAY_OF_SCANS
IN_HOURS = slice(2 * 60, 3 * 60)  # 10:00-11:00 in Berlin: all three are in their windows
NEXT_DAY = slice(IN_HOURS.start + DAY_OF_SCANS, IN_HOURS.stop + DAY_OF_SCANS)
LIMIT_S, LIMIT_DRIFT_MB = 0.5, 20
MINUTE = timedelta(minutes=1)
MEGABYTE = 1024 * 1024


@dataclass
class Scans:
    """What was measured, scan by scan: seconds, evaluations, signals; memory at both ends."""

    seconds: list[float] = field(default_factory=list)
    evaluations: list[int] = field(default_factory=list)
    signals: list[int] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    def idle(self, part: slice) -> list[float]:
        """Seconds of the scans in which nothing was found."""
        pairs = zip(self.seconds[part], self.signals[part], strict=True)
        return [seconds for seconds, found in pairs if not found]


def setups() -> list[SetupSpec]:
    """The three."""
    library = resources.files("pipeline.setups") / "library"
    texts = ((library / f"{name}.yaml").read_text("utf-8") for name in SETUPS)
    return [parse_setup(text, name) for text, name in zip(texts, SETUPS, strict=True)]


async def scan_once(
    crew: ProcessScanCrew, bars: dict[str, Any], until: datetime
) -> tuple[int, int]:
    """One scan as the scanner makes it: all symbols at once; evaluations and signals."""
    asked = (crew.advance(symbol, frame, until) for symbol, frame in bars.items())
    scanned = [one for found in await asyncio.gather(*asked) for one in found]
    failed = [why for one in scanned for why in one.failed]
    if failed:
        raise RuntimeError(failed[0])
    return sum(len(s.evaluations) for s in scanned), sum(len(s.signals) for s in scanned)


def resident(crew: ProcessScanCrew) -> float:
    """Memory of the crew's processes, in megabytes."""
    return sum(psutil.Process(pid).memory_info().rss for pid in crew.pids()) / MEGABYTE


async def all_scans(crew: ProcessScanCrew, world: list[Market], scans: int = SCANS) -> Scans:
    """Seed all, then scan minute by minute."""
    for market in world:
        assignment, bars = assignments(setups(), market.instrument)
        await crew.seed(market.symbol, assignment, market.seed(bars), START)
    found, ahead = Scans(), {}
    for number in range(scans):
        at = START + number * MINUTE
        if number % 60 == 0:
            ahead = {market.symbol: market.hour(at) for market in world}
        bars = {symbol: minutes[number % 60] for symbol, minutes in ahead.items()}
        begun = time.perf_counter()
        evaluations, signals = await scan_once(crew, bars, at + MINUTE)
        found.seconds.append(time.perf_counter() - begun)
        found.evaluations.append(evaluations)
        found.signals.append(signals)
        if number + 1 in (MORNING, scans):
            found.megabytes.append(resident(crew))
    return found


async def measure(instrument: Instrument) -> dict[str, dict[str, Any]]:
    """Return the figures; the crew is what `make run` starts."""
    crew = ProcessScanCrew(1, preload=PRELOAD)
    try:
        found = await all_scans(crew, list(markets(instrument)))
    finally:
        await crew.close()
    idle, asked = found.idle(NEXT_DAY), found.evaluations[NEXT_DAY]
    first, last = found.megabytes
    before = median(found.idle(IN_HOURS))
    what = f"{SYMBOLS} symbols × {len(TIMEFRAMES)} timeframes × {len(SETUPS)} setups"
    return {
        "scan_idle_s": {
            "value": median(idle),
            "unit": "s",
            "limit": LIMIT_S,
            "peers": {},
            "note": f"{what}, {len(idle)} minutes in hours, {median(asked):.0f} evaluations each; "
            f"worst {max(idle):.2f} s, of all {max(found.seconds):.2f} s; the same hour a day "
            f"before {before:.2g} s; {sum(found.signals)} signals",
        },
        "scan_memory_drift_mb": {
            "value": last - first,
            "unit": "MB",
            "limit": LIMIT_DRIFT_MB,
            "peers": {},
            "note": f"crew's memory {first:.0f} → {last:.0f} MB over {DAY_OF_SCANS:,} scans",
        },
    }
