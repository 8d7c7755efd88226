"""The scanner's process: `python -m flows.scanner`. It watches the market, or stands by to.

Any number may run; one has the turn. The next one takes over within ten seconds of the first
one's death and goes on where it was. Replays run in whichever has room.

Only the standard library is imported up here: computing processes import this module again.
"""

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.services import Services
    from flows.settings import Settings

GRACE = 4.0


def main() -> int:
    """Scan until SIGTERM or Ctrl-C."""
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
    observe(settings, "scanner", sys.stdout)
    asyncio.run(run(settings))
    return 0


async def run(settings: "Settings") -> None:
    """Open the services and serve until told to stop."""
    from flows.services import open_services  # noqa: PLC0415

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    # Without a market only replays are computed here: not worth processes that wait for one.
    async with open_services(settings, computes=settings.feed != "none") as services:
        await serve(services, stopping)


async def serve(services: "Services", stopping: asyncio.Event) -> None:
    """Watch when it is our turn, run replays, say that we live; end orderly at `stopping`."""
    from flows.alert_analysis import AlertAnalyst  # noqa: PLC0415
    from flows.health_monitor import HealthMonitor  # noqa: PLC0415
    from flows.import_watch import ImportWatch  # noqa: PLC0415
    from flows.journal_keeper import JournalKeeper  # noqa: PLC0415
    from flows.live_scan_flow import SCAN_NOW  # noqa: PLC0415
    from flows.pulse import Heart  # noqa: PLC0415
    from flows.ready import announce_ready  # noqa: PLC0415
    from flows.schedule_keeper import ScheduleKeeper  # noqa: PLC0415
    from flows.watcher import Watcher  # noqa: PLC0415

    warming = asyncio.create_task(services.cpu.warm()) if services.feed is not None else None
    watcher = Watcher(services)
    SCAN_NOW.set(watcher.scan_now)  # before the tasks that are to know it
    heart = Heart("scanner", services, lambda: watcher.facts().model_dump(mode="json"))
    monitor = HealthMonitor(services)
    keepers = (JournalKeeper(services), ImportWatch(services))
    works = [watcher.keep(), heart.keep(), monitor.keep(), *(one.keep() for one in keepers)]
    if services.analyst is not None and services.settings.analyst_alerts:
        works.append(AlertAnalyst(services, lambda: watcher.turn.ours).keep())
    loops = [asyncio.create_task(work) for work in works]
    replays = []
    if services.settings.prefect_api_url:
        replays.append(asyncio.create_task(_replays(services, stopping)))
    else:
        loops.append(asyncio.create_task(ScheduleKeeper(services).keep()))
    if warming is not None:
        await asyncio.wait({warming})
    announce_ready()
    await stopping.wait()
    await watcher.stop()
    await asyncio.wait(replays, timeout=2 * GRACE) if replays else None
    for task in (*loops, *replays):
        task.cancel()
    await asyncio.gather(*loops, *replays, return_exceptions=True)
    await heart.stop()


async def _replays(services: "Services", stopping: asyncio.Event) -> None:
    """Run what is launched into the live pool."""
    from flows.registry import LIVE_POOL  # noqa: PLC0415
    from flows.resident import ResidentWorker  # noqa: PLC0415

    await ResidentWorker(services, LIVE_POOL).serve(stopping, GRACE)


if __name__ == "__main__":
    sys.exit(main())
