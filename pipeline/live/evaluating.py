"""What a setup says at a close in one line; and which setups depend on the clock being right."""

from datetime import datetime

from pipeline.domain.live import Evaluation
from pipeline.domain.market import Timeframe
from pipeline.setups.engine import Found
from pipeline.setups.live import LiveSetup
from pipeline.setups.model import SetupSpec

NO_CLOCK = frozenset(
    {
        "atr", "displacement", "engulfing", "equal_levels", "fair_value_gap", "order_block",
        "structure", "swing",
    }
)  # fmt: skip
"""Detectors that give the same when all times are off by whole hours."""


def evaluation_of(
    live: LiveSetup, close: datetime, found: Found | None, resting: str = ""
) -> Evaluation:
    """Return how far the furthest case of the newest day has come, and why no further.

    Parameters
    ----------
    close
        Of the bar that was asked at (UTC).
    found
        What it found at that close, the funnel of the newest day; None: it was not asked.
    resting
        Why it was not asked.
    """
    step, reason = ("", resting) if found is None else _furthest(found)
    return Evaluation(
        symbol=live.instrument.symbol,
        setup_id=live.spec.setup_id,
        tf=live.trigger,
        close=close,
        step=step,
        reason=reason,
        signals=0 if found is None else len(found.signals),
    )


def _furthest(found: Found) -> tuple[str, str]:
    """Return the last step passed, and what stopped most cases there; nothing if one awaits it."""
    passed = [i for i, step in enumerate(found.funnel) if step.cases]
    reached = passed[-1] if passed else -1
    step = found.funnel[reached].step if passed else ""
    ahead = found.funnel[reached + 1 : reached + 2]
    lost = [why for s in ahead if s.step not in found.awaited for why in s.lost]
    return step, lost[0] if lost else ""


def reads_the_clock(spec: SetupSpec) -> bool:
    """Return whether a setup would say something else if the bars' times were off by hours."""
    return (
        any(tool.detector not in NO_CLOCK for tool in spec.tools.values())
        or any(tool.timeframe in (Timeframe.H4, Timeframe.D1) for tool in spec.tools.values())
        or any(step.window is not None for step in spec.steps)
        or any(rule.news_free is not None for rule in spec.confluences)
        or spec.limits.flat_at is not None
        or spec.entry.expiry_at is not None
    )
