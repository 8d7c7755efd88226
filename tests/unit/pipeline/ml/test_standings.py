"""Which version is in use next: rules of one change, and of any sequence of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import RequestError
from pipeline.domain.model import ModelStanding
from pipeline.ml.standings import objection, promoted, rolled_back, shadowed, switched
from tests.kit.models import a_verdict

NONE = ModelStanding(model_id="m")


def standing(champion="", challenger="", previous="", *, ab=False):
    return ModelStanding(
        model_id="m", champion=champion, challenger=challenger, previous=previous, ab=ab
    )


def test_the_gate_must_have_said_yes_against_the_champion_of_now():
    passed = a_verdict()
    assert objection(NONE, "v1.0", passed) == ""
    assert objection(standing("v1.0"), "v2.0", passed.model_copy(update={"against": "v1.0"})) == ""
    assert "never judged" in objection(NONE, "v1.0", None)
    assert objection(NONE, "v1.0", a_verdict(promoted=False)) == (
        "The gate turned v1.0 down. AUC 0.610, chance 0.500: 0.110 more, 0.020 are needed."
    )
    assert objection(standing("v2.0"), "v3.0", passed) == (
        "v3.0 was judged against chance, but v2.0 is in use now."
    )
    stale = passed.model_copy(update={"against": "v1.0"})
    assert objection(NONE, "v3.0", stale) == (
        "v3.0 was judged against v1.0, but no model is in use now."
    )


def test_promoting():
    assert promoted(NONE, "v1.0") == standing("v1.0")
    assert promoted(standing("v1.0", "v3.0", ab=True), "v2.0") == standing(
        "v2.0", "v3.0", "v1.0", ab=True
    )
    assert promoted(standing("v1.0", "v2.0", ab=True), "v2.0") == standing("v2.0", "", "v1.0")
    same = standing("v2.0", "v3.0", "v1.0", ab=True)
    assert promoted(same, "v2.0") == same


def test_shadow_and_comparison():
    assert shadowed(standing("v1.0"), "v2.0") == standing("v1.0", "v2.0", ab=True)
    assert shadowed(standing("v1.0", "v2.0"), "v3.0") == standing("v1.0", "v3.0", ab=True)
    with pytest.raises(RequestError, match="scores every signal already"):
        shadowed(standing("v1.0"), "v1.0")
    assert switched(standing("v1.0", "v2.0", ab=True), on=False) == standing("v1.0", "v2.0")
    assert switched(standing("v1.0", "v2.0"), on=True) == standing("v1.0", "v2.0", ab=True)
    assert switched(NONE, on=False) == NONE
    with pytest.raises(RequestError, match="no challenger"):
        switched(standing("v1.0"), on=True)


def test_rolling_back_step_by_step_to_none():
    history = [NONE]
    for version in ("v1.0", "v2.0", "v3.0"):
        history.append(promoted(history[-1], version))
    now, gone = history[-1], []
    while now.champion:
        now = rolled_back(now, history[::-1])
        history.append(now)
        gone.append(now.champion)
    assert gone == ["v2.0", "v1.0", ""]
    with pytest.raises(RequestError, match="nothing to roll back"):
        rolled_back(now, history[::-1])


def test_rolling_back_to_a_named_one():
    history = [standing("v3.0", "", "v2.0"), standing("v2.0", "", "v1.0"), standing("v1.0")]
    now = history[0]
    assert rolled_back(now, history, "v1.0") == standing("v1.0")
    assert rolled_back(now, history, "v2.0") == standing("v2.0", "", "v1.0")
    assert rolled_back(now, history, "") == NONE
    assert rolled_back(now, history, "v3.0") == now
    assert rolled_back(NONE, history, "") == NONE
    with pytest.raises(RequestError, match=r"v9\.0 was never in use"):
        rolled_back(now, history, "v9.0")


def test_a_challenger_that_becomes_champion_again_has_no_shadow():
    history = [standing("v2.0", "v1.0", "v1.0", ab=True), standing("v1.0")]
    assert rolled_back(history[0], history) == standing("v1.0")
    other = standing("v2.0", "v3.0", "v1.0", ab=True)
    assert rolled_back(other, history) == standing("v1.0", "v3.0", ab=True)


STEPS = st.lists(
    st.tuples(st.sampled_from(["promote", "shadow", "off", "back"]), st.integers(1, 5)),
    max_size=25,
)


@given(STEPS)
def test_after_any_steps_a_standing_makes_sense(steps):
    now, history = NONE, []
    for what, number in steps:
        version = f"v{number}.0"
        before = now
        try:
            match what:
                case "promote":
                    now = promoted(now, version)
                    assert now.champion == version
                case "shadow":
                    now = shadowed(now, version)
                case "off":
                    now = switched(now, on=False)
                case _:
                    now = rolled_back(now, history)
                    assert now.champion == before.previous
        except RequestError:
            continue
        history.insert(0, now)
        champions = {past.champion for past in history}
        assert now.challenger != now.champion or not now.champion
        assert now.previous in champions | {""}
        assert now.challenger or not now.ab


@given(STEPS)
def test_going_back_ends(steps):
    now, history = NONE, []
    for _, number in steps:
        now = promoted(now, f"v{number}.0")
        history.insert(0, now)
    for _ in range(len(history)):
        if not now.champion:
            break
        now = rolled_back(now, history)
        history.insert(0, now)
    assert now.champion == ""


def test_what_was_left_by_a_roll_back_can_be_named_again():
    history = [standing("v1.0"), standing("v2.0", "", "v1.0"), standing("v1.0")]
    assert rolled_back(standing("v1.0"), history, "v2.0") == standing("v2.0", "", "v1.0")


def test_two_that_took_turns_are_not_gone_to_and_fro():
    history = [NONE]
    for version in ("v1.0", "v2.0", "v1.0"):
        history.insert(0, promoted(history[0], version))
    history.insert(0, rolled_back(history[0], history))
    assert history[0] == standing("v2.0")
    assert rolled_back(history[0], history) == NONE


def test_a_damaged_champion_that_was_passed_over_is_never_gone_back_to():
    history = [standing("v3.0", "", "v1.0"), standing("v2.0", "", "v1.0"), standing("v1.0")]
    back = rolled_back(history[0], history)
    assert back == standing("v1.0")
    assert rolled_back(back, [back, *history]) == NONE
