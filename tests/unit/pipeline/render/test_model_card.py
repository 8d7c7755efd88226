"""The pictures of a model card: tidy at any size, same card same bytes, gaps said."""

from io import BytesIO

import pytest
from matplotlib.lines import Line2D
from PIL import Image

from pipeline.backtest.metrics import wilson
from pipeline.domain.errors import BadRequestError
from pipeline.render.model_card import CAPTIONS, model_pictures
from pipeline.render.model_curves import draw_curves
from pipeline.render.model_parts import draw_parts
from pipeline.render.model_reliability import draw_reliability
from pipeline.render.number_axes import range_around
from pipeline.render.theme import TV_DARK, TV_LIGHT
from tests.kit.model_cards import a_card
from tests.kit.tidy import assert_tidy, words_of

LONG = "A_setup_whose_author_could_not_stop_before_the_sixty_fourth_char"
MANY = tuple(f"Setup_number_{i}_v1" for i in range(40))
VERDICT = (
    "Not promoted against champion v10.0, as it ranks signals no better by more than 0.02 and its "
    "gain may well be chance and its probabilities are worse: on 420 unseen signals a winner scored "
    "above a loser in 57% of pairs (52%–62%; a coin has 50 %); its score can't be told from a coin's."
)
DRAWN = (draw_reliability, draw_curves, draw_parts)
CASES = {
    "usual": a_card(promoted=True),
    "poor": a_card(2, 300, skill=0.05),
    "sharp": a_card(3, 5000, skill=2.0, base=0.5),
    "few": a_card(4, 3),
    "two": a_card(1, 2),
    "none": a_card(5, 0),
    "one class": a_card(6, 80, one_class=True),
    "rare": a_card(7, 900, base=0.03),
    "frequent": a_card(7, 900, base=0.97),
    "many slices": a_card(8, 900, setups=MANY, symbols=MANY),
    "no histogram": a_card(10).model_copy(update={"histogram": ()}),
    "all alike": a_card(10, 300).model_copy(
        update={
            "reliability": ((0.42, 0.4, 300),),
            "histogram": ((0.4, 0.45, 300),),
            "roc": ((0.0, 0.0), (1.0, 1.0)),
            "precision_recall": ((1.0, 0.4),),
            "contributions": (("range_atr", 0.0),),
        }
    ),
    "long verdict": a_card(10).model_copy(update={"sentence": VERDICT}),
    "long names": a_card(9, 12_000, setups=(LONG,), symbols=()),
}


def texts(canvas):
    return [text for text, _, _ in words_of(canvas)]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("draw", DRAWN)
def test_pictures_are_tidy(draw, name):
    card = CASES[name]
    for theme in (TV_DARK, TV_LIGHT):
        assert_tidy(draw(card, theme))


@pytest.mark.parametrize("where", [0.0, 0.05, 0.3, 0.55, 0.59, 0.6, 0.63, 0.97, 1.0])
def test_marks_keep_clear_of_each_other(where):
    card = CASES["usual"].model_copy(update={"break_even": where})
    canvas = draw_reliability(card, TV_DARK)
    assert_tidy(canvas)
    assert f"break-even {where:.2f}" in texts(canvas)


def test_marks_are_the_cards_own():
    card = CASES["usual"]
    canvas = draw_reliability(card, TV_DARK)
    assert {"passes at 0.6", "break-even 0.34"} <= set(texts(canvas))
    plain = draw_reliability(card.model_copy(update={"break_even": None}), TV_DARK)
    assert not [text for text in texts(plain) if text.startswith("break-even")]


def test_figures_are_the_cards_own():
    card = CASES["usual"]
    said = texts(draw_curves(card, TV_DARK))
    auc = card.manifest.metrics.roc_auc
    assert f"{auc.value:.3f}" in said
    assert f"{auc.low:.3f} to {auc.high:.3f}" in said
    assert f"{card.manifest.metrics.positives / 420:.0%}" in said
    parts = texts(draw_parts(card, TV_DARK))
    for name, size in card.contributions[:15]:
        assert f"{size:.3f}" in parts, name
    assert card.contributions[15][0] not in parts
    assert all(part.name in parts for part in (*card.by_setup, *card.by_symbol))


def test_a_long_verdict_is_said_whole():
    for draw in DRAWN:
        said = " ".join(texts(draw(CASES["long verdict"], TV_DARK)))
        assert VERDICT in said


def test_what_is_missing_is_said():
    assert "No scores to compare with outcomes." in texts(draw_reliability(CASES["none"], TV_DARK))
    said = texts(draw_curves(CASES["one class"], TV_DARK))
    assert "Only one kind of outcome: no curve, no AUC." in said
    assert said.count("–") == 6
    empty = CASES["usual"].model_copy(
        update={"contributions": (), "by_setup": (), "by_symbol": ()}
    )
    canvas = draw_parts(empty, TV_DARK)
    assert "No feature moves the score." in texts(canvas)
    assert_tidy(canvas)
    assert "… and" in " ".join(texts(draw_parts(CASES["many slices"], TV_DARK)))


def test_whiskers_are_wilsons_bounds():
    card = CASES["usual"]
    canvas = draw_reliability(card, TV_DARK)
    drawn = [line.get_ydata() for line in canvas.figure.findobj(Line2D)]
    for _, share, n in card.reliability:
        held = wilson(round(share * n), n)
        wanted = [856 - bound * (856 - 290) for bound in (held.low, held.high)]
        assert any(list(ends) == pytest.approx(wanted) for ends in drawn)


@pytest.mark.parametrize("theme", ["tv_dark", "tv_light"])
def test_size_and_same_bytes(theme):
    one, two = ([p.png for p in model_pictures(CASES["usual"], theme=theme)] for _ in range(2))
    assert one == two
    assert len(one) == len(CAPTIONS) == 3
    assert {Image.open(BytesIO(png)).size for png in one} == {(1080, 1350)}


def test_an_unknown_theme_is_refused():
    with pytest.raises(BadRequestError, match="tv_dark"):
        model_pictures(CASES["usual"], theme="pink")


@pytest.mark.parametrize(
    ("values", "wanted"),
    [([], (0, 1)), ([0.5], (0.4, 0.6)), ([0.31, 0.6], (0.2, 0.7)), ([0.0], (0, 0.2)),
     ([1.0, 0.99], (0.8, 1.0)), ([0.0, 1.0], (0, 1))],
)  # fmt: skip
def test_the_range_holds_the_values(values, wanted):
    low, high = range_around(values)
    assert (low, high) == pytest.approx(wanted)
    assert all(low <= value <= high for value in values)
