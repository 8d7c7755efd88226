"""The window holds the whole story, in bars that a phone can show."""

from datetime import timedelta

import numpy as np
import pytest

from pipeline.domain.bars import bar_frame, empty_bars
from pipeline.domain.errors import NoBarsError
from pipeline.domain.market import Timeframe
from pipeline.render.window import MOST_BARS, bar_words, choose_window
from tests.kit.pictures import opened, walk


@pytest.fixture(scope="module")
def bars():
    return walk(np.random.default_rng(1), 3000, Timeframe.M1, 1.1)


@pytest.mark.parametrize(
    ("first", "last"), [(0, 0), (5, 40), (1000, 1050), (2990, 2999), (0, 2999)]
)
def test_the_story_is_inside_and_few_bars_are_shown(bars, first, last):
    window = choose_window(bars, Timeframe.M1, (opened(bars, first), opened(bars, last)), 100)
    assert window.bars <= MOST_BARS
    assert window.bars >= 80 or window.minutes > 1
    step = window.minutes * 60
    assert window.times[0] <= opened(bars, first).timestamp()
    assert opened(bars, last).timestamp() < window.times[window.bars - 1] + step
    assert len(window.times) > window.bars


def test_a_short_story_is_shown_in_its_own_bars(bars):
    window = choose_window(bars, Timeframe.M1, (opened(bars, 1000), opened(bars, 1020)), 100)
    assert (window.minutes, window.bars) == (1, 100)
    assert bar_words(Timeframe.M1, window.minutes) == "M1"


@pytest.mark.parametrize(
    ("minutes", "words"), [(3, "M1 shown as M3"), (60, "M1 shown as H1"), (1440, "M1 shown as D1")]
)
def test_the_header_says_what_is_joined(minutes, words):
    assert bar_words(Timeframe.M1, minutes) == words


def test_joined_bars_keep_extremes_open_and_close(bars):
    span = (opened(bars, 100), opened(bars, 900))
    window = choose_window(bars, Timeframe.M1, span, 100)
    assert window.minutes > 1
    step = window.minutes * 60
    seconds = np.array([t.timestamp() for t in bars["open_time"]])
    for start, row in list(zip(window.times, window.prices, strict=False))[1:-1]:
        part = bars[(seconds >= start) & (seconds < start + step)]
        o, h, low, c = (
            part["open"].iloc[0],
            part["high"].max(),
            part["low"].min(),
            part["close"].iloc[-1],
        )
        assert row.tolist() == [o, h, low, c]


def test_holes_in_the_bars_leave_no_holes_in_the_window(bars):
    holey = bars[(np.arange(3000) < 500) | (np.arange(3000) > 1400)].reset_index(drop=True)
    window = choose_window(holey, Timeframe.M1, (opened(bars, 480), opened(bars, 1450)), 100)
    assert window.minutes == 1
    assert len(window.prices) <= MOST_BARS


def test_room_ahead_grows_for_a_plan(bars):
    span = (opened(bars, 2950), opened(bars, 2999))
    near, far = (choose_window(bars, Timeframe.M1, span, 100, ahead) for ahead in (0.06, 0.18))
    assert len(far.times) - far.bars > len(near.times) - near.bars
    assert far.times[-1] - far.times[far.bars - 1] == (len(far.times) - far.bars) * 60


def test_no_bars_is_said():
    moment = opened(walk(np.random.default_rng(1), 1, Timeframe.M1, 1.0), 0)
    with pytest.raises(NoBarsError):
        choose_window(empty_bars(), Timeframe.M1, (moment, moment), 100)


def test_one_bar_is_enough():
    one = walk(np.random.default_rng(1), 1, Timeframe.M15, 20000.0)
    moment = opened(one, 0)
    window = choose_window(one, Timeframe.M15, (moment - timedelta(days=1), moment), 100)
    assert window.bars == 1
    assert bar_frame(one["open_time"], Timeframe.M15, window.prices)["close"].iloc[0] > 0


def test_context_far_off_does_not_press_the_story_flat():
    bars = walk(np.random.default_rng(3), 400, Timeframe.M15, 100.0)
    for name in ("open", "high", "low", "close"):
        bars.loc[bars.index < 175, name] *= 1.2
    story = (opened(bars, 200), opened(bars, 240))
    window = choose_window(bars, Timeframe.M15, story, 100)
    assert window.prices[:, 1].max() < 115
    assert 80 <= window.bars <= 100
