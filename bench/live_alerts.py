"""Alerts end to end: from the close to Telegram's acceptance, with everything real but Telegram.

Sixty minutes of a made market pass at ten seconds each: fifty symbols, the three setups of the
library on M1, M5 and M15, and on some symbols one that speaks often. Prefect's server on
PostgreSQL, Valkey, our database on SQLite, one scanner, one bot, the sandbox's Bot API. Eight chats
share the alerts, so that Telegram's limit of about one message a second and chat is not what is
measured.
"""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from bench.live import SETUPS
from pipeline.domain.live import LIVE
from pipeline.domain.watch import DEFAULT_SOUND, LiveRules, Watch
from pipeline.live.health import latency
from storage.instruments import YamlInstruments
from tests.chaos.world import Prepare, world
from tests.kit.fast_market import Anchor

SYMBOLS = tuple(f"FX{number:02d}" for number in range(50))
CHATTY = SYMBOLS[:16]
CHATS, SPEED, MINUTES = 8, 6.0, 60
OPENED = datetime(2025, 3, 10, 12, tzinfo=UTC)
FROM = datetime(2025, 3, 11, 8, tzinfo=UTC)  # 09:00 in Berlin: the setups are in their windows
LEAST = 200
Beside: TypeAlias = Callable[[Callable[[datetime], datetime]], Awaitable[None]]


async def measure() -> dict[str, Any]:
    """The figure, for `make bench`."""
    with tempfile.TemporaryDirectory(prefix="scout-alerts-") as folder:
        seconds = [found for _, found in await alerts(Path(folder), MINUTES)]
    found = latency(seconds)
    assert found is not None
    assert found.alerts >= LEAST, f"{found.alerts} alerts are too few"
    note = (
        f"{found.alerts} alerts in {MINUTES} market minutes of {60 / SPEED:.0f} s, "
        f"p50 {found.p50:.2f}, p95 {found.p95:.2f}, worst {max(seconds):.2f}; cooldown off"
    )
    return {
        "alert_p99_s": {"value": found.p99, "unit": "s", "limit": 1.0, "note": note, "peers": {}}
    }


async def alerts(
    home: Path, minutes: int, beside: Beside | None = None
) -> list[tuple[datetime, float]]:
    """Each alert's market close, and the seconds from there to Telegram's acceptance.

    `beside` runs along and is given what turns a market moment into one of the wall clock.
    """
    anchor = Anchor(
        market=FROM, wall=FROM, speed=SPEED, symbols=SYMBOLS, days=2, seed=1, opened=OPENED
    )
    async with world(home, anchor, _prepare(home), with_prefect=True, scanners=1) as running:
        other = asyncio.create_task(beside(running.anchor.wall_time)) if beside else None
        end = running.anchor.wall_time(FROM + timedelta(minutes=minutes))
        await asyncio.sleep(max((end - running.services.clock()).total_seconds(), 0))
        if other is not None:
            other.cancel()
            await asyncio.gather(other, return_exceptions=True)
        await asyncio.to_thread(running.scanners[0].stop)
        services, found = running.services, []
        for sent in await services.signals.accepted_between(
            OPENED, end + timedelta(hours=1), LIVE
        ):
            record = await services.signals.get(sent.signal_id)
            assert record is not None
            closed = record.signal.known_at
            if closed > FROM + timedelta(minutes=3):  # the first scan has come up
                seconds = (sent.accepted_at - record.receipt.closed_at).total_seconds()
                found.append((closed, seconds))
        return found


def _prepare(home: Path) -> Prepare:
    async def prepare(services: Any, chat: Any) -> None:
        euro = (await YamlInstruments().get("EURUSD")).model_dump(mode="json")
        table = [{**euro, "symbol": symbol, "aliases": []} for symbol in SYMBOLS]
        (home / "scout" / "instruments.yaml").write_text(json.dumps(table))
        now = services.clock()
        people = [await chat.sandbox.add_person(f"Trader {n}") for n in range(CHATS)]
        for number, person in enumerate(people):
            await person.send("/start")
            mine = CHATTY[number::CHATS]
            await _watch(services, person.chat_id, mine, ("Every_engulfing_v1",), now, ("M1",))
        await _watch(services, chat.person.chat_id, SYMBOLS, SETUPS, now)
        await services.watches.put_rules(LiveRules(cooldown_minutes=0), now)

    return prepare


async def _watch(
    services: Any, chat: int, symbols: Any, setups: Any, now: datetime,
    timeframes: tuple[str, ...] = ("M1", "M5", "M15"),
) -> None:  # fmt: skip
    wishes = Watch(
        chat_id=chat, symbols=symbols, timeframes=timeframes, setups=setups, weekend=True,
        sound={**DEFAULT_SOUND, "outcome": "off"}, max_per_hour=1000, max_per_minute=60,
    )  # fmt: skip
    await services.watches.put(wishes, now)
