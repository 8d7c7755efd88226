"""The alarm of the night: vectors that live used and that come out otherwise afterwards."""

from flows.owners import notify_owners
from flows.services import Services
from pipeline.domain.request import Channel, Run
from pipeline.live.certificate import ParityReport
from pipeline.live.feature_parity import VectorDiffers, VectorsCompared
from storage.telemetry import get_logger

log = get_logger(__name__)


async def alarm_features(report: ParityReport, run: Run, services: Services) -> int:
    """Log each vector that differs, and after the nightly comparison owe the owners one line.

    Whoever asked for a comparison reads the line in its report. Returns how many were told.
    """
    for one in report.features.differences:
        log.error("features_differ", run_id=run.run_id, **one.model_dump(mode="json"))
    line = features_line(report.features)
    if run.actor.channel is not Channel.SCHEDULE or not report.features.differences:
        return 0
    text = f"{line} {report.period_start:%a %Y-%m-%d}"
    return await notify_owners({"text": text}, f"features:{run.run_id}:{run.attempt}", services)


def features_line(compared: VectorsCompared) -> str:
    """Return what is wrong with the vectors, in one line; "": nothing is."""
    if not compared.differences:
        return ""
    first = compared.differences[0]
    return (
        f"Features: {len(compared.differences)} of {compared.vectors} come out otherwise from the "
        f"bars as seen; {_words(first)}. Scores may mislead: please report this."
    )


def _words(one: VectorDiffers) -> str:
    live, again = (f"{v:.6g}" if v is not None else "none" for v in (one.live, one.again))
    name = f"{one.signal_id} {one.symbol} {one.tf}"
    return f"{name}: {one.feature} was {live}, is {again} ({one.features} differ)"
