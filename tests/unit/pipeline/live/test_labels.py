"""Rows of `labeled_trades`: what each end of a signal teaches."""

from datetime import timedelta

import pytest

from pipeline.domain.market import Timeframe
from pipeline.domain.trade import CostModel, EntryType
from pipeline.live.following import follow
from pipeline.live.labels import label_of
from tests.kit.live_bars import minutes_of
from tests.kit.live_signals import CLOSE, hand_made
from tests.kit.setups import EURUSD

FREE = CostModel(slippage_points=0.0)


def label(record, bars):
    life = follow(record.plan, bars, EURUSD, FREE, timeframe=Timeframe.M1)
    return label_of(record, life)


def test_a_target_is_one_and_all_else_is_none_of_it():
    record = hand_made(tf=Timeframe.M1)
    won = label(record, minutes_of(0, 1, 2.2, 3))
    assert (won.label, won.exit_reason) == (1, "TP")
    assert won.rr == pytest.approx(2.0)
    assert won.resolved_at == CLOSE + timedelta(minutes=3)
    assert (won.source, won.side, won.tf, won.confidence) == ("live", "long", Timeframe.M1, 0.8)
    lost = label(record, minutes_of(0, -1.2))
    assert (lost.label, lost.exit_reason) == (0, "SL")
    timed = hand_made(tf=Timeframe.M1, flat_at=CLOSE + timedelta(minutes=2))
    flat = label(timed, minutes_of(0, 1.5, 1.5))
    assert (flat.label, flat.exit_reason) == (0, "SESSION_END")
    assert flat.rr > 1


def test_half_at_the_first_target_and_break_even_is_no_target():
    record = hand_made(tf=Timeframe.M1, targets=(1.101, 1.103), break_even_after_first=True)
    row = label(record, minutes_of(0, 1.2, -0.1))
    assert (row.label, row.exit_reason) == (0, "BE")
    assert row.rr == pytest.approx(0.5)


def test_an_order_that_never_filled_has_no_label():
    limit = hand_made(
        tf=Timeframe.M1, entry_type=EntryType.LIMIT, entry_price=1.0995,
        expires_at=CLOSE + timedelta(minutes=2),
    )  # fmt: skip
    row = label(limit, minutes_of(0, 0, 0))
    assert (row.label, row.rr, row.exit_reason) == (None, None, "EXPIRED")


def test_a_life_that_goes_on_has_none():
    record = hand_made(tf=Timeframe.M1)
    with pytest.raises(ValueError, match="has not ended"):
        label(record, minutes_of(0, 0.5))


def test_a_row_has_the_vector_of_its_signal():
    vector = {"stop_atr": 1.25, "sweep_depth": None}
    given = hand_made(tf=Timeframe.M1).model_copy(
        update={"features": vector, "feature_version": "7"}
    )
    row = label(given, minutes_of(0, 2.2, 3))
    assert (row.features, row.feature_version) == (vector, "7")
    bare = label(hand_made(tf=Timeframe.M1), minutes_of(0, 2.2, 3))
    assert (bare.features, bare.feature_version) == (None, None)
