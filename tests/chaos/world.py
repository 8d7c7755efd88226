"""The whole set under fire: real Valkey, Prefect, bot and two scanners around one fast market."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
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
STARTING = timedelta(seconds=15)
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


Prepare = Callable[[Services, Telegram], Awaitable[None]]


@asynccontextmanager
async def world(
    home: Path, anchor: Anchor, prepare: Prepare, *, with_prefect: bool, scanners: int = 2
) -> AsyncIterator[World]:
    """Start everything around a market, let `prepare` say who watches, and stop it all at the end.

    The market's moment is that at which the processes are started, some seconds later.
    """
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
                await prepare(services, chat)
                wall = datetime.now(UTC) + STARTING
                anchor = anchor.model_copy(update={"wall": wall})
                (home / "market.json").write_text(anchor.model_dump_json())
                made = _processes(home, settings, scanners)
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


async def one_chat_watches(services: Services, chat: Telegram) -> None:
    """Let the one person watch the frequent setup on every symbol, without limits and cooldown."""
    now = services.clock()
    wishes = Watch(
        chat_id=chat.person.chat_id, symbols=SYMBOLS, timeframes=("M5",),
        setups=("Every_engulfing_v1",), sound={**DEFAULT_SOUND, "outcome": "off"},
        weekend=True, max_per_hour=1000, max_per_minute=60,
    )  # fmt: skip
    await services.watches.put(wishes, now)
    await services.watches.put_rules(LiveRules(cooldown_minutes=0), now)


def market_of_now(speed: float, seed: int, days: int) -> Anchor:
    """Return a market whose time is ours now and then runs ahead."""
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    return Anchor(
        market=minute, wall=minute, speed=speed, symbols=SYMBOLS, days=days, seed=seed,
        opened=minute - LEAD,
    )  # fmt: skip


def _processes(home: Path, settings: Settings, scanners: int) -> list[Ours]:
    env = {
        "SCOUT_HOME": str(settings.home), "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_API_BASE": str(settings.telegram_api_base),
        "OWNER_IDS": ",".join(map(str, settings.owner_ids)),
        "REDIS_URL": settings.redis_url.get_secret_value() if settings.redis_url else "",
        "CHAOS_MARKET": str(home / "market.json"), "SCAN_GRACE": "0.1", "TICKET_MINUTES": "600",
        "TICKET_MAX_R": "10", "LOG_FORMAT": "json", "FEED": "mt5",
    }  # fmt: skip
    if settings.prefect_api_url:
        env |= prefect_environment(settings)
    bot = Ours("bot", "tests.chaos.bot_process", home, env)
    names = [f"scanner-{number + 1}" for number in range(scanners)]
    return [bot, *(Ours(name, "tests.chaos.scanner_process", home, env) for name in names)]
