"""Who scores live signals: taken up within a look, refused and expired models, a silent challenger."""

import asyncio
import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.live_admission import Times, decided
from flows.live_session import ChatWishes, LiveSession
from flows.scan_crew import InlineScanCrew
from flows.scoring import CONTRIBUTIONS, Scored, ScoreDesk
from pipeline.domain.errors import ModelRefusedError, StoreDownError
from pipeline.domain.live import DecisionKind
from storage.model_ports import StoredModel
from tests.kit.deliveries import texts_owed
from tests.kit.live_signals import hand_made
from tests.kit.plain_services import plain_services
from tests.kit.scorers import FEATURES, Plain, deployed

OWNER = 9
HALF = 1 / (1 + math.exp(-0.5))


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path, owner_ids=(OWNER,)) as given:
        yield given


def load(stored):
    if stored.manifest.feature_version != "1":
        raise ModelRefusedError("it learnt from other features")
    return Plain(stored)


def desk_of(services, loader=load):
    return ScoreDesk(services, load=loader)


async def test_without_a_model_there_is_no_score_and_no_word_of_one(services):
    desk = desk_of(services)
    await desk.look()
    assert desk.score(FEATURES) == Scored()
    assert desk.versions == ()


async def test_what_is_promoted_scores_after_the_next_look(services):
    desk = desk_of(services)
    await desk.look()
    await deployed(services, "v1.0", v1=0.5)
    await desk.look()
    first = desk.score(FEATURES)
    assert (first.ml_score, first.model) == (pytest.approx(HALF), "v1.0")
    assert first.contributions == {"range_atr": 0.5}
    await deployed(services, "v2.0", v2=2.0)
    await desk.look()
    assert desk.score(FEATURES).model == "v2.0"
    await deployed(services, "v1.0")
    await desk.look()
    assert desk.score(FEATURES).ml_score == pytest.approx(HALF)
    await deployed(services)
    await desk.look()
    assert desk.score(FEATURES) == Scored()
    assert await texts_owed(services) == []


async def test_what_has_not_changed_is_loaded_once(services):
    loaded = []

    def counted(stored):
        loaded.append(stored.manifest.version)
        return load(stored)

    desk = desk_of(services, counted)
    await deployed(services, "v1.0", "v2.0", ab=True)
    await asyncio.gather(*(desk.look() for _ in range(5)))
    await deployed(services, "v2.0", "v1.0", ab=True)
    await desk.look()
    assert loaded == ["v1.0", "v2.0"]
    assert desk.versions == ("v2.0", "v1.0")


@pytest.mark.parametrize("begun_anew", [False, True])
async def test_a_refused_model_leaves_the_champion_before_it_in_use(services, begun_anew):
    desk = desk_of(services)
    await deployed(services, "v1.0", v1=0.5)
    await desk.look()
    bad = (await services.models.get("signal_classifier", "v1.0")).manifest
    other = bad.model_copy(update={"version": "v2.0", "feature_version": "0", "sha256": ""})
    await services.models.put(StoredModel(other, "1.0"), None, services.clock())
    await deployed(services, "v2.0")
    desk = desk_of(services) if begun_anew else desk
    for _ in range(3):
        await desk.look()
    assert desk.score(FEATURES).model == "v1.0"
    assert await texts_owed(services) == [
        (
            OWNER,
            "It learnt from other features.\nThe model before it stays in use, if there is one. /models shows them all.",
        )
    ]


async def test_refused_with_none_before_it_the_rules_decide_alone_and_say_why(services):
    def never(stored):
        raise ModelRefusedError("model v1.0 is refused: its trees are damaged")

    desk = desk_of(services, never)
    await deployed(services, "v1.0")
    await desk.look()
    said = desk.score(FEATURES)
    assert said.ml_score is None
    assert said.note == "model v1.0 is refused: its trees are damaged"
    assert len(await texts_owed(services)) == 1


async def test_a_model_that_was_taken_out_of_use_does_not_come_back(services):
    desk = desk_of(services)
    await deployed(services, "v1.0")
    await deployed(services)
    bad = (await services.models.get("signal_classifier", "v1.0")).manifest
    other = bad.model_copy(update={"version": "v2.0", "feature_version": "0", "sha256": ""})
    await services.models.put(StoredModel(other, "1.0"), None, services.clock())
    await deployed(services, "v2.0")
    await desk.look()
    assert desk.versions == ()


