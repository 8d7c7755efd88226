"""What a replay says of the models that scored it: they are those of now, not those of then."""

from collections.abc import Sequence
from datetime import datetime

from flows.services import Services
from pipeline.domain.errors import ModelRefusedError
from pipeline.domain.live import LiveSignal
from pipeline.domain.training import SIGNAL_CLASSIFIER


async def score_warnings(
    records: Sequence[LiveSignal], span: tuple[datetime, datetime], services: Services
) -> tuple[str, ...]:
    """Return a line for each model that scored a replay; a stern one where it knew the days."""
    said = []
    for version in dict.fromkeys(r.model for r in records if r.model):
        try:
            manifest = (await services.models.get(SIGNAL_CLASSIFIER, version)).manifest
        except ModelRefusedError:
            said.append(f"Scored by model {version}, which is not kept any more.")
            continue
        learnt, judged = manifest.training.start, manifest.holdout.end
        if span[0] < judged and span[1] > learnt:
            said.append(
                f"Model {version} was made from {learnt:%Y-%m-%d} to {judged:%Y-%m-%d}: it has "
                "seen these days, so its scores look better here than they are."
            )
        else:
            said.append(f"Scored by model {version}, the one in use now, not then.")
    return tuple(said)
