"""What a setup says at a close in one line; and which setups depend on the clock being right."""

from datetime import datetime
from zoneinfo import ZoneInfo

from pipeline.domain.live import Evaluation
from pipeline.domain.market import Timeframe
from pipeline.domain.signal import FunnelStep
from pipeline.setups.engine import Found
from pipeline.setups.live import LiveSetup
from pipeline.setups.model import SetupSpec, Step, clock_time

NO_CLOCK = frozenset(
    {
        "atr", "displacement", "engulfing", "equal_levels", "fair_value_gap", "order_block", "ote",
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
    funnel = [] if found is None else found.funnel
    reached = max((i for i, step in enumerate(funnel) if step.cases), default=-1)
    ahead = funnel[reached + 1] if reached + 1 < len(funnel) else None
    return Evaluation(
        symbol=live.instrument.symbol,
        setup_id=live.spec.setup_id,
        tf=live.trigger,
        close=close,
        step=funnel[reached].step if reached >= 0 else "",
        reason=resting or ("" if ahead is None else _reason(live.spec, ahead, close)),
        signals=0 if found is None else len(found.signals),
    )


def _reason(spec: SetupSpec, ahead: FunnelStep, close: datetime) -> str:
    """Return what stopped most cases at a step; empty while one of them may still pass it."""
    step = next((s for s in spec.steps if s.name == ahead.step), None)
    if step is not None and _missing(step) in ahead.lost and not _is_over(step, spec, close):
        return ""
    return next(iter(ahead.lost), "")


def _missing(step: Step) -> str:
    return step.missing or f"no {step.title}"


def _is_over(step: Step, spec: SetupSpec, close: datetime) -> bool:
    if step.window is None:
        return False
    zone = ZoneInfo(step.window.zone or spec.zone)
    local = close.astimezone(zone)
    return local >= datetime.combine(local.date(), clock_time(step.window.end), zone)


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
