"""What the analyst is asked of a signal that was alerted, and what its opinion weighs."""

from typing import Any, Final

from pipeline.analysis.questions import question_of
from pipeline.analysis.rounding import told
from pipeline.domain.analysis import Opinion, Purpose, Question
from pipeline.domain.live import LiveSignal
from pipeline.domain.market import Instrument, Side

INSTRUCTIONS: Final = (
    "Judge a signal of a trading setup that was just alerted; the picture is its chart with the "
    "steps of the setup. Look for what contradicts it. `bias` is your own reading of the chart, "
    "whichever side the signal has; `quality` is how good this instance of the setup is: 1 poor, "
    "5 excellent. `reasons`: two things that speak for the signal; `risks`: two against it. "
    "`invalidation`: what would end the idea before the stop does. `watch`: what to look at next. "
    "Whether to trade is not yours to say."
)
_BEST: Final = 5
_NEUTRAL: Final = 0.5


def signal_question(
    record: LiveSignal, thing: Instrument | None, picture: bytes | None
) -> Question:
    """Return the question; a signal gives the same one however often it is asked about."""
    s = record.signal
    facts: dict[str, Any] = {
        "symbol": s.symbol, "timeframe": s.tf.value, "setup": s.setup_id,
        "version": s.rule_version, "side": s.side.value, "closed_at_utc": s.known_at.isoformat(),
        "ticket": told({
            "entry": s.entry_price, "stop": s.sl_price, "target": s.tp_price,
            **_distances(record, thing),
        }),
        "decision": record.decision.decision.value,
        "confidence_of_rules": round(s.confidence, 4),
        "score_of_model": record.ml_score,
        "similar_past_cases": told(record.similar) if record.similar else {},
        "steps": [told(step) for step in s.trace],
        "side_conditions": [told(c) for c in s.confluences],
        "context": told(dict(s.context)),
    }  # fmt: skip
    return question_of(Purpose.ALERT, INSTRUCTIONS, facts, Opinion, image=picture)


def _distances(record: LiveSignal, thing: Instrument | None) -> dict[str, float]:
    """Return how far stop and target are, so that nobody needs to calculate it."""
    s = record.signal
    risk, reward = abs(s.entry_price - s.sl_price), abs(s.tp_price - s.entry_price)
    found = {"stop_distance": risk, "target_distance": reward}
    if risk:
        found["reward_to_risk"] = reward / risk
    if thing is not None and thing.point:
        found["stop_points"] = risk / thing.point
        found["target_points"] = reward / thing.point
    return found


def share_of(opinion: Opinion, side: Side) -> float:
    """Return what an opinion adds to a signal, 0–1: nothing if it sees the other side.

    Quality 1 to 5 is 0 to 1; of a neutral opinion half of it.
    """
    quality = (opinion.quality - 1) / (_BEST - 1)
    if opinion.bias == "neutral":
        return quality * _NEUTRAL
    return quality if opinion.bias == side.value else 0.0
