"""Real trees from the registry on disk: the same scores as in training, and damage never scores."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from flows import control
from flows.scoring import ScoreDesk
from flows.services import open_services
from flows.settings import Settings
from pipeline.domain.request import Actor, Channel, RunStatus
from pipeline.domain.training import Hyperparams
from pipeline.domain.watch import LiveRules
from pipeline.ml.features import FEATURES
from pipeline.ml.scoring import Scorer
from pipeline.ml.training import Naming, train
from storage.model_ports import StoredModel
from tests.kit.labelled import dataset
from tests.kit.plain_services import plain_services

OWNER = 9
CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
REPLAYED = "/live replay EURUSD 2025-05-06..2025-05-16 max Asia_sweep_engulf_v1 M5 confidence=0"
FEW = Hyperparams(n_estimators=20, max_depth=3, cross_validation_folds=3)
DATA = dataset(n=700, features=6, signal=1.0)


@pytest.fixture(scope="module")
def trained():
    def made(version, now):
        found = train(DATA, FEW, None, np.random.default_rng(1), now, Naming(version=version))
        return StoredModel(found.manifest, found.trees)

    return made


@pytest.fixture
async def services(tmp_path):
    settings = Settings(_env_file=None, scout_home=tmp_path, owner_ids=(OWNER,))
    async with open_services(settings, computes=False) as given:
        yield given


async def kept(services, stored):
    await services.models.put(stored, None, services.clock())
    before = await services.models.standing(stored.manifest.model_id)
    after = before.model_copy(
        update={
            "champion": stored.manifest.version,
            "previous": before.champion,
            "changed_at": services.clock(),
        }
    )
    assert await services.models.change(after, before)


async def test_the_desk_gives_the_scores_of_the_training_and_what_moved_them(services, trained):
    stored = trained("v1.0", services.clock())
    await kept(services, stored)
    desk = ScoreDesk(services)
    await desk.look()
    scorer = Scorer.of(stored.manifest, stored.trees)
    for row in DATA.x[:50]:
        vector = dict(zip(DATA.features, row.tolist(), strict=True))
        said = desk.score(vector)
        assert said.ml_score == scorer.scores(row[None, :])[0]
        assert said.scores == {"v1.0": said.ml_score}
        odds = scorer.base + sum(said.contributions.values())
        assert 1 / (1 + np.exp(-odds)) == pytest.approx(said.ml_score)


async def test_a_damaged_file_leaves_the_champion_before_it_in_use(services, trained, tmp_path):
    now = services.clock()
    await kept(services, trained("v1.0", now - timedelta(days=1)))
    desk = ScoreDesk(services)
    await desk.look()
    await kept(services, trained("v2.0", now))
    (trees,) = (tmp_path / "models" / "signal_classifier" / "v2.0").glob("*.txt")
    trees.write_text(trees.read_text()[:-200])
    for given in (desk, ScoreDesk(services)):
        await given.look()
        assert given.versions == ("v1.0",)
    (told,) = await services.outbox.claim(now, lease=timedelta(minutes=1))
    assert told.chat_id == OWNER
    assert "v2.0" in told.payload["text"]
    assert "stays in use" in told.payload["text"]


async def test_a_replay_scores_its_signals_as_training_would(tmp_path):
    """Every alert of a replay has the score that the trees give its own kept vector."""
    async with plain_services(tmp_path, scan_processes=0) as services:
        await services.watches.put_rules(LiveRules(cooldown_minutes=0), services.clock())
        data = replace(dataset(n=700, features=len(FEATURES), signal=1.0), features=FEATURES)
        found = train(data, FEW, None, np.random.default_rng(1), services.clock(), Naming())
        stored = StoredModel(found.manifest, found.trees)
        await kept(services, stored)
        run = await control.launch_text(REPLAYED, CHAT, services)
        await services.launcher.wait(run.run_id)
        run = await services.runs.get(run.run_id)
        assert run.status is RunStatus.COMPLETED, run.error
        rows = await services.signals.newest(1000, run.run_id)
    scorer = Scorer.of(stored.manifest, stored.trees)
    assert len(rows) > 3
    for row in rows:
        assert row.model == "v1.0"
        if row.features is None:
            assert row.ml_score is None
            continue
        assert row.ml_score == row.scores["v1.0"] == scorer.score(row.features)
        added = scorer.contributions(row.features)
        assert row.contributions
        assert all(added[name] == value for name, value in row.contributions.items())
    assert any(row.ml_score is not None for row in rows)
    assert "model v1.0" in " ".join(run.report["warnings"]).lower()
