"""English words of /schedule and /schedules."""

from pipeline.schedule_commands import TIMES

TITLE = "Schedules"
NONE = "There are no schedules."
HOW = "A new one:"
TEMPLATE = "Every setup on every symbol, nightly:"
WHEN = f"When: {', '.join(TIMES)}."
PAUSED = "paused"
NEXT = "next "
LAST = "last "
KEPT = "Kept: "
PAUSE, RESUME, RUN_NOW, DELETE, YES = "Pause", "Resume", "Run now", "Delete", "Yes, delete"
REALLY = "Delete this schedule? Its runs stay."
GONE = "This schedule is gone."
OUTCOMES = {
    "claimed": "starting", "waiting": "waiting", "launched": "started", "skipped": "left out",
    "missed": "missed", "refused": "refused",
}  # fmt: skip


def done(did: str, name: str) -> str:
    """Say what was done."""
    words = {"pause": "paused", "resume": "goes on", "gone": "is deleted", "run": "is started"}
    return f"{name} {words[did]}."
