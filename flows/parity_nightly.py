"""The nightly parity certificate: for days that were scanned, told where something differs."""

from datetime import UTC, datetime, timedelta

from flows.parity_text import VERDICTS, difference_line, headline, what
from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.live import LIVE
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Channel, Run, RunStatus
from pipeline.live.certificate import ParityReport
from pipeline.live.routing import loudness

_DAY = timedelta(days=1)
_LISTED = 10
_LATELY = 100  # runs among which the newest certificate is looked for


async def nothing_scanned(services: Services, now: datetime) -> str:
    """Return why yesterday needs no comparison, or nothing."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    scanned = await services.scans.scans(LIVE, today - _DAY, today, limit=1)
    return "" if scanned else f"nothing was scanned on {today - _DAY:%Y-%m-%d}"


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
