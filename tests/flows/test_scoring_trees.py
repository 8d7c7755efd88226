"""Real trees from the registry on disk: the same scores as in training, and damage never scores."""

from datetime import timedelta

import numpy as np
import pytest
from pipeline.ml.scoring import Scorer
from pipeline.ml.training import Naming, train

from flows.scoring import ScoreDesk
from flows.services import open_services
from flows.settings import Settings
from pipeline.domain.training import Hyperparams
from storage.model_ports import StoredModel
from tests.kit.labelled import dataset

OWNER = 9
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
