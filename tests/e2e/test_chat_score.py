"""A model in use in the chat: alerts with its score, Inspect with what moved it, its alarm."""

import re
from dataclasses import replace

import numpy as np

from bot.texts import en_train as en
from flows.model_notices import tell_owners
from flows.score_alarm import alarm_words
from pipeline.domain.training import SIGNAL_CLASSIFIER, Hyperparams
from pipeline.ml.alarm import Alarm
from pipeline.ml.features import FEATURES
from pipeline.ml.training import Naming, train
from storage.model_ports import StoredModel
from tests.kit.chat import Chat
from tests.kit.labelled import dataset
from tests.kit.sandbox import buttons_of, text_of

LONG = 90
SCORED = re.compile(r"score 0\.\d\d \(model v1\.0\)")
FEW = Hyperparams(n_estimators=20, max_depth=3, cross_validation_folds=3)


async def in_use(running: Chat, *versions: str) -> None:
    """Keep real models and put them to use one after the other."""
    services = running.services
    data = replace(dataset(n=700, features=len(FEATURES), signal=1.0), features=FEATURES)
    for version in versions:
        now = services.clock()
        found = train(data, FEW, None, np.random.default_rng(1), now, Naming(version=version))
        await services.models.put(StoredModel(found.manifest, found.trees), None, now)
        before = await services.models.standing(SIGNAL_CLASSIFIER)
        change = {"champion": version, "previous": before.champion, "changed_at": now}
        assert await services.models.change(before.model_copy(update=change), before)


async def test_an_alert_has_the_score_and_inspect_what_moved_it(running: Chat):
    me = running.owner
    await in_use(running, "v1.0")
    await me.send(
        "/live replay EURUSD 2025-05-13..2025-05-16 max Asia_sweep_engulf_v1 M5 confidence=0"
    )
    alert = await me.wait_for(
        lambda m: SCORED.search(text_of(m)) and "Inspect" in [b["text"] for b in buttons_of(m)],
        LONG,
    )
    signal_id = re.search(r"sig_live_\d+", text_of(alert))
    record = await running.services.signals.get(signal_id[0])
    assert f"score {record.ml_score:.2f} (model v1.0)" in text_of(alert)
    await me.press(alert, "Inspect")
    words = await me.wait_for(lambda m: "What moved it most (log-odds):" in text_of(m), LONG)
    assert f"Model v1.0: {record.ml_score:.2f}" in text_of(words)
    moved = [line for line in text_of(words).splitlines() if line.startswith(("▲", "▼"))]
    assert len(moved) == len(record.contributions) > 0


async def test_the_alarm_of_a_model_is_rolled_back_by_one_tap(running: Chat):
    me, services = running.owner, running.services
    await in_use(running, "v1.0", "v2.0")
    standing = await services.models.standing(SIGNAL_CLASSIFIER)
    found = Alarm(
        outcomes=80, days=30, brier=0.31, promised=0.22, implied=0.24, mean_score=0.6, share_reached=0.3,
        evidence=4.0, raised=True,
    )  # fmt: skip
    words = alarm_words("v2.0", found)
    assert await tell_owners(words, "alarm:v2.0", services, standing=standing) == 1
    alarm = await me.wait_for(lambda m: "scores worse live" in text_of(m), LONG)
    assert "Brier 0.310 (promised: 0.220)" in text_of(alarm)
    (label,) = [b["text"] for b in buttons_of(alarm)]
    for said in ("Rolled back: v1.0 is in use", en.already("v1.0")):
        answer = await me.answer(await me.press(alarm, label), LONG)
        assert said in answer["text"]
    assert (await services.models.standing(SIGNAL_CLASSIFIER)).champion == "v1.0"
