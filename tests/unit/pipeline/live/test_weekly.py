"""The weekly card's figures, by hand, and which week is meant."""

import math
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import pytest

from pipeline.domain.errors import BadRequestError
from pipeline.domain.live import LIVE, DecisionKind
from pipeline.domain.trade import ExitReason
from pipeline.live.weekly import FATES, fate_of, week_card
from pipeline.live.weeks import parse_week, week_ended, week_of
from tests.kit.live_signals import CLOSE
from tests.kit.live_week import drawn_week, ended, lived, unfilled

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
WEEK = week_of(CLOSE, BERLIN)


def won(rr):
    return partial(ended, rr=rr, reason=ExitReason.TP)


def lost(rr=-1.0):
    return partial(ended, rr=rr, reason=ExitReason.SL)


def hand_made_week():
    """Ten signals of two setups, every fate; figures below were worked out on paper."""
    a, b = {"setup_id": "A_v1"}, {"setup_id": "B_v1"}
    below = {"kind": DecisionKind.REJECTED}
    return [
        lived(won(2.0), choice="approved", paper=won(1.5), confidence=0.8, **a),
        lived(won(1.0), choice="approved", paper=unfilled, confidence=0.9, **a),
        lived(lost(), choice="approved", paper=lost(-1.25), confidence=0.8, **b),
        lived(lost(), choice="rejected", confidence=0.7, **a),
        lived(lost(-1.5), choice="rejected", confidence=0.8, **b),
        lived(won(3.0), confidence=0.9, **b),
        lived(None, kind=DecisionKind.REVIEW_REQUIRED, **b),
        lived(unfilled, **below, **a),
        lived(won(1.9), kind=DecisionKind.SUPPRESSED, confidence=0.75, score=0.6, **a),
        lived(lost(), kind=DecisionKind.LATE, confidence=0.95, **b),
    ]  # fmt: skip


def test_the_groups_by_hand():
    card = week_card(hand_made_week(), *WEEK)
    assert [g.fate for g in card.groups] == list(FATES)
    by = {g.fate: (g.signals, g.running, g.sum.trades, round(g.sum.total, 9)) for g in card.groups}
    assert by == {
        "approved": (3, 0, 2, 0.25),
        "rejected": (2, 0, 2, -2.5),
        "unanswered": (2, 1, 1, 3.0),
        "below": (1, 0, 0, 0.0),
        "suppressed": (1, 0, 1, 1.9),
        "late": (1, 0, 1, -1.0),
    }
    approved, rejected = card.groups[0].sum, card.groups[1].sum
    # 1.5 and −1.25: mean 0.125, each 1.375 from it, so s = 1.375·√2 and s/√2 = 1.375.
    assert (approved.mean, approved.se) == pytest.approx((0.125, 1.375))
    assert (rejected.mean, rejected.se) == pytest.approx((-1.25, 0.25))
    assert card.groups[2].sum.se is None
    assert card.groups[3].sum.mean is None
    assert (card.at_once.trades, card.at_once.total) == (3, pytest.approx(2.0))
    assert (card.signals, card.trades, card.running) == (10, 7, 1)


def test_what_was_promised_by_hand():
    card = week_card(hand_made_week(), *WEEK)
    p = card.promise
    # Filled: four at their target (2, 1, 3, 1.9), four stopped.
    assert (p.trades, p.reached, p.rate) == (8, 4, 0.5)
    assert p.se == pytest.approx(math.sqrt(0.25 / 8))
    assert p.promised == pytest.approx((0.8 + 0.9 + 0.8 + 0.7 + 0.8 + 0.9 + 0.75 + 0.95) / 8)
    assert p.score == pytest.approx(0.6)
    one, two = card.setups
    assert [(s.setup_id, s.signals) for s in (one, two)] == [("A_v1", 5), ("B_v1", 5)]
    assert (one.approved.total, one.rejected.total, one.others.total) == (1.5, -1.0, 1.9)
    assert (two.approved.trades, two.rejected.trades, two.others.trades) == (1, 1, 2)
    assert (one.promise.trades, one.promise.reached) == (4, 3)


