"""The nightly parity certificate: launched once a day, told only where something differs."""

from datetime import datetime, timedelta

from flows.parity_text import VERDICTS, difference_line, headline, what
from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.live import LIVE
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, Run, RunStatus
from pipeline.live.certificate import ParityReport, ParityRequest
from pipeline.live.routing import loudness
from storage.telemetry import get_logger

log = get_logger(__name__)
NIGHTLY = Actor(channel=Channel.SCHEDULE, name="parity")
AFTER = timedelta(minutes=20)
"""So long after midnight (UTC), when late bars of the day have come."""
_KEY = "parity:nightly"
_TRIES = 3
_DAY = timedelta(days=1)
_LISTED = 10
_LATELY = 100  # runs among which the newest certificate is looked for


async def launch_parity(services: Services, now: datetime) -> bool:
    """Launch the comparison of yesterday, once; True if this call did.

    A day on which nothing was scanned is passed over.
    """
    from flows.control import launch  # noqa: PLC0415  (which knows this story too)

    day = (now - AFTER).date() - _DAY
    kept = await services.chats.recall(_KEY) or {}
    tries = int(kept.get("tries", 0)) if kept.get("day") == day.isoformat() else 0
    if kept.get("day") == day.isoformat() and (kept.get("done") or tries >= _TRIES):
        return False
    start = datetime(day.year, day.month, day.day, tzinfo=now.tzinfo)
    scanned = await services.scans.scans(LIVE, start, start + _DAY, limit=1)
    await services.chats.remember(_KEY, {"day": day.isoformat(), "tries": tries + 1}, now)
    if scanned:
        run = await launch(ParityRequest(start=day, end=day), NIGHTLY, services)
        log.info("parity_launched", run_id=run.run_id, day=day.isoformat())
    await services.chats.remember(_KEY, {"day": day.isoformat(), "done": True}, now)
    return bool(scanned)


async def tell_differences(report: ParityReport, run: Run, services: Services) -> int:
    """Owe each watching chat what the nightly comparison found, if it found anything.

    Others asked for theirs and are told by the run; where all is identical nobody is told.
    """
    if run.actor.channel is not Channel.SCHEDULE or report.verdict in ("identical", "nothing"):
        return 0
    told = 0
    for watch in await services.watches.everyone():
        if not watch.on or loudness(watch, "feed") == "off":
            continue
        told += await services.outbox.put(
            watch.chat_id, DeliveryKind.NOTICE, {"text": _words(report), "silent": True},
            dedupe_key=f"parity:{run.run_id}:{run.asked}:{watch.chat_id}",
            now=services.clock(), claim=run.claim,
        )  # fmt: skip
    return told


def _words(report: ParityReport) -> str:
    lines = [f"Parity: {headline(report)}", what(report), VERDICTS[report.verdict]]
    lines += [difference_line(line) for line in report.differences[:_LISTED]]
    lines += [f"{symbol} was not compared: {why}" for symbol, why in report.failed.items()]
    return "\n".join([*lines, f"All of it: /status {report.run_id}"])


async def parity_line(services: Services, since: datetime) -> str:
    """Return how the newest nightly comparison ended, in one line; "": there was none since."""
    runs = await services.runs.newest(_LATELY)
    nightly = (
        run
        for run in runs
        if run.flow_type == "parity_flow"
        and run.actor.channel is Channel.SCHEDULE
        and run.created_at >= since
        and run.status.ended
    )
    run = next(nightly, None)
    if run is None:
        return ""
    if run.status is not RunStatus.COMPLETED:
        return f"Parity: yesterday could not be compared ({run.run_id})"
    try:
        report = ParityReport.model_validate(run.report)
    except (ValueError, AppError):
        return ""
    return f"Parity of {report.period_start:%a}: {headline(report)}"
