"""How sweeps, walk-forwards and batches read in the chat: whole, and within Telegram's limits."""

import pytest

from bot.layout import MESSAGE_LIMIT, units
from bot.reports import report_view
from pipeline.domain.trial import Pbo, Standing
from tests.unit.pipeline.render.test_research_pictures import batch_of, sweep_of, walk_of

PBO = Pbo(pbo=0.62, loss=0.5, slope=-0.2, variants=12, days=200, blocks=16, splits=12870)


def shown(report):
    view = report_view(report.model_dump(mode="json"))
    assert units(view.text) <= MESSAGE_LIMIT
    assert view.keyboard is not None
    return view.text


def test_a_sweep_tells_plateau_best_tries_and_that_it_is_in_sample():
    report, lines = sweep_of((4, 5), 3)
    place = Standing(number=3, tried=1043, sharpe=0.1, luckiest=0.2, deflated=0.03)
    failed = lines[1].model_copy(update={"error": "window must start before it ends"})
    text = shown(
        report.model_copy(
            update={"pbo": PBO, "standing": place, "failures": (failed,), "warnings": ("Look.",)}
        )
    )
    assert f"Stable plateau\n{report.chosen.label}" in text
    assert report.best.label in text
    assert "1,043 variants of this idea tried so far." in text
    assert "Deflated Sharpe ratio of the chosen one 3%: luck explains it." in text
    assert "PBO) 62%: picking the best of these was no better than drawing one." in text
    assert "in sample" in text
    assert "window must start before it ends" in text
    assert "• Look." in text


def test_a_sweep_without_a_choice_says_so():
    report, _ = sweep_of((2, 2))
    nothing = {"plateau": None, "chosen": None, "best": None, "own": None}
    assert "No variant has enough trades" in shown(report.model_copy(update=nothing))


def test_synthetic_bars_are_told_loudly():
    report, _ = sweep_of((2, 2), synthetic=True)
    assert "SYNTHETIC" in shown(report)


def test_a_walk_forward_tells_outside_first_and_every_window():
    report, _ = walk_of((3,), 1)
    text = shown(report.model_copy(update={"pbo": PBO.model_copy(update={"pbo": 0.1})}))
    assert text.index("Out of sample") < text.index("In sample the choices promised +0.21 R")
    for window in report.windows:
        assert str(window.window.split) in text
    assert "PBO) 10%: how often" in text


@pytest.mark.parametrize("size", [(1, 1, 1), (4, 10, 10)])
def test_a_batch_lists_tests_and_failures(size):
    report = batch_of(*size, seed=4)
    text = shown(report)
    failed = [t for t in report.tests if t.error]
    assert f"{len(report.tests)} test" in text.replace(",", "")
    assert (f"{len(failed)} failed" in text) == bool(failed)
