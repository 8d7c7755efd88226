"""Pages cut from a source's rows, against a plain reference; what is refused; asking patiently."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import BadBarsError, FeedDownError, FeedRefusedError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import SourceSymbol
from storage.feeds.asking import Answer, Asker, BusyError, FailedError
from storage.feeds.ccxt_calls import Patience
from storage.feeds.paging import last_close, page_of_rows, possible_rows
from tests.kit.source_worlds import NOW, Waits

SYMBOL = SourceSymbol(symbol="GER40", name="dax", scale=2.0)
FLOOR = int(datetime(2025, 3, 10, tzinfo=UTC).timestamp())


def at(minute):
    return datetime.fromtimestamp(FLOOR + 60 * minute, UTC)


def row(minute, price):
    return [FLOOR + 60 * minute, price, price + 1, price - 1, price, 5.0]


@given(
    st.dictionaries(st.integers(0, 200), st.integers(10, 99), max_size=60),
    st.integers(-5, 205), st.integers(0, 100), st.randoms(use_true_random=False),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_a_page_is_what_lies_in_its_span_once_in_order_in_our_prices(held, first, length, rng):
    rows = [row(minute, float(price)) for minute, price in held.items()]
    rows += rows[:5]  # a vendor's pages overlap
    rng.shuffle(rows)
    span = (at(first), at(first + length))
    page = page_of_rows(np.array(rows).reshape(-1, 6), SYMBOL, Timeframe.M1, span)
    wanted = [(at(m), 2.0 * p) for m, p in sorted(held.items()) if first <= m < first + length]
    assert list(zip(page.bars["open_time"], page.bars["close"], strict=True)) == wanted
    assert page.covered_until == span[1]


def test_one_moment_with_two_prices_and_a_bar_off_the_grid_are_refused():
    span = (at(0), at(60))
    with pytest.raises(BadBarsError, match="twice"):
        page_of_rows(np.array([row(3, 10.0), row(3, 11.0)]), SYMBOL, Timeframe.M1, span)
    with pytest.raises(BadBarsError, match="M5"):
        page_of_rows(np.array([row(3, 10.0)]), SYMBOL, Timeframe.M5, span)


@given(st.integers(0, 10**6))
@settings(max_examples=50)
def test_the_last_close_is_the_latest_of_the_grid(seconds):
    now = at(0) + timedelta(seconds=seconds)
    for timeframe in (Timeframe.M1, Timeframe.M15, Timeframe.H1, Timeframe.D1):
        closed = last_close(timeframe, now)
        assert closed <= now < closed + timeframe.delta
        assert closed.timestamp() % (timeframe.minutes * 60) == 0


def test_few_impossible_bars_are_left_out_and_many_stay_to_be_refused():
    rows = np.array([row(m, 50.0) for m in range(200)])
    rows[7, 1] = 70.0
    kept, notes = possible_rows(rows, SYMBOL)
    assert len(kept) == 199
    assert len(notes) == 1
    rows[:5, 1] = 70.0
    assert len(possible_rows(rows, SYMBOL)[0]) == 200
    upside_down = np.array([[FLOOR, 10.0, 9.0, 11.0, 10.0, 1.0]])
    assert len(possible_rows(upside_down, SYMBOL)[0]) == 1


def asker(waits, busy=0.0):
    return Asker("A vendor", "Check THE_KEY.", busy, Patience(tries=4), waits,
                 np.random.default_rng(1))  # fmt: skip


def answers(*made):
    left = list(made)

    def call():
        one = left.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    return call


async def test_failures_are_tried_again_with_longer_waits_and_a_limit_as_long_as_it_says():
    waits = Waits()
    call = answers(FailedError("x"), BusyError(30.0, "slow down"), FailedError("y"), "good")
    assert await asker(waits).ask(call) == "good"
    assert waits.seconds[1] == 30.0
    assert 0.25 <= waits.seconds[0] <= 0.5 <= waits.seconds[2] <= 1.0


async def test_a_limit_that_names_no_time_is_waited_for_and_does_not_go_on_for_ever():
    for busy, waited in ((0.0, 4), (15.0, 12)):
        waits = Waits()
        with pytest.raises(FeedDownError, match="rate limit"):
            await asker(waits, busy).ask(answers(*[BusyError(0.0, "slow down")] * 50))
        assert len(waits.seconds) <= waited
        assert sum(waits.seconds) <= 180


async def test_a_call_that_hangs_is_left():
    import time

    hasty = Asker("A vendor", "", 0.0, Patience(tries=2, call_seconds=0.05), Waits(),
                  np.random.default_rng(1))  # fmt: skip
    with pytest.raises(FeedDownError, match="doesn't answer"):
        await hasty.ask(lambda: time.sleep(0.3))


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"Retry-After": "9"}, 9.0),
        (429, {"retry-after": "soon"}, 0.0),
        (429, {}, 0.0),
        (418, {"Retry-After": "3"}, 3.0),
        (429, {"X-RateLimit-Reset": str(int(NOW.timestamp()) + 12),
               "Date": "Wed, 12 Mar 2025 14:37:20 GMT"}, 12.0),
        (429, {"X-RateLimit-Reset": str(int(NOW.timestamp()) + 12), "Date": "today"}, 0.0),
    ],
)  # fmt: skip
def test_how_long_an_answer_asks_to_wait(status, headers, wait):
    with pytest.raises(BusyError) as busy:
        asker(Waits()).judged(Answer(status, headers, "too many requests"))
    assert busy.value.seconds == wait


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"message": "no *such*   plan"}', ": “no *such* plan”"),
        ('{"error": {"code": 7}}', ""),
        ("[1]", ""),
        ("<html>forbidden</html>", ""),
        ('{"message": "' + "a" * 500 + '"}', ": “" + "a" * 120 + "”"),
    ],
)
def test_a_refusal_quotes_the_vendor_s_own_reason_and_names_the_setting(text, said):
    for status in (401, 403, 451):
        with pytest.raises(FeedRefusedError) as refused:
            asker(Waits()).judged(Answer(status, {}, text))
        assert refused.value.user_text == f"A vendor won't answer us{said}. Check THE_KEY."


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_what_passes_is_a_failure_and_what_is_an_answer_comes_back(status):
    with pytest.raises(FailedError):
        asker(Waits()).judged(Answer(status, {}, "<html>"))
    told = Answer(404, {}, "{}")
    assert asker(Waits()).judged(told) is told