def test_a_week_of_nothing():
    card = week_card([], *WEEK)
    assert (card.signals, card.trades, card.groups, card.setups) == (0, 0, (), ())
    assert (card.promise.rate, card.at_once.mean) == (None, None)


@pytest.mark.parametrize("seed", range(5))
def test_every_signal_is_in_one_group_and_sums_agree(seed):
    records = drawn_week(np.random.default_rng(seed), 120)
    card = week_card(records, *WEEK)
    assert sum(g.signals for g in card.groups) == sum(s.signals for s in card.setups) == 120
    total = sum(g.sum.total for g in card.groups)
    by_setup = sum(s.approved.total + s.rejected.total + s.others.total for s in card.setups)
    assert total == pytest.approx(by_setup)
    assert {fate_of(r) for r in records} == set(FATES)
    shuffled = [records[i] for i in np.random.default_rng(seed).permutation(120)]
    again = week_card(shuffled, *WEEK)
    assert [g.sum.trades for g in again.groups] == [g.sum.trades for g in card.groups]


def test_few_trades_tell_nothing():
    few = week_card([lived(won(2.0)) for _ in range(19)], *WEEK).groups[0].sum
    many = week_card([lived(won(2.0)) for _ in range(20)], *WEEK).groups[0].sum
    assert (few.enough, few.told_from_zero) == (False, False)
    assert (many.enough, many.told_from_zero) == (True, True)
    mixed = [lived(won(1.0) if i % 2 else lost()) for i in range(40)]
    assert not week_card(mixed, *WEEK).groups[0].sum.told_from_zero


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "moment", "start", "end"),
    [
        (BERLIN, utc(2025, 3, 12, 9), utc(2025, 3, 9, 17), utc(2025, 3, 16, 17)),
        # Sunday at six the next one begins; the clocks went forward that morning.
        (BERLIN, utc(2025, 3, 30, 15, 59), utc(2025, 3, 23, 17), utc(2025, 3, 30, 16)),
        (BERLIN, utc(2025, 3, 30, 16), utc(2025, 3, 30, 16), utc(2025, 4, 6, 16)),
        (NEW_YORK, utc(2025, 11, 2, 12), utc(2025, 10, 26, 22), utc(2025, 11, 2, 23)),
        ("Asia/Tokyo", utc(2025, 3, 9, 9), utc(2025, 3, 9, 9), utc(2025, 3, 16, 9)),
    ],
)
def test_weeks_run_from_sunday_evening_to_sunday_evening(zone, moment, start, end):
    assert week_of(moment, zone) == (start, end)
    assert week_ended(moment, zone)[1] == start


def test_weeks_follow_each_other_without_a_gap():
    moment = utc(2025, 1, 1)
    for _ in range(60):
        start, end = week_of(moment, BERLIN)
        assert start <= moment < end
        assert week_of(end, BERLIN)[0] == end
        assert week_ended(end, BERLIN) == (start, end)
        moment = end + timedelta(hours=1)


def test_what_people_ask_for():
    now = utc(2025, 3, 12, 9)
    this, last = week_of(now, BERLIN), week_ended(now, BERLIN)
    for words, span in {"": this, " LAST ": last, "2025-03-05": last, "2025-03-12": this}.items():
        asked = parse_week(words, BERLIN, now)
        assert (asked.origin, (asked.start, asked.end)) == (LIVE, span), words
    replay = parse_week("live_2025_03_10_001", BERLIN, now)
    assert (replay.is_replay, replay.origin) == (True, "live_2025_03_10_001")
    assert replay.start < utc(1990, 1, 1) < utc(2100, 1, 1) < replay.end
    for words in ("next", "2025-13-01", "bt_2025_03_10_001", "10.3.2025"):
        with pytest.raises(BadRequestError, match="is no week") as caught:
            parse_week(words, BERLIN, now)
        assert caught.value.value == words
