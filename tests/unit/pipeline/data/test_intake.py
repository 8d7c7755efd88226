"""What is kept of new bars and what waits: planted faults are found, real bars pass."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.intake import judged
from pipeline.domain.market import Timeframe
from pipeline.domain.source import WithheldKind
from storage.instruments import YamlInstruments
from tests.kit.real_bars import real_bars
from tests.kit.source_worlds import walk_bars

NOW = datetime(2025, 3, 12, tzinfo=UTC)
EURUSD = next(i for i in YamlInstruments()._built_in if i.symbol == "EURUSD")
GER40 = next(i for i in YamlInstruments()._built_in if i.symbol == "GER40")
BARS = walk_bars(datetime(2025, 3, 3, tzinfo=UTC), NOW)
PRICES = ["open", "high", "low", "close"]


def judge(bars, held=None, **more):
    held = bars.iloc[:0] if held is None else held
    return judged(bars, held, EURUSD, Timeframe.M1, source="x", now=NOW, **more)


@settings(max_examples=40)
@given(
    st.integers(0, 1500),
    st.sets(st.integers(0, 1999), max_size=12),
    st.sets(st.integers(0, 1999), max_size=5),
)
def test_every_bar_is_held_kept_or_withheld_and_asking_again_changes_nothing(cut, changed, wicks):
    bars = BARS.head(2000).copy()
    held = bars.head(cut).copy()
    for i in changed:
        bars.loc[i, PRICES] += 0.0005
    for i in wicks:
        bars.loc[i, "high"] += 0.05
    kept, withheld = judge(bars, held)
    waiting = {bar.open_time for bar in withheld}
    assert not waiting & set(kept["open_time"])
    same = [i for i in range(cut) if i not in changed | wicks]
    assert len(kept) + len(waiting) + len(same) == len(bars)
    revised = {b.open_time for b in withheld if b.kind is WithheldKind.REVISED}
    assert revised == {bars["open_time"][i] for i in (changed | wicks) if i < cut}
    assert judge(kept)[0].equals(kept) or any(i in wicks for i in range(cut, 2000))


def test_a_wick_far_beyond_both_neighbours_waits_and_a_move_that_stays_does_not():
    spike, news = BARS.head(500).copy(), BARS.head(500).copy()
    spike.loc[200, "high"] += 0.03
    news.loc[200:, PRICES] += 0.03
    news.loc[200, "low"] -= 0.03
    assert [(b.open_time, b.kind) for b in judge(spike)[1]] == [
        (BARS["open_time"][200], WithheldKind.SPIKE)
    ]
    assert judge(news)[1] == []


def test_few_bars_are_judged_by_those_before_them():
    few = BARS.iloc[500:530].reset_index(drop=True)
    few.loc[12, "high"] += 0.03
    assert judge(few)[1] == []
    kept, (spike,) = judge(few, before=BARS.iloc[20:500])
    assert spike.open_time == few["open_time"][12] and len(kept) == 29
    first = BARS.iloc[500:530].reset_index(drop=True)
    first.loc[0, "low"] -= 0.03
    assert [b.kind for b in judge(first, before=BARS.iloc[20:500])[1]] == [WithheldKind.SPIKE]
    assert judge(BARS.iloc[500:530].reset_index(drop=True), before=BARS.iloc[20:500])[1] == []


def test_half_a_tick_is_no_revision():
    bars = BARS.head(300).copy()
    bars[PRICES] += EURUSD.tick_size * 0.49
    assert len(judge(bars, BARS.head(300))[1]) == 0


def test_a_saturday_waits_where_the_market_rests_and_a_sunday_evening_does_not():
    saturday = walk_bars(datetime(2025, 3, 3, tzinfo=UTC), datetime(2025, 3, 3, 2, tzinfo=UTC))
    for days, kinds in ((5, {WithheldKind.OUT_OF_HOURS}), (0, set())):
        moved = saturday.copy()
        for name in ("open_time", "close_time"):
            moved[name] += np.timedelta64(days * 24 * 60 + 8 * 60, "m")
        assert {b.kind for b in judge(moved)[1]} == kinds


@pytest.mark.parametrize(
    ("name", "timeframe", "thing"),
    [("eurusd_m1_histdata_2024H1", Timeframe.M1, EURUSD), ("ger40_m5_2025", Timeframe.M5, GER40)],
)
def test_of_real_bars_hardly_any_waits(name, timeframe, thing):
    bars, _ = real_bars(name)
    withheld = []
    for start in range(0, len(bars), 5000):
        page = bars.iloc[start : start + 5000].reset_index(drop=True)
        withheld += judged(page, page.iloc[:0], thing, timeframe, source="x", now=NOW)[1]
    assert len(withheld) <= len(bars) / 20_000
