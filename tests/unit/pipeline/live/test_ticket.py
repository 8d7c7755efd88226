"""Tickets: what binds an answer to them, and each way in which they end."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.bars import bar_frame, empty_bars
from pipeline.domain.live import Life, LifeState
from pipeline.domain.market import Side, Timeframe
from pipeline.domain.trade import CostModel, EntryType
from pipeline.live.following import follow
from pipeline.live.ticket import ticket_hash, ticket_state
from tests.kit.fill_cases import INSTRUMENT, five_minutes, random_minutes, random_plans
from tests.kit.live_signals import CLOSE, hand_made
from tests.kit.setups import EURUSD

POINT = 0.0001  # R of the hand-made ticket is ten of them; entry at 1.1
SPREAD = 0.00006


def minutes(*closes, wicks=None):
    """M1 bars from the signal on that close so many points from the entry, in the entry's price.

    `wicks` is a dict of bar → (low, high) in points.
    """
    wicks = wicks or {}
    rows, before = [], 0.0
    for i, close in enumerate(closes):
        low, high = wicks.get(i, (min(before, close), max(before, close)))
        rows.append((before, max(high, before, close), min(low, before, close), close))
        before = close
    times = pd.DatetimeIndex([CLOSE + timedelta(minutes=i) for i in range(len(rows))])
    prices = 1.1 + np.array(rows) * POINT
    return bar_frame(times, Timeframe.M1, prices, spread=np.full(len(rows), SPREAD))


def state(record, bars, after=1.0, **rules):
    now = CLOSE + timedelta(minutes=after)
    how = {"minutes": 15.0, "max_r": 0.5, **rules}
    return ticket_state(record, bars, EURUSD, now, **how)


LIMIT = {"entry_type": EntryType.LIMIT, "expires_at": CLOSE + timedelta(minutes=40)}


@pytest.mark.parametrize("side", list(Side))
def test_a_fresh_ticket_can_be_taken(side):
    assert state(hand_made(side=side), minutes(0, 1, 2, -1)) == ""
    assert state(hand_made(side=side), empty_bars()) == ""
    assert state(hand_made(side=side, **LIMIT), minutes(0, 1, 2, -1), 39) == ""


def test_an_order_at_the_market_ends_after_its_minutes():
    assert state(hand_made(), minutes(0), 15) == ""
    words = state(hand_made(), minutes(0), 22)
    assert words == "It was an order at the market, good for 15 minutes; 22 are over."
    assert state(hand_made(), minutes(0), 22, minutes=30) == ""


def test_a_resting_order_ends_at_its_own_hour():
    assert state(hand_made(**LIMIT), minutes(0), 40) == (
        "The order was to rest until 09:40 UTC; it is later now."
    )
    flat = hand_made(flat_at=CLOSE + timedelta(minutes=5))
    assert state(flat, minutes(0), 5) == "The setup is to be flat by 09:05 UTC."


def test_the_stop_or_the_first_target_was_touched():
    words = state(hand_made(), minutes(0, -2, -1, wicks={1: (-10.5, 0)}))
    assert words == "The stop at 1.09900 was touched at 09:02 UTC."
    words = state(hand_made(), minutes(0, 2, 1, wicks={2: (0, 20.5)}))
    assert words == "The target at 1.10200 was touched at 09:03 UTC."
    two = hand_made(targets=(1.1005, 1.102))
    assert state(two, minutes(0, 2, 1, wicks={2: (0, 6)})).startswith("The first target at 1.1005")


def test_a_short_leaves_at_the_ask():
    short = hand_made(side=Side.SHORT)
    assert state(short, minutes(0, 0, wicks={1: (0, 9.5)})).startswith("The stop at 1.10100")
    assert state(short, minutes(0, 0, wicks={1: (-20.3, 0)})) == ""
    assert state(short, minutes(0, 0, wicks={1: (-20.7, 0)})).startswith("The target at 1.09800")


def test_price_went_too_far_either_way():
    words = state(hand_made(), minutes(0, 7))
    assert words == "Price went from 1.10000 to 1.10076: 0.76 R, and 0.5 R is the limit."
    assert "0.54 R" in state(hand_made(), minutes(0, -6))
    assert state(hand_made(), minutes(0, 7), max_r=1.0) == ""
    assert "0.60 R" in state(hand_made(side=Side.SHORT), minutes(0, 6))


def test_a_limit_waits_until_price_was_there():
    """What was never reached may be far; what was reached and left is another trade."""
    limit = hand_made(**LIMIT)
    away = minutes(8, 9, 8, wicks={0: (7, 8), 1: (7, 9), 2: (7, 9)})
    away.loc[0, ["open", "low"]] = 1.1007
    assert state(limit, away) == ""
    reached = minutes(8, -1, 8)
    assert "0.86 R" in state(limit, reached)
    assert "0.54 R" in state(limit, minutes(2, -6))


def test_void_rules_of_the_plan():
    touched = hand_made(**LIMIT, void_touch_below=1.1 - 4 * POINT)
    assert state(touched, minutes(0, -1, wicks={1: (-5, 0)})) == (
        "The setup broke: price fell below 1.09960 at 09:02 UTC."
    )
    above = hand_made(**LIMIT, side=Side.SHORT, void_touch_above=1.1 + 4 * POINT)
    assert "price rose above 1.10040" in state(above, minutes(0, 1, wicks={1: (0, 5)}))
    closed = hand_made(**LIMIT, void_close_below=1.1 - 3 * POINT)
    # A minute that closes there is nothing: the setup means its own bars, of five minutes.
    assert state(closed, minutes(0, -4, 0, 0, 0, -1)) == ""
    assert state(closed, minutes(0, 0, 0, 0, -4, -1)) == (
        "The setup broke: an M5 bar closed below 1.09970 at 09:05 UTC."
    )
    over = hand_made(**LIMIT, side=Side.SHORT, void_close_above=1.1 + 3 * POINT)
    assert "closed above 1.10030" in state(over, minutes(0, 0, 0, 0, 4))


def test_the_first_cause_is_told():
    bars = minutes(0, 0, 0, 0, wicks={1: (-11, 0), 3: (0, 21)})
    assert state(hand_made(), bars, 60).startswith("The stop")
    assert state(hand_made(), minutes(0, 0, 9), 60).startswith("It was an order at the market")


@pytest.mark.parametrize("ended", [s for s in LifeState if s.ended])
def test_a_life_that_is_over(ended):
    record = hand_made(**LIMIT).model_copy(update={"life": Life(state=ended)})
    assert "ticket" in state(record, minutes(0))


@pytest.mark.parametrize(
    "change",
    [
        {"sl_price": 1.0991},
        {"entry_price": 1.1001},
        {"targets": (1.1021,)},
        {"expires_at": CLOSE + timedelta(minutes=41)},
        {"void_close_below": 1.0995},
        {"flat_at": CLOSE + timedelta(hours=1)},
    ],
)
def test_any_other_term_is_another_ticket(change):
    plain = hand_made(**LIMIT)
    other = hand_made(**{**LIMIT, **change})
    assert plain.ticket != other.ticket
    assert plain.ticket == ticket_hash(plain.signal, plain.plan.model_copy(deep=True))
    assert len(plain.ticket) == 16


def drawn(seed):
    """Random plans on random minutes, as records of M5 signals."""
    rng = np.random.default_rng([seed, 5])
    bars = random_minutes(rng, 240, holes=0.05)
    for plan in random_plans(rng, five_minutes(bars), 25):
        since = bars[bars["open_time"] >= plan.known_at].reset_index(drop=True)
        signal = hand_made().signal.model_copy(update={"known_at": plan.known_at})
        yield hand_made().model_copy(update={"plan": plan, "signal": signal}), since


@pytest.mark.parametrize("seed", range(3))
def test_what_ended_once_has_ended_for_good_and_for_the_same_reason(seed):
    """All but the distance from the entry, which price may come back from."""
    ended = 0
    for record, since in drawn(seed):
        told = ""
        for end in range(1, min(len(since), 90)):
            now = since["close_time"].iloc[end - 1].to_pydatetime()
            how = {"minutes": 1000.0, "max_r": 1e9}
            words = ticket_state(record, since[:end], INSTRUMENT, now, **how)
            assert not told or words == told, (record.plan, end)
            told = words
        ended += bool(told)
    assert ended > 8


@pytest.mark.parametrize("seed", range(3))
def test_a_trade_that_met_its_stop_or_target_leaves_no_ticket(seed):
    """Told from other code: the fills that follow the same plan."""
    met = 0
    for record, since in drawn(seed):
        costs = CostModel(slippage_points=0.0)
        life = follow(record.plan, since, INSTRUMENT, costs, timeframe=Timeframe.M1)
        if life.trade is None or life.trade.exit_reason not in ("SL", "TP", "BE"):
            continue
        bars = since[since["close_time"] <= life.as_of]
        words = ticket_state(record, bars, INSTRUMENT, life.as_of, minutes=1e6, max_r=1e9)
        assert words, record.plan
        met += "touched" in words
    assert met > 3
