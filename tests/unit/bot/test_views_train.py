"""How a training reads in the chat, and the page that is kept of its model."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.keyboards_models import ModelCb
from bot.layout import MESSAGE_LIMIT, units
from bot.reports import report_view
from bot.views_train import training
from flows.model_text import card_page, drift_lines, passing_lines
from pipeline.domain.model import Drift, ScoreShare
from pipeline.domain.report import Interval
from tests.kit.model_cards import a_card, a_training

LONG = "A_setup_whose_author_could_not_stop_before_the_sixty_fourth_char"


def buttons(view):
    return [b for row in view.keyboard.inline_keyboard for b in row] if view.keyboard else []


def test_the_verdict_comes_first_then_what_it_learnt_from():
    card = a_card(promoted=False)
    view = training(a_training(card, results_summary={"previous": "v1.0"}))
    lines = view.text.split("\n")
    assert lines[0] == card.sentence
    assert lines[1] == "The model in use stays: signal_classifier v1.0, not v2.0"
    for part in (
        "Learnt from 1,430 signals, 2024-01-02 – 2025-05-16: 39% reached the target",
        "Judged on 420 signals, 2025-05-18 – 2025-10-31: 40% reached the target",
        "Setups: Frank_raid_v1, IB_raid_v1, Asia_fvg_break_v2",
        "ROC-AUC 0.648 (0.600 to 0.697)",
        "AUC against v1.0 (0.572): +0.041, chance may explain it",
        "✗ AUC better by 0.012; more than 0.020 is needed.",
        "✓ 420 signals to judge on; 300 are needed.",
        "Break-even score 0.34: below it a signal earns nothing.",
        "spread_points: PSI 0.31, chance reaches 0.12",
    ):
        assert part in lines, part
    folded = [e for e in view.entities if e.type == "expandable_blockquote"]
    assert len(folded) == 1
    said = view.text.encode("utf-16-le")[2 * folded[0].offset :].decode("utf-16-le")
    assert said.startswith("✗ AUC better")


def test_each_outcome_has_its_buttons():
    kept = training(a_training(a_card(), results_summary={"previous": "v1.0"}))
    assert [b.text for b in buttons(kept)] == ["Promote v2.0", "Shadow v2.0"]
    first = ModelCb.unpack(buttons(kept)[0].callback_data)
    assert (first.do, first.version, first.was) == ("promote", "v2.0", "v1.0")
    new = training(a_training(a_card(promoted=True), results_summary={"previous": "v1.0"}))
    (back,) = buttons(new)
    assert back.text == "Roll back to v1.0"
    found = ModelCb.unpack(back.callback_data)
    assert (found.do, found.version, found.was) == ("back", "v1.0", "v2.0")
    only = training(a_training(a_card(promoted=True)))
    assert [b.text for b in buttons(only)] == ["Roll back to rules alone"]
    assert training(a_training(None)).keyboard is None


def test_a_skipped_training_says_what_is_missing_and_the_line_to_type():
    line = "/label Frank_raid_v1 EURUSD M1 2024-01-01..2024-12-31"
    view = training(a_training(None, results_summary={"label_command": line}))
    assert "240 of 500 are there, 260 are missing" in view.text
    assert line in view.text
    code = next(e for e in view.entities if e.type == "code" and e.length == len(line))
    assert view.text[code.offset : code.offset + code.length] == line
    assert "/import" in training(a_training(None)).text


@given(st.integers(0, 10**6), st.sampled_from([0, 1, 2, 40, 900]), st.booleans(), st.booleans())
def test_any_training_reads_whole(seed, n, promoted, one_class):
    card = a_card(seed, n, promoted=promoted, one_class=one_class)
    view = report_view(a_training(card).model_dump(mode="json"))
    assert units(view.text) <= MESSAGE_LIMIT
    assert "nan" not in view.text.lower()
    assert "None" not in view.text
    assert "shortened" not in view.text
    assert all(len((b.callback_data or "").encode()) <= 64 for b in buttons(view))


def test_many_long_names_still_fit():
    names = tuple(f"{LONG[:-3]}{i:03}" for i in range(300))
    view = training(a_training(a_card(setups=names, symbols=names)))
    assert units(view.text) <= MESSAGE_LIMIT
    assert "✗ AUC better" in view.text
    assert buttons(view)


@pytest.mark.parametrize(
    ("share", "wanted"),
    [
        (ScoreShare(threshold=0.6, passed=0, share=0.0, promised=None, achieved=None,
                    expectancy_r=None, expectancy_all_r=-0.1),
         ["0 of 420 signals (0.0%) would have passed a score of 0.6.",
          "With this model in use hardly any signal would be approved."]),
        (ScoreShare(threshold=0.6, passed=17, share=17 / 420, promised=0.64,
                    achieved=Interval(value=0.55, low=0.31, high=0.78), expectancy_r=0.649,
                    expectancy_all_r=-0.004),
         ["17 of 420 signals (4.0%) would have passed a score of 0.6.",
          "Promised 64% at the target, achieved 55% (31% to 78%); +0.65 R each, all signals +0.00 R."]),
    ],
)  # fmt: skip
def test_what_passing_would_have_meant(share, wanted):
    card = a_card().model_copy(update={"passing": share, "break_even": None})
    assert passing_lines(card) == wanted
    assert passing_lines(card.model_copy(update={"passing": None})) == []


def test_drift_is_told_where_chance_does_not_explain_it():
    still = a_card().model_copy(update={"drift": (Drift(feature="a", psi=0.1, limit=0.1),)})
    assert drift_lines(still) == ["No feature has moved more than chance explains."]
    assert drift_lines(still.model_copy(update={"drift": ()})) == []


def test_the_page_needs_nothing_else_and_says_all():
    card = a_card().model_copy(update={"sentence": "Worse than <b>v1.0</b> & so on."})
    page = card_page(card, [b"\x89PNG one"]).decode()
    assert "Worse than &lt;b&gt;v1.0&lt;/b&gt; &amp; so on." in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "data:image/png;base64,iVBORyBvbmU=" in page
    for part in (*card.manifest.setups, card.manifest.data_fingerprint, "ROC-AUC", "n_estimators"):
        assert part in page, part
    for name, size in card.contributions:
        assert f"<th>{name}</th><td>{size:.4f}</td>" in page
    assert card_page(card) == card_page(card)
