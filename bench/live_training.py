"""What a training costs an alert: the same minutes with a training held and let go, in turns.

Two runs, one with and one without, differ by more than the effect: so one process learns without
end at the priority of a training, and is stopped and continued at every other close.
"""

import asyncio
import itertools
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench.live_alerts import FROM, alerts
from bench.train import labelled
from flows.cpu import LOW_PRIORITY
from flows.stepping_aside import hold_around_closes
from pipeline.domain.training import Hyperparams
from pipeline.ml.training import train

MINUTES, LIMIT, LEAST = 48, 1.2, 60


async def measure() -> dict[str, Any]:
    """The figure, for `make bench`."""
    learner = multiprocessing.get_context("spawn").Process(target=_learn, daemon=True)
    learner.start()
    try:
        with tempfile.TemporaryDirectory(prefix="scout-training-") as folder:
            found = await alerts(Path(folder), MINUTES, lambda wall: _in_turns(learner.pid, wall))
    finally:
        learner.kill()
    kinds = [[s for at, s in found if _learning(at) is learns] for learns in (False, True)]
    assert min(map(len, kinds)) >= LEAST, f"{[len(one) for one in kinds]} alerts are too few"
    without, beside = (float(np.median(one)) for one in kinds)
    tails = [float(np.quantile(one, 0.95)) for one in kinds]
    note = (
        f"median {without:.3f} s without ({len(kinds[0])} alerts), {beside:.3f} s with "
        f"({len(kinds[1])}); p95 {tails[0]:.3f} and {tails[1]:.3f}; {_interval(kinds)}"
    )
    figure = {"value": beside / without, "unit": "x", "limit": LIMIT, "note": note, "peers": {}}
    return {"alert_beside_training": figure}


def _learning(close: datetime) -> bool:
    return close.minute % 2 == 1


def _interval(kinds: list[list[float]]) -> str:
    rng = np.random.default_rng(1)
    drawn = [[np.median(rng.choice(one, len(one))) for _ in range(2000)] for one in kinds]
    low, high = np.quantile(np.divide(drawn[1], drawn[0]), (0.025, 0.975))
    return f"ratio {low:.2f}-{high:.2f} (95 %)"


async def _in_turns(pid: int | None, wall: Callable[[datetime], datetime]) -> None:
    """Let it learn at every other close, held around that one as a training is."""
    assert pid is not None
    closes = [FROM + timedelta(minutes=minute) for minute in range(MINUTES + 2)]
    for close, behind in itertools.pairwise(closes):
        middle = wall(behind).timestamp() + (wall(behind) - wall(close)).total_seconds() / 2
        if not _learning(behind):
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(max(middle - time.time(), 0))
            continue
        at = wall(behind).timestamp()
        os.kill(pid, signal.SIGCONT)
        holding = asyncio.create_task(hold_around_closes(pid, time.time, lambda _, at=at: at))
        await asyncio.sleep(max(middle - time.time(), 0))
        holding.cancel()


def _learn() -> None:
    os.nice(LOW_PRIORITY)
    data = labelled()
    while True:
        train(
            data, Hyperparams(), None, np.random.default_rng(1), datetime(2026, 1, 1, tzinfo=UTC)
        )


if __name__ == "__main__":
    print(asyncio.run(measure()))
