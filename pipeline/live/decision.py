"""What is done with a signal: approved, left to a person, rejected or late; and why."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Literal, TypeAlias

from pipeline.domain.live import ConfidenceBreakdown, Decision, DecisionKind, Gate
from pipeline.domain.signal import Signal

LATE_BARS = 2
"""A signal older than so many bars of its timeframe is stale: the price has gone on."""
RULES_ALONE = "the rules decide alone"
NO_MODEL = f"no model is deployed, {RULES_ALONE}"
NO_SCORE = "the model gave no score, so a person decides"

Source: TypeAlias = Literal["rules", "ml", "llm", "clock"]


class _Stand(IntEnum):
    """Below what a person is asked about, between that and the gate, above the gate."""

    AGAINST = 0
    BETWEEN = 1
    FOR = 2


@dataclass(frozen=True)
class _Opinion:
    """What one source thinks of a signal, and what it must be above."""

    source: Source
    title: str
    score: float
    least: float
    review_from: float

    @property
    def stand(self) -> _Stand:
        """Whether it is for the signal."""
        if self.score > self.least:
            return _Stand.FOR
        return _Stand.BETWEEN if self.score >= self.review_from else _Stand.AGAINST

    @property
    def away(self) -> float:
        """How far the score is from what it must be above, either way."""
        return abs(self.score - self.least)

    @property
    def words(self) -> str:
        """The score against what decides its stand."""
        if self.stand is _Stand.FOR:
            said = _compared(self.score, "above", self.least)
        elif self.stand is _Stand.AGAINST and self.review_from <= self.least:
            said = _compared(self.score, "below", self.review_from)
        else:
            said = _compared(self.score, "not above", self.least)
        return f"{self.title} {said}"


def decide(
    signal: Signal,
    gate: Gate,
    *,
    now_market: datetime,
    ml_score: float | None = None,
    llm: float | None = None,
    no_model: str = NO_MODEL,
) -> Decision:
    """Decide on a signal.

    Parameters
    ----------
    gate
        Of its setup.
    now_market
        The time at the feed (UTC), not this machine's: in a replay the two are years apart.
    ml_score
        0–1, the deployed model's; None: none is deployed. Anything else (NaN) is a model that
        failed: its gate is not passed, and a person decides what the rules would approve.
    no_model
        The reason given where `ml_score` is None.
    llm
        0–1, the analyst's opinion, if it came in time. It can only turn an approval into a
        review; what is no number from 0 to 1 has no say.

    Notes
    -----
    1. Older than `LATE_BARS` bars of its timeframe: late.
    2. Every source above its gate: approved; if the analyst's opinion lies below `review_from`,
       the sources contradict each other: review.
    3. No source above its gate and one below `review_from`: rejected.
    4. Else review: the score lies between, or one source is for it and another is against it.
    """
    score, analyst = _share(ml_score), _share(llm)
    breakdown = ConfidenceBreakdown(rules=signal.confidence, ml=score, llm=analyst)
    stale = _stale(signal, now_market)
    if stale:
        return _decision(DecisionKind.LATE, "clock", [stale], breakdown)
    opinions = _opinions(signal.confidence, score, gate)
    kind, source = _weighed(opinions)
    reasons = [o.words for o in sorted(opinions, key=lambda o: o.source != source)]
    if score is None:
        reasons.append(no_model if ml_score is None else NO_SCORE)
    if kind is DecisionKind.APPROVED and score is None and ml_score is not None:
        kind, source = DecisionKind.REVIEW_REQUIRED, "ml"
    if kind is DecisionKind.APPROVED and analyst is not None and analyst < gate.review_from:
        kind, source = DecisionKind.REVIEW_REQUIRED, "llm"
        reasons.insert(
            0, f"the analyst contradicts: {_compared(analyst, 'below', gate.review_from)}"
        )
    return _decision(kind, source, reasons, breakdown)


def _decision(
    kind: DecisionKind, source: Source, reasons: list[str], breakdown: ConfidenceBreakdown
) -> Decision:
    return Decision(
        decision=kind, reasons=tuple(reasons), confidence_breakdown=breakdown,
        dominant_source=source,
    )  # fmt: skip


def _share(value: float | None) -> float | None:
    """Return a score that is one: 0–1."""
    return value if value is not None and 0 <= value <= 1 else None


def _stale(signal: Signal, now_market: datetime) -> str:
    """Return in words that a signal is too old; nothing if it isn't."""
    age, limit = now_market - signal.known_at, LATE_BARS * signal.tf.delta
    if age <= limit:
        return ""
    minutes = age.total_seconds() / 60
    most = limit.total_seconds() / 60
    return (
        f"its bar closed {minutes:.3g} min before the feed's time, "
        f"over {LATE_BARS} bars of {signal.tf} ({most:.0f} min)"
    )


def _opinions(confidence: float, score: float | None, gate: Gate) -> list[_Opinion]:
    least = gate.review_from
    opinions = [_Opinion("rules", "confidence", confidence, gate.min_confidence, least)]
    if score is not None:
        opinions.append(_Opinion("ml", "ML score", score, gate.min_ml_score, least))
    return opinions


def _weighed(opinions: list[_Opinion]) -> tuple[DecisionKind, Source]:
    """Return the decision of sources that have a say, and the one that decided it."""
    stands = [opinion.stand for opinion in opinions]
    if min(stands) is _Stand.FOR:
        return DecisionKind.APPROVED, max(opinions, key=lambda o: o.away).source
    held_back = [o for o in opinions if o.stand is not _Stand.FOR]
    source = max(held_back, key=lambda o: (-o.stand, o.away)).source
    if _Stand.AGAINST in stands and _Stand.FOR not in stands:
        return DecisionKind.REJECTED, source
    return DecisionKind.REVIEW_REQUIRED, source


def _compared(score: float, how: str, bound: float) -> str:
    """Return both figures with as many digits as tell them apart, two at least."""
    pairs = ((f"{score:.{n}f}", f"{bound:.{n}f}") for n in range(2, 18))
    same = (f"{score:.2f}", f"{bound:.2f}")
    shown, against = next((pair for pair in pairs if pair[0] != pair[1]), same)
    return f"{shown} is {how} {against}"
