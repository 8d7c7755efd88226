"""What tests of schedules share: a launcher that only takes runs, a schedule in a line."""

from datetime import UTC, datetime, timedelta

from flows.launcher import LaunchError
from pipeline.domain.request import Actor, Channel, RunStatus
from pipeline.domain.schedule import Schedule

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MADE = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ANN = Actor(channel=Channel.TELEGRAM, user_id=7, chat_id=70, name="Ann")
TEXT = "/backtest Asia_sweep_engulf_v1 EURUSD M5 2025-05-05..2025-05-09"


class Waiting:
    """A scheduler that takes runs and leaves them queued; it refuses the first few."""

    def __init__(self, refuses: int = 0) -> None:
        self.taken, self.refuses = [], refuses

    async def launch(self, run, services):
        if self.refuses:
            self.refuses -= 1
            raise LaunchError("The scheduler doesn't answer; is it running?")
        self.taken.append(run.run_id)

    async def resume(self, run, services):
        return

    async def cancel(self, run):
        return

    async def close(self):
        return


def schedule(name="hourly", **fields):
    """A backtest every hour, asked for by Ann; or otherwise, as the fields say."""
    words = {
        "flow_name": "backtest_flow", "payload": {"text": TEXT}, "actor": ANN, "created_at": MADE,
        "zone": "Europe/Berlin", "overlap": "queue",
    }  # fmt: skip
    if "cron" not in fields:
        words["interval_minutes"] = 60
    return Schedule(name=name, **{**words, **fields})


async def end(services, run_id, at):
    await services.runs.start(run_id, at)
    await services.runs.finish(run_id, RunStatus.COMPLETED, at)


def told(fires):
    """The times and outcomes, oldest first."""
    return [(fire.due, fire.outcome) for fire in reversed(fires)]
