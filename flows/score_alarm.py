"""The daily look whether the champion's live scores keep what its training promised."""

from datetime import UTC, datetime

import numpy as np

from flows.model_notices import tell_owners
from flows.scored import day_number, ended_with_scores, reached
from flows.services import Services
from pipeline.domain.errors import ModelRefusedError
from pipeline.domain.model import ModelManifest, ModelStanding
from pipeline.domain.training import SIGNAL_CLASSIFIER
from pipeline.ml.alarm import FALSE_ALARM, Alarm, Outcomes, alarm_of
from storage.telemetry import get_logger

log = get_logger(__name__)
_KEY = "model:alarm"


async def watch_scores(services: Services, now: datetime) -> int:
    """Look at the champion's live outcomes once a UTC day; return how many owners were told.

    Of a version that does worse than promised they are told once.
    """
    day = now.astimezone(UTC).date().isoformat()
    kept = await services.chats.recall(_KEY) or {}
    if kept.get("day") == day:
        return 0
    told = 0
    standing = await services.models.standing(SIGNAL_CLASSIFIER)
    if standing.champion:
        told = await _look(standing, services)
    await services.chats.remember(_KEY, {"day": day}, now)
    return told


async def _look(standing: ModelStanding, services: Services) -> int:
    version = standing.champion
    try:
        manifest = (await services.models.get(SIGNAL_CLASSIFIER, version)).manifest
    except ModelRefusedError as error:
        log.warning("model_not_watched", version=version, error=error.user_text)
        return 0
    found = await alarm_now(manifest, services)
    log.info(
        "scores_watched", version=version, outcomes=found.outcomes, brier=found.brier,
        promised=found.promised, evidence=round(found.evidence, 3), raised=found.raised,
    )  # fmt: skip
    if not found.raised:
        return 0
    return await tell_owners(
        alarm_words(version, found),
        f"alarm:{manifest.model_id}:{version}",
        services,
        standing=standing,
    )


async def alarm_now(manifest: ModelManifest, services: Services) -> Alarm:
    """Hold a version's live outcomes so far against what it promised."""
    records = await ended_with_scores(
        (manifest.version,), manifest.created_at, services.clock(), services
    )
    outcomes = Outcomes(
        np.asarray([r.scores[manifest.version] for r in records], dtype=np.float64),
        np.asarray([reached(r) for r in records], dtype=np.float64),
        np.asarray([day_number(r) for r in records], dtype=np.int64),
    )
    return alarm_of(outcomes, manifest.metrics.brier)


def alarm_words(version: str, found: Alarm) -> str:
    """Tell what a model promised and what came of it."""
    promised = "" if found.promised is None else f" (promised: {found.promised:.3f})"
    return (
        f"⚠ Model {version} scores worse live than it promised.\n"
        f"{found.outcomes} ended signals on {found.days} days: Brier {found.brier or 0:.3f}"
        f"{promised}; it gave them {found.mean_score or 0:.2f} on average, "
        f"{found.share_reached or 0:.2f} reached the target.\n"
        f"Of models that keep their promise {100 * FALSE_ALARM:.0f} in 100 are ever called worse. "
        "It stays in use until you roll it back, below or with /models."
    )
