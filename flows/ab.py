"""Champion and challenger side by side on live signals that both scored; nothing is promoted."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from flows import ab_compute as compute
from flows.model_notices import tell_owners
from flows.scored import day_number, ended_with_scores, reached
from flows.services import Services
from pipeline.domain.errors import ModelRefusedError
from pipeline.domain.model import ModelStanding
from pipeline.domain.training import SIGNAL_CLASSIFIER
from pipeline.ml.paired import Difference, PairedComparison, Pairs
from storage.telemetry import get_logger

log = get_logger(__name__)
ENOUGH = 100
"""Outcomes from which on a difference is told; below, chance says nearly all."""
_KEY = "ab:week"


@dataclass(frozen=True)
class AbReport:
    """How the comparison stands; `comparison` is None below `ENOUGH` outcomes."""

    standing: ModelStanding
    outcomes: int = 0
    comparison: PairedComparison | None = None

    @property
    def runs(self) -> bool:
        """Whether live signals are scored by both now."""
        s = self.standing
        return bool(s.ab and s.champion and s.challenger)


async def ab_report(services: Services, model_id: str = SIGNAL_CLASSIFIER) -> AbReport:
    """Compare champion and challenger on the live signals that both scored and that have ended."""
    standing = await services.models.standing(model_id)
    if not (standing.champion and standing.challenger):
        return AbReport(standing)
    now, pair = services.clock(), (standing.champion, standing.challenger)
    since = await _born(pair, model_id, services)
    records = await ended_with_scores(pair, since, now, services) if since is not None else []
    if len(records) < ENOUGH:
        return AbReport(standing, len(records))
    pairs = Pairs(
        np.asarray([reached(r) for r in records], dtype=np.float64),
        np.asarray([r.scores[standing.champion] for r in records], dtype=np.float64),
        np.asarray([r.scores[standing.challenger] for r in records], dtype=np.float64),
        np.asarray([day_number(r) for r in records], dtype=np.int64),
    )
    found = await services.cpu.run(compute.compare, pairs)
    return AbReport(standing, len(records), found)


async def _born(pair: tuple[str, str], model_id: str, services: Services) -> datetime | None:
    """Return when the younger was made: before that nothing was scored by both."""
    try:
        kept = [await services.models.get(model_id, version) for version in pair]
    except ModelRefusedError as error:
        log.warning("ab_not_compared", error=error.user_text)
        return None
    return max(model.manifest.created_at for model in kept)


def ab_lines(report: AbReport) -> tuple[str, ...]:
    """Return the comparison in words, one line for each thing."""
    s = report.standing
    if not (s.champion and s.challenger):
        missing = "challenger" if s.champion else "champion"
        return (f"There is no {missing}, so nothing is compared. /models shows what there is.",)
    head = f"Champion {s.champion}, challenger {s.challenger}: " + (
        "both score every live signal, the champion alone decides." if report.runs
        else "not compared now; /ab on begins."
    )  # fmt: skip
    return head, *figure_lines(report)


def figure_lines(report: AbReport) -> tuple[str, ...]:
    """Return how both did so far; nothing where there are not two to compare."""
    s, found = report.standing, report.comparison
    if not (s.champion and s.challenger):
        return ()
    if found is None:
        return (f"{report.outcomes} of {ENOUGH} outcomes are in: too few to say more.",)
    counted = (
        f"{found.rows} ended signals on {found.days} days, {found.positives} reached the target."
    )
    verdict = {
        "challenger": "By every figure the challenger was better, beyond chance.",
        "champion": "By every figure the champion was better, beyond chance.",
        "": "Not clearly one or the other.",
    }[found.better]
    lines = [_line(d) for d in found.differences]
    return (counted, *lines, f"{verdict} Nothing changes by itself: /models.")


def _line(d: Difference) -> str:
    if d.champion is None or d.challenger is None or d.gain is None:
        return f"{d.name}: not known, all ended alike"
    better = f"challenger better by {d.gain.value:+.3f} ({d.gain.low:+.3f} to {d.gain.high:+.3f})"
    return f"{d.name}: {d.champion:.3f} and {d.challenger:.3f}, {better}".replace("-", "−")


async def send_ab_reports(services: Services, now: datetime) -> int:
    """Tell owners how the comparison stands, once a week, from `ENOUGH` outcomes on."""
    local = now.astimezone(ZoneInfo(services.settings.timezone))
    monday = local.date() - timedelta(days=local.weekday())
    kept = await services.chats.recall(_KEY) or {}
    if kept.get("week") == monday.isoformat():
        return 0
    told, report = 0, await ab_report(services)
    if report.runs and report.comparison is not None:
        s = report.standing
        text = "\n".join(("A/B of the week", *ab_lines(report)))
        told = await tell_owners(text, f"ab:{s.champion}:{s.challenger}:{monday}", services)
    await services.chats.remember(_KEY, {"week": monday.isoformat()}, now)
    return told
