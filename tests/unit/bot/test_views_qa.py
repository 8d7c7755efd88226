"""The QA card in the chat: one line in sight, every check in the folded part."""

import pytest
from aiogram.utils.formatting import as_list

from bot import views_qa, views_report
from flows.cli_views import report_lines
from pipeline.domain.qa import Check, QaCard, Verdict
from tests.unit.bot.test_views import accepted, report_of

P, L, F = Verdict.PASSED, Verdict.LOOK, Verdict.FAIL


def card_of(*verdicts: Verdict) -> QaCard:
    return QaCard(
        checks=tuple(
            Check(name=f"c{i}", title=f"Check {i}", verdict=v, figure=str(i), sentence=f"So {i}.")
            for i, v in enumerate(verdicts)
        )
    )


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ((P, P), "Checks: 2 passed"),
        ((P, L, P), "Checks: 2 passed, 1 to look at (check 1)"),
        ((F, L, L), "Checks: 0 passed, 2 to look at (check 1, check 2), 1 failed (check 0)"),
    ],
)
def test_one_line_names_what_did_not_pass(verdicts, words):
    text, entities = as_list(*views_qa.line(card_of(*verdicts))).render()
    assert text == words
    assert bool(entities) is (F in verdicts)


def test_the_report_has_the_line_and_folds_the_details():
    view = views_report.report(report_of(qa=card_of(P, L)))
    accepted(view)
    assert "Checks: 1 passed, 1 to look at (check 1)" in view.text
    for line in ("✓ Check 0 (0): So 0.", "? Check 1 (1): So 1."):
        assert view.text.index(line) > view.text.index("Run bt_2025")
    assert "Checks" not in views_report.report(report_of(qa=None)).text


def test_the_command_line_prints_every_check(tmp_path):
    artifacts = {"backtest_json": "archive/a", "trades_csv": "archive/b", "sample_pngs": []}
    lines = report_lines(report_of(qa=card_of(P, F), artifacts=artifacts), tmp_path)
    assert "  passed  Check 0 (0)" in lines
    assert "  fail    Check 1 (1)  So 1." in lines
