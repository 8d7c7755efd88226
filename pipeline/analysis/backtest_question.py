"""What the analyst is asked of a backtest: the figures with their intervals, and its doubts."""

from collections.abc import Sequence
from typing import Any, Final

from pipeline.analysis.questions import question_of
from pipeline.analysis.rounding import told
from pipeline.domain.analysis import Opinion, Purpose, Question
from pipeline.domain.qa import QaCard, Verdict
from pipeline.domain.report import Metrics, Robustness
from pipeline.domain.signal import FunnelStep
from pipeline.domain.trial import Standing

INSTRUCTIONS: Final = (
    "Judge a backtest of a trading setup. The picture, if there is one, is the curve of its "
    "closed trades in R. `quality` is how much the result is worth as evidence: 1 nothing, 5 "
    "strong. `bias` is the side that earned, neutral if neither stands out or little is shown. "
    "`reasons`: two things that speak for it; `risks`: two that speak against it, such as few "
    "trades, an interval that holds zero, many variants tried, one month or step that carries "
    "all. `invalidation`: what in new trades would show that it doesn't work. `watch`: what to "
    "test next. If the verdict is not above zero, say so and do not talk the result up."
)
_STEPS: Final = 12
_MONTHS: Final = 24


def backtest_question(
    what: dict[str, Any],
    metrics: Metrics,
    *,
    robustness: Robustness | None,
    standing: Standing | None,
    qa: QaCard | None,
    funnel: Sequence[FunnelStep],
    warnings: Sequence[str] = (),
    picture: bytes | None = None,
) -> Question:
    """Return the question; the same result gives the same one.

    Parameters
    ----------
    what
        Setup, symbol, timeframe, period, costs: whatever names the test, but no run id.
    """
    figures = told(metrics)
    figures["months"] = figures.get("months", [])[-_MONTHS:]
    rates = {"losses": metrics.trades - metrics.wins}
    facts = {
        **told(what),
        "metrics": {**figures, **rates},
        "chance": told(robustness) if robustness else {},
        "standing_among_variants": told(standing) if standing else {},
        "checks_to_look_at": [
            {"title": c.title, "figure": c.figure, "verdict": c.verdict.value, "why": c.sentence}
            for c in (qa.checks if qa else ())
            if c.verdict is not Verdict.PASSED
        ],
        "steps_of_the_setup": [told(step) for step in funnel[:_STEPS]],
        "warnings": list(warnings),
    }
    return question_of(Purpose.BACKTEST, INSTRUCTIONS, facts, Opinion, image=picture)
