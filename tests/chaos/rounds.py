"""The rounds: at a drawn moment of a scan with signals something is killed or Telegram misbehaves."""

import asyncio
import contextlib
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np

from pipeline.domain.live import LIVE
from tests.chaos.judge import Tap
from tests.chaos.plan import KILLS, Kind, Round, Strike, draw
from tests.chaos.world import World
from tests.kit.sandbox import PageError, buttons_of

BAR = timedelta(minutes=5)
DOWN = (0.0, 1.5)  # seconds that a killed process stays down
RECOVERED = 120.0


class Rounds:
    """Plays rounds on a world and remembers what was done."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._rng = np.random.default_rng(seed)
        self._rising: dict[str, asyncio.Task[None]] = {}
        self.taps: list[Tap] = []
        self.struck: Counter[str] = Counter()

    async def play(self, rounds: int) -> None:
        without: frozenset[Kind] = (
            frozenset() if self._world.prefect else frozenset({"kill prefect"})
        )
        for number in range(1, rounds + 1):
            await self._round(draw(self._rng, number, without))
            for rising in self._rising.values():
                if rising.done():
                    rising.result()  # what could not rise ends the run

    async def _round(self, round_: Round) -> None:
        close = self._next_close()
        acts = [self._at(close, s.after, self._strike(s)) for s in round_.strikes]
        acts.append(self._at(close, round_.tap_after, self._tap(round_)))
        await asyncio.gather(*acts)

    def _next_close(self) -> datetime:
        """Return when the next bar closes, by our clock; at least half a second ahead."""
        anchor = self._world.anchor
        market = anchor.market_time(datetime.now(UTC) + timedelta(seconds=0.5))
        closes = market.replace(minute=market.minute // 5 * 5, second=0, microsecond=0) + BAR
        return anchor.wall_time(closes)

    async def _at(self, close: datetime, after: float, act) -> None:
        await asyncio.sleep(max((close - datetime.now(UTC)).total_seconds() + after, 0))
        await act

    async def _strike(self, strike: Strike) -> None:
        if strike.kind not in KILLS:
            self.struck[strike.kind] += 1
            await self._world.telegram.strike(strike)
            return
        victim = await self._victim(strike.kind)
        rising = self._rising.get(victim)
        if rising is not None and not rising.done():
            return  # it is down already
        self.struck[strike.kind] += 1
        down = float(self._rng.uniform(*DOWN))
        self._rising[victim] = asyncio.create_task(self._kill(victim, down))

    async def _victim(self, kind: Kind) -> str:
        """Return what is killed; of two scanners the one that has the turn, or the other."""
        if kind not in ("kill scanner", "kill standby"):
            return kind.removeprefix("kill ")
        active = await self._world.active()
        return self._world.scanners[active if kind == "kill scanner" else 1 - active].name

    async def _kill(self, victim: str, down: float) -> None:
        """Kill it now, start it again a little later."""
        world = self._world
        if victim == "redis":
            await asyncio.to_thread(world.valkey.stop)
            await asyncio.sleep(down)
            await asyncio.to_thread(world.valkey.start)
        elif victim == "prefect" and world.prefect is not None:
            await asyncio.to_thread(world.prefect.kill)
            await asyncio.sleep(down)
            await asyncio.to_thread(world.prefect.start)
        else:
            [process] = [p for p in (world.bot, *world.scanners) if p.name == victim]
            if process is world.bot:
                world.bot_kills.append(datetime.now(UTC))
            await asyncio.to_thread(process.kill)
            await asyncio.sleep(down)
            process.start()
            await asyncio.to_thread(process.wait)

    async def recovered(self) -> None:
        """Wait until all that was killed is up again; what fails to come up ends the run."""
        async with asyncio.timeout(RECOVERED):
            await asyncio.gather(*self._rising.values())

    async def _tap(self, round_: Round) -> None:
        """Press a button of the newest alert that nobody has pressed yet."""
        pressed = {tap.signal_id for tap in self.taps}
        copies = await self._world.telegram.copies()
        for signal_id, messages in sorted(copies.items(), key=lambda c: c[1][-1]["message_id"])[
            ::-1
        ][:3]:
            labels = [button["text"] for button in buttons_of(messages[-1])]
            if signal_id not in pressed and any(round_.choice in label for label in labels):
                with contextlib.suppress(PageError):
                    query = await self._world.telegram.person.press(messages[-1], round_.choice)
                    self.taps.append(Tap(signal_id, round_.choice, query))
                return

    async def settle(self, seconds: float = 300.0) -> None:
        """Let everything that is owed arrive, and collect what the bot said to each tap."""
        world = self._world
        await world.telegram.sandbox.clear_faults()
        until = time.monotonic() + seconds
        quiet = 0
        while quiet < 8 and time.monotonic() < until:
            await asyncio.sleep(0.5)
            first = await world.services.outbox.oldest() is not None
            owed = first or bool(await world.services.signals.owed(LIVE))
            quiet = 0 if owed else quiet + 1
        while not await self._all_heard() and time.monotonic() < until:
            await asyncio.sleep(0.5)

    async def _all_heard(self) -> bool:
        """Collect what the bot said to each tap; a bot that was killed takes some time to hear."""
        for tap in self.taps:
            if tap.said is None:
                with contextlib.suppress(PageError):
                    answer = await self._world.telegram.person.answer(tap.query_id, 0.1)
                    tap.said = str(answer.get("text") or "")
        silent = [tap.signal_id for tap in self.taps if tap.said is None]
        rows = [await self._world.services.signals.get(signal_id) for signal_id in silent]
        return all(row is not None and row.answer is not None for row in rows)
