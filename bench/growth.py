"""What live watching writes a day: real scans on a made market, real stores, each table's bytes.

`python -m bench.growth SYMBOLS MINUTES [postgresql+asyncpg://…]`: the three setups of the library
on M1, M5 and M15, one chat, cooldowns as they come; prints JSON with each table's bytes, rows of the
market's minutes, signals and files. Days are multiplied from there.
"""

import asyncio
import json
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.live import SETUPS
from flows.live_scan import run_live_scan
from flows.live_session import ChatWishes, LiveSession
from flows.scan_crew import InlineScanCrew
from flows.services import Services, open_services
from flows.settings import Settings
from pipeline.domain.live import LiveRequest
from pipeline.domain.market import Timeframe
from pipeline.domain.watch import Watch
from storage.instruments import YamlInstruments
from tests.kit.fast_market import Anchor, FastMarket

OPENED = datetime(2025, 3, 10, tzinfo=UTC)
FROM = OPENED + timedelta(days=1, hours=6)  # from there on the setups come into their windows
MINUTE = timedelta(minutes=1)
CHAT = 7


async def measure(symbols: int, minutes: int, url: str | None = None) -> dict[str, Any]:
    """Scan that many symbols for that many minutes; return what it left."""
    names = tuple(f"FX{number:02d}" for number in range(symbols))
    with tempfile.TemporaryDirectory(prefix="scout-growth-") as folder:
        home = Path(folder)
        euro = (await YamlInstruments().get("EURUSD")).model_dump(mode="json")
        table = [{**euro, "symbol": name, "aliases": []} for name in names]
        (home / "instruments.yaml").write_text(json.dumps(table))
        settings = Settings(_env_file=None, scout_home=home, database_url=url)  # type: ignore[call-arg]
        async with open_services(settings, computes=False) as services:
            before = await services.upkeep.database.sizes()
            await _scan(services, names, minutes)
            await services.upkeep.database.tidy(quiet=True)
            return await _left(services, home, before)


async def _scan(services: Services, names: tuple[str, ...], minutes: int) -> None:
    now = [FROM]
    wall = replace(services, clock=lambda: now[0])
    anchor = Anchor(
        market=FROM, wall=FROM, speed=1.0, symbols=names, days=3, seed=1, opened=OPENED
    )
    frames = tuple(Timeframe(each) for each in ("M1", "M5", "M15"))
    wishes = Watch(chat_id=CHAT, on=True, symbols=names, timeframes=frames, setups=SETUPS)
    await wall.watches.put(wishes, now[0])
    session = LiveSession(
        wall, FastMarket(anchor), InlineScanCrew(), ChatWishes(wall), lambda: now[0]
    )
    await session.strike()
    await session.refresh()
    for number in range(minutes):
        now[0] = FROM + number * MINUTE
        report = await run_live_scan(LiveRequest(trigger_timestamp=now[0]), session)
        if report.failed:
            raise RuntimeError(next(iter(report.failed.values())))
    await session.close()


async def _left(services: Services, home: Path, before: dict[str, int]) -> dict[str, Any]:
    sizes = await services.upkeep.database.sizes()
    files = [path.stat().st_size for path in (home / "archive").rglob("*") if path.is_file()]
    return {
        "tables": {
            name: size - before.get(name, 0)
            for name, size in sizes.items()
            if size > before.get(name, 0)
        },
        "signals": len(await services.signals.newest(1_000_000)),
        "files": len(files),
        "file_bytes": sum(files),
    }


if __name__ == "__main__":
    found = asyncio.run(measure(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
    print(json.dumps(found))