async def test_a_registry_that_is_down_changes_nothing_and_is_asked_again(services):
    class Down:
        def __init__(self, registry) -> None:
            self.registry, self.down = registry, False

        def __getattr__(self, name):
            if self.down:
                raise StoreDownError("The database does not answer.")
            return getattr(self.registry, name)

    registry = Down(services.models)
    services = replace(services, models=registry)
    await deployed(services, "v1.0")
    desk = desk_of(services)
    await desk.look()
    await deployed(services, "v2.0")
    registry.down = True
    await desk.look()
    assert desk.score(FEATURES).model == "v1.0"
    registry.down = False
    await desk.look()
    assert desk.score(FEATURES).model == "v2.0"


async def test_an_expired_model_is_not_used_alerts_say_so_and_owners_hear_once(services):
    desk = desk_of(services)
    await deployed(services, "v1.0", "v2.0", ab=True)
    await desk.look()
    assert desk.score(FEATURES).ml_score is not None
    services.clock.now += timedelta(days=90)
    said = desk.score(FEATURES)
    assert (said.ml_score, said.model, said.scores) == (None, "", {})
    assert said.note.startswith("model v1.0 expired on 20")
    await desk.look()
    await desk.look()
    ((chat, text),) = await texts_owed(services)
    assert chat == OWNER
    assert "older than 90 days" in text


@pytest.mark.parametrize("vector", [None, {"hour": 1.0}, {"range_atr": math.nan}])
async def test_a_model_that_gives_no_score_leaves_the_decision_to_a_person(services, vector):
    desk = desk_of(services)
    await deployed(services, "v1.0")
    await desk.look()
    said = desk.score(vector)
    assert math.isnan(said.ml_score)
    assert said.fields()["ml_score"] is None
    assert said.note.startswith("model v1.0 gave no score")


async def test_contributions_are_the_largest_ones_in_order(services):
    class Many(Plain):
        def contributions(self, features):
            return {f"f{n}": (-1) ** n * n / 10 for n in range(20)}

    desk = desk_of(services, Many)
    await deployed(services, "v1.0")
    await desk.look()
    sizes = [abs(v) for v in desk.score(FEATURES).contributions.values()]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == CONTRIBUTIONS
    assert sizes[0] == 1.9


async def test_contributions_that_fail_take_no_score_away(services):
    class Odd(Plain):
        def contributions(self, features):
            raise RuntimeError("no")

    desk = desk_of(services, Odd)
    await deployed(services, "v1.0")
    await desk.look()
    said = desk.score(FEATURES)
    assert said.ml_score is not None
    assert said.contributions == {}


@pytest.fixture
async def sessions(services):
    """Two sessions that differ in the challenger alone."""
    made = []
    await deployed(services, "v1.0", "v2.0", ab=True, v1=0.5, v2=3.0)
    for ab in (False, True):
        await deployed(services, "v1.0", "v2.0", ab=ab)
        session = LiveSession(
            services,
            None,
            InlineScanCrew(),
            ChatWishes(services),
            lambda: hand_made().signal.known_at,
        )
        session.score_desk = desk_of(services)
        await session.score_desk.look()
        made.append(session)
    return made


async def test_a_challenger_never_changes_a_decision(sessions):
    alone, both = sessions
    moment = hand_made().receipt.data_at
    seen = set()

    @given(
        st.floats(0, 1),
        st.none()
        | st.fixed_dictionaries({"range_atr": st.floats(-20, 20), "hour": st.floats(0, 24)}),
    )
    def same(confidence, features):
        draft = hand_made(confidence=confidence)
        found = (draft.signal, draft.plan)
        times = Times(moment, moment)
        one = decided(found, alone, "r", times, features)
        two = decided(found, both, "r", times, features)
        assert one.decision == two.decision
        assert (one.ml_score, one.contributions, one.model) == (
            two.ml_score,
            two.contributions,
            two.model,
        )
        assert set(two.scores) == (set() if features is None else {"v1.0", "v2.0"})
        assert one.ml_score is None or two.scores["v1.0"] == one.ml_score
        seen.add(one.decision.decision)

    same()
    assert len(seen) > 1


async def test_the_score_decides_with_the_rules(sessions):
    session = sessions[0]
    draft = hand_made(confidence=0.9)
    times = Times(draft.receipt.data_at, draft.receipt.data_at)

    def kind(range_atr):
        features = {"range_atr": range_atr, "hour": 1.0}
        made = decided((draft.signal, draft.plan), session, "r", times, features)
        return made.decision.decision, made.decision.dominant_source

    assert kind(2.0)[0] is DecisionKind.APPROVED
    assert kind(-2.0) == (DecisionKind.REVIEW_REQUIRED, "ml")
