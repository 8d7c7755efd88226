"""Decisions against an independent reading of the contract, over the whole domain."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.live import DecisionKind, Gate
from pipeline.domain.market import Side, Timeframe
from pipeline.domain.signal import Signal
from pipeline.live.decision import LATE_BARS, NO_MODEL, NO_SCORE, decide

KNOWN = datetime(2025, 3, 10, 9, 5, tzinfo=UTC)
GATE = Gate()
GRID = [0.0, 0.3, 0.4999999999, 0.5, 0.6, 0.6000000001, 0.7, math.nextafter(0.7, 1), 0.75, 1.0]
shares = st.one_of(st.sampled_from(GRID), st.floats(0, 1))
gates = st.builds(Gate, min_confidence=shares, min_ml_score=shares, review_from=shares)
no_scores = st.sampled_from([math.nan, math.inf, -math.inf, -0.01, 1.01])


def signal(confidence, tf=Timeframe.M5):
    return Signal(
        signal_id="sig_20250310_001", symbol="GER40", tf=tf, side=Side.LONG, entry_price=100,
        sl_price=99, tp_price=102, confidence=confidence, setup_id="Frank_raid_v1",
        rule_version="1.0", known_at=KNOWN, day="2025-03-10", trace=(),
    )  # fmt: skip


def decided(confidence, gate=GATE, **options):
    return decide(signal(confidence), gate, now_market=KNOWN, **options)


def level(score, least, review_from):
    """2 above the gate, 1 between, 0 below, counted from the contract's words."""
    return 2 if score > least else int(review_from <= score)


@given(shares, st.one_of(st.none(), shares), gates)
def test_every_score_is_decided_as_the_contract_says(confidence, ml, gate):
    found = decided(confidence, gate, ml_score=ml).decision
    rules = level(confidence, gate.min_confidence, gate.review_from)
    if ml is None:
        wanted = ("rejected", "review_required", "approved")[rules]
    else:
        other = level(ml, gate.min_ml_score, gate.review_from)
        table = (
            ("rejected", "rejected", "review_required"),
            ("rejected", "review_required", "review_required"),
            ("review_required", "review_required", "approved"),
        )
        wanted = table[rules][other]
    assert found == wanted


@given(
    shares, st.one_of(st.none(), shares, no_scores), st.one_of(st.none(), shares, no_scores), gates
)
def test_an_analyst_only_turns_approvals_into_reviews(confidence, ml, llm, gate):
    without = decided(confidence, gate, ml_score=ml)
    found = decided(confidence, gate, ml_score=ml, llm=llm)
    if found.decision != without.decision:
        assert without.decision is DecisionKind.APPROVED
        assert found.decision is DecisionKind.REVIEW_REQUIRED
        assert found.dominant_source == "llm"
        assert llm < gate.review_from
    elif without.decision is DecisionKind.APPROVED:
        assert llm is None or not 0 <= llm <= 1 or llm >= gate.review_from


@given(shares, no_scores, gates)
def test_a_model_that_gives_no_number_never_approves_and_never_saves(confidence, ml, gate):
    found, alone = decided(confidence, gate, ml_score=ml), decided(confidence, gate)
    approved = alone.decision is DecisionKind.APPROVED
    assert found.decision is (DecisionKind.REVIEW_REQUIRED if approved else alone.decision)
    assert found.confidence_breakdown.ml is None
    assert NO_SCORE in found.reasons


@given(shares, st.one_of(st.none(), shares), st.one_of(st.none(), shares), gates)
def test_a_better_score_is_never_decided_worse(confidence, ml, better, gate):
    order = [DecisionKind.REJECTED, DecisionKind.REVIEW_REQUIRED, DecisionKind.APPROVED]
    low, high = sorted((confidence, confidence if better is None else better))
    first, second = (order.index(decided(c, gate, ml_score=ml).decision) for c in (low, high))
    assert first <= second
    if ml is not None and better is not None:
        low, high = sorted((ml, better))
        first, second = (
            order.index(decided(confidence, gate, ml_score=m).decision) for m in (low, high)
        )
        assert first <= second


@given(shares, st.one_of(st.none(), shares, no_scores), st.one_of(st.none(), shares), gates)
def test_every_decision_says_why_and_what_each_source_thinks(confidence, ml, llm, gate):
    found = decided(confidence, gate, ml_score=ml, llm=llm)
    assert found.reasons
    assert found.confidence_breakdown.rules == confidence
    assert found.confidence_breakdown.llm == llm
    texts = " ".join(found.reasons)
    assert f"confidence {confidence:.2f}"[:12] in texts
    assert ("ML score" in texts) == (ml is not None and 0 <= ml <= 1)
    assert (NO_MODEL in found.reasons) == (ml is None)
    starts = {"rules": "confidence", "ml": ("ML score", "confidence"), "llm": "the analyst"}
    assert found.reasons[0].startswith(starts[found.dominant_source])


@given(
    st.sampled_from(list(Timeframe)),
    st.integers(-10_000, 40_000),
    shares,
    st.one_of(st.none(), shares),
)
def test_late_is_older_than_two_bars_at_the_feed_whatever_else(tf, seconds, confidence, ml):
    now = KNOWN + timedelta(seconds=seconds)
    found = decide(signal(confidence, tf), GATE, now_market=now, ml_score=ml)
    assert (found.decision is DecisionKind.LATE) == (seconds > LATE_BARS * tf.minutes * 60)
    if found.decision is DecisionKind.LATE:
        assert found.dominant_source == "clock"
        assert f"2 bars of {tf} ({2 * tf.minutes} min)" in found.reasons[0]


@pytest.mark.parametrize(
    ("confidence", "options", "kind", "source", "reasons"),
    [
        (0.75, {"ml_score": 0.68}, "approved", "ml", ("ML score 0.68 is above 0.60", "confidence 0.75 is above 0.70")),
        (0.52, {"ml_score": 0.4}, "rejected", "ml", ("ML score 0.40 is below 0.50", "confidence 0.52 is not above 0.70")),
        (0.7, {}, "review_required", "rules", ("confidence 0.70 is not above 0.70", NO_MODEL)),
        (0.7004, {}, "approved", "rules", ("confidence 0.7004 is above 0.7000", NO_MODEL)),
        (0.4999, {}, "rejected", "rules", ("confidence 0.4999 is below 0.5000", NO_MODEL)),
        (0.9, {"ml_score": 0.2}, "review_required", "ml", ("ML score 0.20 is below 0.50", "confidence 0.90 is above 0.70")),
        (0.9, {"llm": 0.3}, "review_required", "llm", ("the analyst contradicts: 0.30 is below 0.50", "confidence 0.90 is above 0.70", NO_MODEL)),
        (0.9, {"llm": 0.5}, "approved", "rules", ("confidence 0.90 is above 0.70", NO_MODEL)),
        (0.9, {"ml_score": math.nan}, "review_required", "ml", ("confidence 0.90 is above 0.70", NO_SCORE)),
    ],
)  # fmt: skip
def test_what_people_read(confidence, options, kind, source, reasons):
    found = decided(confidence, **options)
    assert (found.decision, found.dominant_source, found.reasons) == (kind, source, reasons)


def test_a_gate_below_the_review_line_leaves_nothing_between():
    gate = Gate(min_confidence=0.3, review_from=0.5)
    assert decided(0.31, gate).decision is DecisionKind.APPROVED
    rejected = decided(0.3, gate)
    assert rejected.decision is DecisionKind.REJECTED
    assert rejected.reasons[0] == "confidence 0.30 is not above 0.30"
