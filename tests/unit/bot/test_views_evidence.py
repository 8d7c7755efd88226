"""What a result is worth, in the words of the chat and of the command line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import views_report
from bot.texts import en_evidence as en
from flows.cli_views import report_lines
from pipeline.domain.report import DrawdownLuck, Interval, Robustness, Verdict
from pipeline.domain.trial import Standing
from tests.unit.bot.test_views import accepted, maybe, metrics_of, report_of

MEAN = Interval(value=-0.23, low=-0.52, high=0.04)


def robustness_of(**changes):
    values = {
        "verdict": Verdict.OPEN,
        "days": 55,
        "by_days": True,
        "block_days": 3.8,
        "draws": 2000,
        "expectancy_r": MEAN,
        "profit_factor": Interval(value=0.7, low=0.41, high=1.18),
        "drawdown_r": DrawdownLuck(median=17.31, high=25.04),
        "sharpe": -0.81,
        "sortino": None,
    }
    return Robustness(**{**values, **changes})


def standing_of(**changes):
    values = {"number": 43, "tried": 43, "sharpe": 0.1, "luckiest": 0.2, "deflated": 0.12}
    return Standing(**{**values, **changes})


def text_of(**changes):
    weighed = {"robustness": robustness_of(), "standing": standing_of()}
    view = views_report.report(report_of(**{**weighed, **changes}))
    accepted(view)
    return view.text


def test_figures_come_with_their_intervals():
    text = text_of()
    for part in (
        "Expectancy -0.23 R a trade (-0.52 to +0.04)",
        "Profit factor 0.70 (0.41 to 1.18)",
        "In other orders 17.3 R is usual, 25.0 R once in twenty",
        "Cannot be told from zero: the mean lies between -0.52 and +0.04 R. No edge is shown.",
        "Variant 43 of this idea. Chance that it is more than the luckiest of 43 tries: 12%.",
        "from 55 days with trades, drawn anew in blocks of about 4; standard error 0.14 R",
        "Sharpe -0.81, Sortino – a year",
    ):
        assert part in text, part


def test_the_headline_comes_before_the_details_and_its_lines_are_short():
    head = text_of().partition("Cannot be told")[0].splitlines()
    assert head[4].startswith("59 trades, win rate 34%")
    assert head[5] == "Break-even win rate 36%"
    figures = [line for line in head[4:] if "ambiguous" not in line]
    assert max(len(line) for line in figures) <= 60


def test_few_days_and_few_trades_say_so():
    few = text_of(robustness=robustness_of(by_days=False, profit_factor=None, drawdown_r=None))
    assert "too few days to draw from" in few
    assert "In other orders" not in few
    none = robustness_of(verdict=Verdict.TOO_FEW, expectancy_r=None)
    assert en.TOO_FEW in text_of(robustness=none)


@pytest.mark.parametrize(
    ("mean", "part"),
    [
        (Interval(value=0.5, low=0.3, high=0.7), "Above zero: the mean lies between +0.30"),
        (Interval(value=-0.5, low=-0.7, high=-0.3), "It lost, and not by chance alone"),
    ],
)
def test_verdict(mean, part):
    assert part in text_of(robustness=robustness_of(expectancy_r=mean))


@pytest.mark.parametrize(
    ("place", "told", "words"),
    [
        ({"number": 1, "tried": 1}, Verdict.OPEN, "First variant of this idea."),
        ({"number": 3}, Verdict.OPEN, "Variant 3 of 43 of this idea. Chance that"),
        ({"deflated": None}, Verdict.OPEN, "Variant 43 of this idea."),
        ({"deflated": 0.002}, Verdict.BELOW, "43 tries: under 1%."),
        ({"deflated": 0.999}, Verdict.ABOVE, "43 tries: over 99%."),
        ({"deflated": 0.5}, Verdict.ABOVE, "But many tries find such a result"),
    ],
)
def test_place_among_the_tries(place, told, words):
    line = en.standing(standing_of(**place), told)
    assert words in line
    assert line.endswith(".") and "None" not in line


@given(low=maybe, high=maybe, deflated=st.none() | st.floats(0, 1), tried=st.integers(1, 10**7))
@settings(max_examples=50, deadline=None)
def test_any_evidence_is_accepted(low, high, deflated, tried):
    mean = None if low is None or high is None else Interval(value=0, low=low, high=high)
    text_of(
        robustness=robustness_of(expectancy_r=mean, profit_factor=mean),
        standing=standing_of(number=tried, tried=tried, deflated=deflated),
    )


class TestCommandLine:
    def lines(self, tmp_path, **changes):
        files = {"backtest_json": "r.json", "trades_csv": "t.csv", "sample_pngs": ()}
        report = report_of(artifacts=files, **changes)
        return "\n".join(report_lines(report, tmp_path))

    def test_rows(self, tmp_path):
        told = self.lines(tmp_path, robustness=robustness_of(), standing=standing_of())
        for part in (
            "-0.230 ± 0.140 R a trade  (95 %: -0.520 – +0.040)",
            "0.70  (95 %: 0.41 – 1.18)",
            "drawdown of 17.31 R usual, 25.04 R once in twenty",
            "Sharpe, Sortino  -0.81, – a year, of R by weekday",
            "cannot be told from zero",
            "43 of 43 of this idea; chance of more than the luckiest of so many: 12.0%",
        ):
            assert part in told, part

    def test_a_report_from_before(self, tmp_path):
        told = self.lines(tmp_path, metrics=metrics_of(expectancy_r=None, profit_factor=None))
        assert "verdict" not in told and "expectancy" not in told
