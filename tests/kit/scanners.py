"""Real scanner processes around one fast market: real leases, a database file, nobody to tell."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flows.prefect_env import prefect_environment
from flows.services import Services, open_services
from flows.settings import Settings
from pipeline.domain.live import LIVE
from pipeline.domain.market import Timeframe
from pipeline.domain.watch import LiveRules, Watch
from pipeline.setups.rules import parse_setup
from tests.chaos.judge import expected_keys
from tests.chaos.processes import Ours
from tests.kit.fast_market import Anchor

SETUP = Path(__file__).parent / "every_engulfing_bar.yaml"
SYMBOLS = ("EURUSD", "GBPUSD", "XAUUSD")
LEAD = timedelta(hours=20)  # of market time that is past when they start


@dataclass
class Scanners:
    """The processes, the market they look at and the services that see what they keep."""

    processes: list[Ours]
    services: Services
    anchor: Anchor

    async def has_turn(self, process: Ours, seconds: float = 60.0) -> None:
        """Wait until a process says that the turn is its own."""
        async with asyncio.timeout(seconds):
            while "turn_taken" not in process.log:
                await asyncio.sleep(0.05)

    async def marks(self, least: datetime | None = None, seconds: float = 90.0) -> datetime:
        """Wait until every symbol was scanned up to `least`; up to where all were."""
        async with asyncio.timeout(seconds):
            while True:
                marks = await self.services.scans.scanned(LIVE)
                if len(marks) == len(SYMBOLS) and (least is None or min(marks.values()) >= least):
                    return min(marks.values())
                await asyncio.sleep(0.1)

    async def missed_and_made_up(self, since: datetime) -> tuple[set[str], set[str], int]:
        """Hold what is kept against the backtest: lost keys, phantom ones, how many it knows."""
        spec = parse_setup(SETUP.read_text(), SETUP.name)
        expected = await expected_keys(spec, self.anchor.bars(), self.services, since)
        rows = await self.services.signals.newest(1_000_000, LIVE)
        kept = [row.key for row in rows if row.signal.known_at > since]
        assert len(kept) == len(set(kept))
        return expected - set(kept), set(kept) - expected, len(expected)


@asynccontextmanager
async def scanners(
    home: Path, redis_url: str, *, count: int = 1, speed: float = 60.0, prefect: str | None = None
) -> AsyncIterator[Scanners]:
    """Start so many, each ready, the first one with the turn; stop them at the end."""
    settings = Settings(
        _env_file=None, scout_home=home / "scout", redis_url=redis_url, prefect_api_url=prefect
    )
    (settings.home / "rules").mkdir(parents=True)
    shutil.copy(SETUP, settings.home / "rules" / SETUP.name)
    async with open_services(settings, computes=False) as services:
        wishes = Watch(
            chat_id=7, symbols=SYMBOLS, timeframes=(Timeframe.M5,), setups=("Every_engulfing_v1",),
            weekend=True, max_per_hour=1000, max_per_minute=60,
        )  # fmt: skip
        await services.watches.put(wishes, services.clock())
        await services.watches.put_rules(LiveRules(cooldown_minutes=0), services.clock())
        now = datetime.now(UTC)
        minute = now.replace(second=0, microsecond=0)
        anchor = Anchor(
            market=minute, wall=now + timedelta(seconds=10), speed=speed, symbols=SYMBOLS,
            days=3, seed=5, opened=minute - LEAD,
        )  # fmt: skip
        (home / "market.json").write_text(anchor.model_dump_json())
        processes = [_scanner(f"scanner-{n + 1}", home, settings) for n in range(count)]
        try:
            for process in processes:
                process.start()
                await asyncio.to_thread(process.wait)
            yield Scanners(processes, services, anchor)
        finally:
            for process in processes:
                process.stop()


def _scanner(name: str, home: Path, settings: Settings) -> Ours:
    redis = settings.redis_url
    env = {
        "SCOUT_HOME": str(settings.home), "REDIS_URL": redis.get_secret_value() if redis else "",
        "CHAOS_MARKET": str(home / "market.json"), "SCAN_GRACE": "0.05", "FEED": "mt5",
        "TICKET_MINUTES": "600", "TICKET_MAX_R": "10", "LOG_FORMAT": "json",
    }  # fmt: skip
    if settings.prefect_api_url:
        env |= prefect_environment(settings)
    return Ours(name, "tests.chaos.scanner_process", home, env)
