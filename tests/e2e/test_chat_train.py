"""A training in the chat: too little at first, then a model in use; a script's JSON; refusals."""

import json

from tests.kit.chat import Chat
from tests.kit.sandbox import text_of
from tests.kit.training import labelled

WAIT = 150


async def test_a_model_is_trained_from_the_chat(running: Chat):
    me, services = running.owner, running.services
    await me.send("/train setup=Frank_raid min_samples=400")
    await me.wait_for(lambda m: "did you mean Frank_raid_v1" in text_of(m), WAIT)
    await me.send("/train")
    told = await me.wait_for(lambda m: "Too few labelled signals" in text_of(m), WAIT)
    assert "500 are missing" in text_of(told)
    assert "/label " in text_of(told)
    await services.labels.put(labelled(1300), services.clock())
    asked = {
        "flow_type": "train_model_flow", "trigger": "manual", "model_type": "signal_classifier",
        "training_data": {"source": "database", "min_samples": 500,
                          "query": "SELECT * FROM labeled_trades WHERE label IS NOT NULL"},
        "hyperparams": {"algorithm": "lightgbm", "n_estimators": 20, "max_depth": 5,
                        "cross_validation_folds": 2},
        "schedule": "weekly_sunday_03:00",
    }  # fmt: skip
    await me.send(f"/train {json.dumps(asked)}")
    told = await me.wait_for(lambda m: "The new model is in use" in text_of(m), WAIT)
    assert "signal_classifier v1.0" in text_of(told)
    standing = await services.models.standing("signal_classifier")
    assert standing.champion == "v1.0"
