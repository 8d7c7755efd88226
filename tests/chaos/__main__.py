"""`python -m tests.chaos --rounds 200 --seed 1`: the table, and the last line that counts."""

import argparse
import asyncio
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from pipeline.domain.live import LIVE
from pipeline.setups.rules import parse_setup
from tests.chaos.judge import Verdict, expected_keys, judge
from tests.chaos.rounds import Rounds
from tests.chaos.world import (
    SETUP,
    SYMBOLS,
    World,
    market_of_now,
    one_chat_watches,
    world,
)

SPEED = 60.0  # a bar of five minutes takes five seconds


async def fire(
    home: Path, *, rounds: int, seed: int, with_prefect: bool = True, speed: float = SPEED
) -> tuple[Verdict, Rounds]:
    """Play the rounds in a fresh world and judge them."""
    days = 2 + int(rounds * 30 * speed / 86_400)
    anchor = market_of_now(speed, seed, days)
    async with world(home, anchor, one_chat_watches, with_prefect=with_prefect) as running:
        since = await first_marks(running)
        played = Rounds(running, seed)
        await played.play(rounds)
        await played.recovered()
        for scanner in running.scanners:
            scanner.stop()
        await played.settle()
        return await _judged(running, played, since), played


async def first_marks(running: World) -> datetime:
    """Wait until every symbol was scanned once; what comes later is what is judged."""
    async with asyncio.timeout(60):
        while len(marks := await running.services.scans.scanned(LIVE)) < len(SYMBOLS):
            await asyncio.sleep(0.1)
    return max(marks.values())


async def _judged(running: World, played: Rounds, since) -> Verdict:
    spec = parse_setup(SETUP.read_text(), SETUP.name)
    services = running.services
    expected = await expected_keys(spec, running.anchor.bars(), services, since)
    fire = running.bot_kills, running.telegram
    return await judge(expected, services, fire, played.taps, since)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rounds", type=int, default=200)
    words.add_argument("--speed", type=float, default=SPEED, help="market minutes in one of ours")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--keep", type=Path, help="folder to leave logs and databases in")
    chosen = words.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="scout-chaos-") as folder:
        home = chosen.keep or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        verdict, played = asyncio.run(
            fire(home, rounds=chosen.rounds, seed=chosen.seed, speed=chosen.speed)
        )
    print(f"{'fault':<14}{'times':>6}")
    for kind, times in played.struck.most_common():
        print(f"{kind:<14}{times:>6}")
    for kind in ("lost", "doubled", "phantom", "untold", "answers_lost"):
        for fact in getattr(verdict, kind):
            print(f"{kind}: {fact}")
    print(f"seed {chosen.seed}, {time.monotonic() - began:.0f} s, {len(played.taps)} taps")
    print(verdict.line(chosen.rounds))
    return 0 if verdict.good else 1


if __name__ == "__main__":
    sys.exit(main())
