"""What the report of any kind of run says of the run itself."""

from datetime import datetime
from typing import Any

from pipeline.domain.request import Run, TaskRecord


def run_times(run: Run, now: datetime) -> dict[str, Any]:
    """Return a report's fields of time: when the run began, that it ends now, and its minutes."""
    started = run.started_at or run.created_at
    return {
        "start_time": started,
        "end_time": now,
        "execution_time_minutes": round((now - started).total_seconds() / 60, 4),
    }


def told_record(run: Run) -> TaskRecord:
    """Return the last task as a report must have it that is written before it is told."""
    status = "success" if run.actor.chat_id is not None else "skipped"
    return TaskRecord(task="telegram_notify", status=status)
