"""A score in words: under the alert, inspected, and in a replay's summary."""

from datetime import timedelta

import pytest

from bot import views_alert
from flows.replay_scores import score_warnings
from flows.score_text import score_lines
from tests.kit.live_signals import hand_made
from tests.kit.models import NOW
from tests.kit.plain_services import plain_services
from tests.kit.scorers import deployed

DAY = timedelta(days=1)


def scored(**more):
    return hand_made().model_copy(update=more)


SCORED = {
    "ml_score": 0.64, "model": "v2.0", "scores": {"v2.0": 0.64, "v3.0": 0.58},
    "contributions": {"sweep_atr": 0.4, "hour": -0.2, "gap_atr": 0.001},
    "features": {"sweep_atr": 1.4217, "hour": 9.0, "gap_atr": None},
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (SCORED, "Confidence 0.80, score 0.64 (model v2.0)"),
        ({"ml_score": 0.64}, "Confidence 0.80, score 0.64\n"),
        ({}, "Confidence 0.80, no model deployed: the rules alone decided"),
        (
            {"model_note": "model v1.0 expired on 2026-08-01"},
            "Confidence 0.80, model v1.0 expired on 2026-08-01: the rules alone decided",
        ),
        (
            {"model": "v2.0", "model_note": "model v2.0 gave no score"},
            "Confidence 0.80, model v2.0 gave no score\n",
        ),
    ],
)
def test_an_alert_names_the_score_and_who_gave_it(more, said):
    assert said in views_alert.alert(scored(**more), None).text


def test_inspected_every_score_stands_with_its_version_and_what_moved_it():
    assert score_lines(scored(**SCORED)) == [
        "Model v2.0: 0.64",
        "Challenger v3.0: 0.58, which decided nothing",
        "What moved it most (log-odds):",
        "▲ ▇▇▇▇▇▇▇▇▇▇ +0.40 sweep atr (1.422)",
        "▼ ▇▇▇▇▇ −0.20 hour (9)",
        "▲ ▇ +0.00 gap atr (unknown)",
    ]


def test_inspected_without_a_score_the_reason_stands_there():
    assert score_lines(scored()) == ["No model was deployed: the rules alone decided."]
    noted = scored(model="v2.0", model_note="model v2.0 gave no score")
    assert score_lines(noted) == ["Model v2.0 gave no score."]


async def test_a_replay_says_which_model_scored_it_and_whether_it_knew_the_days(tmp_path):
    async with plain_services(tmp_path) as services:
        await deployed(services, "v1.0")
        manifest = (await services.models.get("signal_classifier", "v1.0")).manifest
        records = [scored(model="v1.0"), scored(model="v1.0"), scored()]
        start, end = manifest.training.start, manifest.holdout.end
        for span, part in (
            ((end, end + DAY), "Scored by model v1.0, the one in use now, not then."),
            ((start - DAY, start), "Scored by model v1.0, the one in use now, not then."),
            ((end - DAY, end + DAY), "it has seen these days"),
            ((start - DAY, start + DAY), "it has seen these days"),
        ):
            (said,) = await score_warnings(records, span, services)
            assert part in said
        (gone,) = await score_warnings([scored(model="v7.0")], (NOW, NOW + DAY), services)
        assert gone == "Scored by model v7.0, which is not kept any more."
        assert await score_warnings([scored()], (NOW, NOW + DAY), services) == ()
