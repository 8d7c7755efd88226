"""Raids, rule by rule, on days made by hand, and counted on real ones."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.detectors import get
from pipeline.domain.events import Events
from pipeline.domain.market import Timeframe
from tests.kit.bar_strategies import EURUSD, GER40, random_bars
from tests.kit.berlin_days import Told, berlin_day, berlin_days, walls
from tests.kit.real_bars import real_bars
from tests.kit.run_detector import as_frame, run_detector

DAY = "2025-03-12"
OUT = (100.5, 101.0, 99.0, 99.5)  # a bar that goes below 100 and closes there
BACK = (99.5, 101.5, 99.2, 101.0)  # one that closes back over 100
DIP = (101.0, 102.0, 99.0, 101.0)  # wick and close in one bar
DEEP_INSIDE = (101.0, 104.0, 101.0, 103.0)  # closes more than a quarter of the range inside
UP = (109.0, 111.0, 108.0, 109.0)  # raids the high


def raids(bars: pd.DataFrame, **params: Any) -> pd.DataFrame:
    return run_detector("raid", bars, Timeframe.M5, GER40, params)


def told(told: Told, **params: Any) -> list[tuple[str, str, int]]:
    """Return (word, Berlin time of the bar's close, side), without levels never touched."""
    return words(raids(berlin_day(DAY, told), **params))


def words(found: pd.DataFrame) -> list[tuple[str, str, int]]:
    found = found[found["penetrated_bar"] >= 0]
    return list(zip(found["event"], walls(found["known_at"]), found["side"], strict=True))


def test_wick_and_close_in_one_bar() -> None:
    assert told({"09:10": DIP}) == [("penetrated", "09:15", 1), ("reclaimed", "09:15", 1)]


def test_high_is_the_mirror_image() -> None:
    found = raids(berlin_day(DAY, {"09:10": UP}))
    assert words(found) == [("penetrated", "09:15", -1), ("reclaimed", "09:15", -1)]
    row = found[found["event"] == "reclaimed"].iloc[0]
    assert (row["level"], row["opposite"], row["extreme"]) == (110.0, 100.0, 111.0)
    assert (row["price_low"], row["price_high"]) == (110.0, 111.0)


def test_later_close_back() -> None:
    found = raids(
        berlin_day(DAY, {"09:10": OUT, "09:15": (99.5, 99.8, 98.0, 99.5), "09:20": BACK})
    )
    assert words(found) == [("penetrated", "09:15", 1), ("reclaimed", "09:25", 1)]
    row = found[found["event"] == "reclaimed"].iloc[0]
    assert (row["extreme"], row["bars_outside"], row["day"]) == (98.0, 2, DAY)
    assert row["penetrated_at"] == found["known_at"].iloc[0]


def test_close_on_the_level_is_not_back() -> None:
    assert told({"09:10": (101.0, 101.0, 99.0, 100.0), "09:15": DEEP_INSIDE})[1][:2] == (
        "reclaimed",
        "09:20",
    )


def test_thirty_minutes_from_the_open_of_the_penetrating_bar() -> None:
    outside = {f"09:{m:02d}": OUT for m in range(0, 25, 5)}
    assert told({**outside, "09:25": BACK})[1] == ("reclaimed", "09:30", 1)
    assert told({**outside, "09:25": OUT, "09:30": BACK})[1] == ("accepted_break", "09:30", 1)


def test_time_counts_not_bars() -> None:
    gone: Told = {f"09:{m:02d}": None for m in range(15, 45, 5)}
    assert told({"09:10": OUT, **gone, "09:45": BACK})[1] == ("accepted_break", "09:50", 1)


def test_a_bar_longer_than_the_patience_may_reclaim_itself() -> None:
    assert told({"09:10": DIP}, reclaim_minutes=1)[1] == ("reclaimed", "09:15", 1)
    assert told({"09:10": OUT, "09:15": BACK}, reclaim_minutes=1)[1] == (
        "accepted_break",
        "09:15",
        1,
    )


@pytest.mark.parametrize(
    ("low", "params", "hit"),
    [
        (99.9, {"min_ticks": 1, "spread_mult": 0}, False),  # exactly one tick (0.1)
        (99.8, {"min_ticks": 1, "spread_mult": 0}, True),
        (99.0, {"min_ticks": 0, "spread_mult": 0, "pen_frac": 0.1}, False),  # exactly 0.1 × 10
        (98.9, {"min_ticks": 0, "spread_mult": 0, "pen_frac": 0.1}, True),
        (98.0, {}, False),  # exactly one spread of 2.0
        (97.9, {}, True),
        (97.9, {"spread_mult": 2}, False),
    ],
)
def test_penetration_is_the_largest_of_three(
    low: float, params: dict[str, Any], hit: bool
) -> None:
    bars = berlin_day(DAY, {"09:10": (105.0, 106.0, low, 105.0)}, spread=2.0)
    assert bool(words(raids(bars, **params))) == hit


@pytest.mark.parametrize(("ticks", "hit"), [(1, False), (2, True), (6, True)])
def test_ticks_are_exact_at_every_price(ticks: int, hit: bool) -> None:
    """Low one tick below is not *more* than one tick below, whatever binary makes of it."""
    for level in range(110_000, 110_060):
        bars = berlin_day(DAY, {"09:10": DIP}, end="09:20")
        low, deep = level / 1e5, (level - ticks) / 1e5
        bars[["open", "high", "low", "close"]] = low
        bars.loc[bars.index[-2], "low"] = deep
        found = run_detector("raid", bars, Timeframe.M5, EURUSD, {"spread_mult": 0})
        assert (1 in set(found["side"])) == hit


@pytest.mark.parametrize(("past", "hit"), [(0, False), (1, True)])
def test_a_share_of_the_range_is_exact_at_every_price(past: int, hit: bool) -> None:
    """Low exactly 0.1 × range below is not *more* than that, whatever binary makes of it."""
    params = {"spread_mult": 0, "min_ticks": 0, "pen_frac": 0.1}
    for level in range(90_170, 90_230):
        bars = berlin_day(DAY, {"09:10": DIP}, end="09:20")
        bars[["open", "high", "low", "close"]] = level / 1e5
        bars.loc[bars.index[-10], "high"] = (level + 4500) / 1e5
        bars.loc[bars.index[-2], "low"] = (level - 450 - past) / 1e5
        found = run_detector("raid", bars, Timeframe.M5, EURUSD, params)
        touched = found[found["penetrated_bar"] >= 0]
        assert (1 in set(touched["side"])) == hit


def test_window_is_half_open() -> None:
    assert told({"08:55": QUIET_LOW, "11:00": DIP}) == []
    assert told({"10:55": DIP})[-1] == ("reclaimed", "11:00", 1)


QUIET_LOW = (105.0, 106.0, 100.0, 105.0)


def test_expires_outside_at_the_end_of_the_window() -> None:
    found = raids(berlin_day(DAY, {"10:50": OUT, "10:55": OUT, "11:00": BACK}))
    assert words(found) == [("penetrated", "10:55", 1), ("expired", "11:00", 1)]
    assert found[found["event"] == "expired"]["bars_outside"].tolist() == [2, 0]


def test_expires_untouched() -> None:
    found = raids(berlin_day(DAY, {}))
    assert found["event"].tolist() == ["expired", "expired"]
    assert walls(found["known_at"]) == ["11:00", "11:00"]
    assert found["penetrated_bar"].tolist() == [-1, -1]
    assert found["price_low"].tolist() == found["level"].tolist() == [100.0, 110.0]


def test_one_per_level_and_day() -> None:
    again: Told = {"09:10": DIP, "09:20": DEEP_INSIDE, "09:30": DIP}
    assert len(told(again)) == 2
    assert len(told(again, max_per_day=2)) == 4
    assert len(told(again, max_per_day=9, rearm_frac=0.6)) == 2  # 0.6 of 10 inside: 106


def test_rearmed_after_an_accepted_break() -> None:
    broken: Told = {f"09:{m:02d}": OUT for m in range(0, 30, 5)}
    shallow = {**broken, "09:30": (99.5, 102.0, 99.5, 102.0)}
    shallow |= {
        f"{h:02d}:{m:02d}": (102.0, 102.5, 101.0, 102.0)
        for h in (9, 10)
        for m in range(0, 60, 5)
        if (h, m) > (9, 30)
    }
    assert [w for w, _, _ in told({**shallow, "10:20": DIP})] == ["penetrated", "accepted_break"]
    deep = {**shallow, "10:10": DEEP_INSIDE, "10:20": DIP}
    assert [w for w, _, _ in told(deep)] == [
        "penetrated",
        "accepted_break",
        "penetrated",
        "reclaimed",
    ]


def test_close_of_a_quarter_exactly_does_not_rearm() -> None:
    quarter = (102.0, 103.0, 101.5, 102.5)
    rest = {f"{h:02d}:{m:02d}": quarter for h in (9, 10) for m in range(0, 60, 5)}
    assert len(told({**rest, "09:10": DIP, "09:30": DIP}, max_per_day=3)) == 2
    assert (
        len(told({**rest, "09:10": DIP, "09:20": DEEP_INSIDE, "09:30": DIP}, max_per_day=3)) == 4
    )


def test_double_raid() -> None:
    found = raids(berlin_day(DAY, {"09:10": UP, "09:30": DIP}))
    double = {
        (s, d)
        for s, d, p in zip(
            found["side"], found["double_raid"], found["penetrated_bar"], strict=True
        )
        if p >= 0
    }
    assert double == {(-1, 0), (1, 1)}
    both = raids(berlin_day(DAY, {"09:10": (105.0, 111.0, 99.0, 105.0)}))
    assert both["double_raid"].tolist() == [0] * 4  # neither came on an earlier bar
    assert both["zone_id"].tolist() == [0, 0, 1, 1]


def test_no_raid_of_an_incomplete_range() -> None:
    bars = berlin_day(DAY, {"08:30": None, "08:35": None, "09:10": DIP})
    assert len(raids(bars)) == 0


def test_level_known_late_is_watched_from_then_on_the_same_day() -> None:
    bars = berlin_day(DAY, {"08:55": None, "09:00": DIP, "09:05": OUT, "09:10": BACK})
    assert words(raids(bars)) == [("penetrated", "09:10", 1), ("reclaimed", "09:15", 1)]


@pytest.mark.parametrize(
    "day", ["2025-03-10", "2025-03-28", "2025-03-31", "2025-10-27", "2025-10-31"]
)
def test_window_follows_the_clock_on_the_wall(day: str) -> None:
    assert words(raids(berlin_day(day, {"09:00": DIP})))[0] == ("penetrated", "09:05", 1)
    asia_end = {"2025-03-31": "08:00"}.get(day, "07:00")  # 15:00 Tokyo
    start = {"08:00": "02:00", "07:00": "01:00"}[asia_end]
    bars = berlin_day(day, {start: (105.0, 110.0, 100.0, 105.0), "08:00": DIP}, start=start)
    found = run_detector(
        "raid",
        bars,
        Timeframe.M5,
        GER40,
        {"start": "08:00", "end": "10:00"},
        providers={"levels": ("session_range", {"session": "asia"})},
    )
    assert words(found) == [("penetrated", "08:05", 1), ("reclaimed", "08:05", 1)]
    assert set(found["day"]) == {day}


@pytest.mark.parametrize(("day", "end"), [("2025-03-10", "07:00"), ("2025-03-31", "08:00")])
def test_a_level_is_watched_from_its_end_in_a_window_that_began_before(day: str, end: str) -> None:
    start = f"{int(end[:2]) - 6:02d}:00"
    story = {start: (105.0, 110.0, 100.0, 105.0), f"{end[:3]}30": DIP}
    bars = berlin_day(day, story, start=start)
    london = {"zone": "Europe/London", "start": "06:00", "end": "11:00"}
    asia = {"levels": ("session_range", {"session": "asia"})}
    found = run_detector("raid", bars, Timeframe.M5, GER40, london, providers=asia)
    assert words(found)[0] == ("penetrated", f"{end[:3]}35", 1)
    assert set(found["day"]) == {day}


def test_each_day_has_its_own_level() -> None:
    days = {"2025-03-28": {"09:10": DIP}, "2025-03-31": {"09:20": DIP}, "2025-04-01": {}}
    found = raids(berlin_days(days))
    assert words(found)[::2] == [("penetrated", "09:15", 1), ("penetrated", "09:25", 1)]
    assert set(found["day"]) == set(days)


def test_levels_of_any_detector_will_do() -> None:
    bars = berlin_day(DAY, {"09:10": DIP})
    levels = run_detector("session_range", bars, Timeframe.M5, GER40).drop(
        columns=["day", "end", "session", "mid"]
    )
    atr = run_detector("atr", bars, Timeframe.M5, GER40)
    found = get("raid").detect(
        bars,
        get("raid").parameters(),
        {"levels": Events.from_frame(levels), "atr": atr},
        GER40,
        Timeframe.M5,
    )
    pd.testing.assert_frame_equal(as_frame(found), raids(bars))


@pytest.mark.parametrize(
    "bad", [{"zone": "Europe/Berlln"}, {"start": "9 Uhr"}, {"start": "11:00"}, {"min_ticks": -1}]
)
def test_refuses_nonsense(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        get("raid").parameters(**bad)


@pytest.mark.parametrize("seed", range(3))
def test_all_words_appear_on_random_bars(seed: int) -> None:
    bars = random_bars(np.random.default_rng(seed), 3000)
    found = run_detector("raid", bars, Timeframe.M5, EURUSD)
    assert set(found["event"]) == set(get("raid").gives)


FRANKFURT = ("session_range", {}, {"start": "09:00", "end": "11:00"})
BALANCE = ("initial_balance", {}, {"start": "10:00", "end": "12:00"})


@pytest.mark.parametrize(
    ("name", "instrument", "kind", "expected"),
    [
        ("ger40_m5_2025", GER40, FRANKFURT, 109),
        ("ger40_m5_2025", GER40, BALANCE, 72),
        ("eurusd_m5_mt5_2020", EURUSD, FRANKFURT, 102),
        ("eurusd_m5_mt5_2020", EURUSD, BALANCE, 81),
    ],
)
def test_counts_on_real_bars(name: str, instrument: Any, kind: Any, expected: int) -> None:
    """Raids that are reclaimed, per 100 days with a range (measured apart)."""
    bars, timeframe = real_bars(name)
    provider, given, window = kind
    levels = run_detector(provider, bars, timeframe, instrument, given)
    found = run_detector(
        "raid", bars, timeframe, instrument, window, providers={"levels": (provider, given)}
    )
    days = (levels["event"] == "formed").sum()
    per_100_days = 100 * (found["event"] == "reclaimed").sum() / days
    # Measured: 105, 68, 95 and 78. The rest is the spread: at one tick 110, 71, 99 and 83.
    assert 0.75 * expected <= per_100_days <= 1.25 * expected, per_100_days
