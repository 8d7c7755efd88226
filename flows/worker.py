"""The resident worker's process: `python -m flows.worker [--pools NAME,NAME]`.

One process may serve every pool, or each pool have its own, on as many machines as one likes.
Only the standard library is imported up here: computing processes import this module again
when it is the main one, and they need neither Prefect nor a database.
"""

import argparse
import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.resident import ResidentWorker
    from flows.services import Services
    from flows.settings import Settings

GRACE = 4.0
SCHEDULES, SCHEDULE_POLL = 4, 4.0
SELDOM = 15.0


def main(words: list[str] | None = None) -> None:
    """Work until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m flows.worker")
    parser.add_argument("--pools", metavar="NAME,NAME", help="work pools to serve; default: all")
    pools = parser.parse_args(words).pools
    from flows.frugal import tame_memory  # noqa: PLC0415
    from flows.kernel_cache import use_kernel_cache  # noqa: PLC0415
    from flows.observing import observe  # noqa: PLC0415
    from flows.prefect_env import use_prefect_environment  # noqa: PLC0415
    from flows.settings_start import settings_or_exit  # noqa: PLC0415

    tame_memory()  # before Arrow is imported
    settings = settings_or_exit()
    use_kernel_cache(settings.home)
    # Prefect reads its settings when it is imported, so they come first.
    use_prefect_environment(settings)
    observe(settings, "worker", sys.stdout)
    if settings.prefect_api_url is None:
        settings = settings.model_copy(update={"prefect_api_url": os.environ["PREFECT_API_URL"]})
    try:
        chosen = chosen_pools(pools)
    except ValueError as error:
        parser.error(str(error))
    asyncio.run(work(settings, chosen))


def chosen_pools(words: str | None) -> tuple[str, ...]:
    """Return the pools that were named, or all that workers serve.

    Raises
    ------
    ValueError
        If a name is no pool of workers.
    """
    from flows.registry import INGESTION_POOL, POOL, TRAINING_POOL  # noqa: PLC0415

    known = (POOL, TRAINING_POOL, INGESTION_POOL)
    named = tuple(dict.fromkeys(word.strip() for word in (words or "").split(",") if word.strip()))
    for name in named:
        if name not in known:
            raise ValueError(f"no worker serves a pool {name!r}; there are {', '.join(known)}")
    return named or known


async def work(settings: "Settings", pools: tuple[str, ...]) -> None:
    """Open the services, warm the pool, take up what was left behind, and serve."""
    from flows.health_monitor import HealthMonitor  # noqa: PLC0415
    from flows.measuring import keep_measuring  # noqa: PLC0415
    from flows.pulse import Heart  # noqa: PLC0415
    from flows.registry import POOL  # noqa: PLC0415
    from flows.resident import ResidentWorker  # noqa: PLC0415
    from flows.services import open_services  # noqa: PLC0415

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with open_services(settings) as services:
        warming = asyncio.create_task(services.cpu.warm())
        workers = [
            ResidentWorker(services, pool)
            if pool == POOL
            else ResidentWorker(services, pool, limit=1, poll=SELDOM)
            for pool in pools
        ]
        worker = workers[0]
        keeping = _schedules(services, workers) if POOL in pools else []
        recovering = asyncio.create_task(_recover_often(services, worker.ready))
        telling = asyncio.create_task(_tell_ready(worker.ready, warming))
        kind = "worker" if POOL in pools else f"worker of {', '.join(pools)}"
        heart = Heart(kind, services, lambda: {"active": worker.ready.is_set()})
        beating = asyncio.create_task(heart.keep())
        looking = (keep_measuring(services), HealthMonitor(services).keep())
        watching = [asyncio.create_task(each) for each in looking]
        await asyncio.gather(*(each.serve(stopping, GRACE) for each in workers))
        tasks = (recovering, warming, telling, beating, *watching, *keeping)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await heart.stop()


def _schedules(
    services: "Services", workers: "list[ResidentWorker]"
) -> "list[asyncio.Task[None]]":
    """Add the worker that asks what is due, so that no long run is in its way; keep schedules."""
    from flows.registry import SCHEDULE_POOL  # noqa: PLC0415
    from flows.resident import ResidentWorker  # noqa: PLC0415
    from flows.schedule_keeper import BEHIND, ScheduleKeeper  # noqa: PLC0415
    from flows.schedule_sync import keep_in_step  # noqa: PLC0415

    workers.append(ResidentWorker(services, SCHEDULE_POOL, limit=SCHEDULES, poll=SCHEDULE_POLL))
    keeper = ScheduleKeeper(services, behind=BEHIND)
    return [asyncio.create_task(work) for work in (keeper.keep(), keep_in_step(services))]


async def _tell_ready(ready: asyncio.Event, warming: asyncio.Task[None]) -> None:
    """Say that the worker is up once it takes runs and its kernels are compiled.

    A pool that won't warm doesn't hold it back: a run will say what is wrong with it.
    """
    from flows.ready import announce_ready  # noqa: PLC0415

    await ready.wait()
    await asyncio.wait({warming})
    announce_ready()


async def _recover_often(services: "Services", ready: asyncio.Event) -> None:
    """Look for orphans and lost launches once Prefect is there."""
    from flows.recovery import recover_often  # noqa: PLC0415

    await ready.wait()
    await recover_often(services)


if __name__ == "__main__":
    main()
