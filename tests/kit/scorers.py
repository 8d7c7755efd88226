"""A model so plain that one can work its scores out by hand, for what happens around a score."""

import math
from datetime import timedelta

from storage.model_ports import StoredModel
from tests.kit.models import a_model

FEATURES = {"range_atr": 1.0, "hour": 9.0}


class Plain:
    """Scores by the first feature alone: p = 1 / (1 + exp(-slope · range_atr))."""

    def __init__(self, stored: StoredModel) -> None:
        self.slope = float(stored.trees)

    def score(self, features) -> float:
        return 1 / (1 + math.exp(-self.slope * features["range_atr"]))

    def contributions(self, features) -> dict[str, float]:
        return {"hour": 0.0, "range_atr": self.slope * features["range_atr"]}


async def deployed(services, champion="", challenger="", *, ab=False, **slopes: float):
    """Keep the versions that aren't kept yet, and put these to use; slopes by version as v1=0.5."""
    registry, now = services.models, services.clock()
    model_id = "signal_classifier"
    kept = {row.version for row in await registry.versions(model_id)}
    for version in filter(None, (champion, challenger)):
        if version not in kept:
            slope = slopes.get(version.split(".")[0], 1.0)
            await registry.put(
                a_model(version, trees=str(slope), created_at=now - timedelta(days=1)), None, now
            )
    before = await registry.standing(model_id)
    standing = before.model_copy(
        update={
            "champion": champion, "challenger": challenger, "ab": ab, "changed_at": now,
            "previous": before.champion, "changed_by": "test",
        }
    )  # fmt: skip
    assert await registry.change(standing, before)
