"""The whole set under fire: real Valkey, Prefect, bot and two scanners around one fast market."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flows.prefect_env import prefect_environment
from flows.services import Services, open_services
from flows.settings import Settings
from pipeline.domain.watch import DEFAULT_SOUND, LiveRules, Watch
from tests.chaos.processes import Ours
from tests.chaos.telegram import Telegram, telegram
from tests.kit.chat import settings_of
from tests.kit.fast_market import Anchor
from tests.kit.prefect_server import PrefectServer, running_prefect
from tests.kit.sandbox import TOKEN
from tests.kit.servers import Postgres, Valkey, running

SETUP = Path(__file__).parents[1] / "kit" / "every_engulfing_bar.yaml"
SYMBOLS = ("EURUSD", "GBPUSD", "GER40", "US500", "XAUUSD")
LEAD = timedelta(hours=20)  # of market time that is past when the scanners start


@dataclass
class World:
    """What is running, and what was done to it."""

    telegram: Telegram
    services: Services
    anchor: Anchor
    valkey: Valkey
    prefect: PrefectServer | None
    bot: Ours
    scanners: list[Ours]
    bot_kills: list[datetime] = field(default_factory=list)

    async def active(self) -> int:
        """Return which scanner has the turn; 0 where nobody says so."""
        logs = [s.log for s in self.scanners]
        last = [log.rfind("turn_taken") for log in logs]
        return max(range(len(last)), key=lambda n: last[n])


@asynccontextmanager
async def world(
    home: Path, *, speed: float, seed: int, days: int, with_prefect: bool
) -> AsyncIterator[World]:
    """Start everything, let the chat watch, and stop it all at the end."""
    with ExitStack() as stack:
        valkey = stack.enter_context(running(Valkey))
        prefect = None
        if with_prefect:
            postgres = stack.enter_context(running(Postgres))
            prefect = stack.enter_context(running_prefect(postgres))
        async with telegram(home / "sandbox") as chat:
            settings = _settings(home, chat.sandbox.url, valkey.url, prefect)
            (settings.home / "rules").mkdir(parents=True)
            shutil.copy(SETUP, settings.home / "rules" / SETUP.name)
            async with open_services(settings, computes=False) as services:
                await _let_watch(services, chat.person.chat_id)
                now = datetime.now(UTC)
                minute = now.replace(second=0, microsecond=0)
                anchor = Anchor(
                    market=minute, wall=now + timedelta(seconds=15), speed=speed,
                    symbols=SYMBOLS, days=days, seed=seed, opened=minute - LEAD,
                )  # fmt: skip
                (home / "market.json").write_text(anchor.model_dump_json())
                made = _processes(home, settings)
                try:
                    for process in made:
                        process.start()
                    for process in made:
                        await asyncio.to_thread(process.wait)
                    yield World(chat, services, anchor, valkey, prefect, made[0], made[1:])
                finally:
                    for process in made:
                        process.stop()


def _settings(home: Path, base: str, redis: str, prefect: PrefectServer | None) -> Settings:
    return settings_of(
        home / "scout", base, redis_url=redis,
        prefect_api_url=prefect.api_url if prefect else None,
    )  # fmt: skip


async def _let_watch(services: Services, chat_id: int) -> None:
    now = services.clock()
    wishes = Watch(
        chat_id=chat_id, symbols=SYMBOLS, timeframes=("M5",), setups=("Every_engulfing_v1",),
        sound={**DEFAULT_SOUND, "outcome": "off"}, weekend=True, max_per_hour=1000, max_per_minute=60,
    )  # fmt: skip
    await services.watches.put(wishes, now)
    await services.watches.put_rules(LiveRules(cooldown_minutes=0), now)


def _processes(home: Path, settings: Settings) -> list[Ours]:
    env = {
        "SCOUT_HOME": str(settings.home), "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_API_BASE": str(settings.telegram_api_base),
        "OWNER_IDS": ",".join(map(str, settings.owner_ids)),
        "REDIS_URL": settings.redis_url.get_secret_value() if settings.redis_url else "",
        "CHAOS_MARKET": str(home / "market.json"), "SCAN_GRACE": "0.1", "TICKET_MINUTES": "600",
        "TICKET_MAX_R": "10", "LOG_FORMAT": "json",
    }  # fmt: skip
    if settings.prefect_api_url:
        env |= prefect_environment(settings)
    bot = Ours("bot", "tests.chaos.bot_process", home, env)
    names = ("scanner-1", "scanner-2")
    return [bot, *(Ours(name, "tests.chaos.scanner_process", home, env) for name in names)]
