"""The raid machine says what its slow plain twin says, event by event."""

from datetime import time, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.costs import spread_prices
from pipeline.domain.market import Instrument, Timeframe
from tests.kit import reference_detectors as plain
from tests.kit import reference_raids
from tests.kit.bar_strategies import EURUSD, GER40, bar_frames, random_bars
from tests.kit.real_bars import real_bars
from tests.kit.run_detector import plain_rows as rows
from tests.kit.run_detector import run_detector

Drawn = tuple[pd.DataFrame, Timeframe, Instrument]


def _check_raids(
    drawn: Drawn, wall: tuple[str, str], params: dict[str, Any], session: str
) -> list[tuple]:
    of_session = ("session_range", {"session": session, "min_coverage": 0.5})
    return _check_raids_of(drawn, wall, params, of_session)


def _check_raids_of(
    drawn: Drawn,
    wall: tuple[str, str],
    params: dict[str, Any],
    source: tuple[str, dict[str, Any]],
) -> list[tuple]:
    bars, timeframe, instrument = drawn
    providers = {"levels": source}
    ranges = run_detector(source[0], bars, timeframe, instrument, source[1])
    given_params = {"start": wall[0], "end": wall[1], **params}
    found = run_detector("raid", bars, timeframe, instrument, given_params, providers=providers)
    formed = ranges[ranges["event"].isin(["formed", "high", "low"])]
    if "end" not in formed:
        local = formed["known_at"].dt.tz_convert("Europe/Berlin").dt.strftime("%Y-%m-%d")
        formed = formed.assign(end=formed["known_at"], day=local)
    rules = reference_raids.RaidRules(
        "Europe/Berlin",
        *map(time.fromisoformat, wall),
        timedelta(minutes=params["reclaim_minutes"]),
        params["pen_frac"],
        params["min_ticks"] * instrument.tick_size,
        params["spread_mult"],
        params["rearm_frac"],
        params["max_per_day"],
        1e-6 * instrument.tick_size,
    )
    spread = spread_prices(bars, instrument).tolist()
    levels = rows(formed, "bar", "price_low", "price_high", "day", "end", "side")
    expected = reference_raids.raids(plain.plain_bars(bars, spread), levels, rules)
    told = found.assign(
        penetrated_bar=found["penetrated_bar"]
        .astype("object")
        .where(found["penetrated_bar"] >= 0, None)
    )
    names = (
        "bar",
        "event",
        "side",
        "level",
        "extreme",
        "penetrated_bar",
        "day",
        "bars_outside",
        "double_raid",
    )
    # Many swings or pools may be raided by one bar: they come in the order they were known.
    assert sorted(map(repr, rows(told, *names))) == sorted(map(repr, expected))
    if "day" in ranges:
        assert rows(told, *names) == expected
    _check_raid_extras(found, bars, timeframe, instrument)
    return expected


def _check_raid_extras(
    found: pd.DataFrame, bars: pd.DataFrame, timeframe: Timeframe, instrument: Instrument
) -> None:
    atr = run_detector("atr", bars, timeframe, instrument)
    depth = (found["level"] - found["extreme"]).abs().to_numpy() / atr[found["bar"].to_numpy()]
    np.testing.assert_array_equal(found["depth_atr"], depth)
    hit = found[found["penetrated_bar"] >= 0]
    at = hit["penetrated_bar"].to_numpy()
    assert hit["penetrated_at"].tolist() == bars["close_time"].iloc[at].tolist()
    assert hit["start"].tolist() == bars["open_time"].iloc[at].tolist()
    assert found["penetrated_at"].isna().sum() == len(found) - len(hit)
    for _, raid in found.groupby("zone_id"):
        assert raid[["side", "penetrated_bar", "level", "double_raid"]].nunique().max() == 1
        words = tuple(raid["event"])
        assert words in {
            ("penetrated",),
            ("expired",),
            ("penetrated", "reclaimed"),
            ("penetrated", "accepted_break"),
            ("penetrated", "expired"),
        }


raid_rules = st.fixed_dictionaries(
    {
        "reclaim_minutes": st.sampled_from([1, 15, 30, 240]),
        "pen_frac": st.sampled_from([0.0, 0.1]),
        "min_ticks": st.sampled_from([0.0, 1.0, 30.0]),
        "spread_mult": st.sampled_from([0.0, 1.0]),
        "rearm_frac": st.sampled_from([0.0, 0.25]),
        "max_per_day": st.sampled_from([1, 2, 9]),
    }
)
walls = st.sampled_from(
    [
        (("09:00", "11:00"), "frankfurt"),
        (("08:00", "10:00"), "asia"),
        (("22:00", "02:00"), "new_york_fx"),
        (("09:07", "15:03"), "frankfurt"),
        (("09:00", "08:30"), "frankfurt"),
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bar_frames(max_size=1500), raid_rules, walls)
def test_raid(drawn: Drawn, params: dict[str, Any], where: tuple[tuple[str, str], str]) -> None:
    _check_raids(drawn, where[0], params, where[1])


DEFAULT_RAID = {
    "reclaim_minutes": 30,
    "pen_frac": 0.0,
    "min_ticks": 1.0,
    "spread_mult": 1.0,
    "rearm_frac": 0.25,
    "max_per_day": 1,
}


@pytest.mark.parametrize("seed", range(4))
def test_raid_on_many_days(seed: int) -> None:
    bars = random_bars(np.random.default_rng(seed), 3000, missing=0.05, spread=True)
    params = DEFAULT_RAID | {"max_per_day": seed + 1}
    drawn = (bars, Timeframe.M5, EURUSD)
    assert len(_check_raids(drawn, ("09:00", "11:00"), params, "frankfurt")) > 25


@pytest.mark.parametrize("name", ["ger40_m5_2025", "eurusd_m5_mt5_2020"])
def test_raid_on_real_bars(name: str) -> None:
    bars, timeframe = real_bars(name)
    drawn = (
        bars.iloc[13_500:18_500].reset_index(drop=True),
        timeframe,
        GER40 if name.startswith("ger") else EURUSD,
    )
    assert len(_check_raids(drawn, ("09:00", "11:00"), DEFAULT_RAID, "frankfurt")) > 40
    assert len(_check_raids(drawn, ("08:00", "10:00"), DEFAULT_RAID, "asia")) > 20


SOURCES = [
    ("previous_day", {"min_coverage": 0.2}),
    ("previous_week", {"min_coverage": 0.2}),
    ("opening_price", {"of": "day"}),
    ("opening_price", {"of": "new_york_midnight"}),
    ("swing", {"k": 3}),
    ("equal_levels", {"tolerance_atr": 1.0}),
]


@pytest.mark.parametrize(
    "source", SOURCES, ids=lambda s: "-".join(map(str, (s[0], *s[1].values())))
)
def test_raid_of_any_level(source: tuple[str, dict[str, Any]]) -> None:
    bars = random_bars(np.random.default_rng(12), 2400, Timeframe.M15, missing=0.02)
    params = DEFAULT_RAID | {"max_per_day": 2, "spread_mult": 0.0}
    drawn = (bars, Timeframe.M15, EURUSD)
    expected = _check_raids_of(drawn, ("09:00", "15:00"), params, source)
    assert sum(event[1] == "reclaimed" for event in expected) > 2
    sides = {event[2] for event in expected}
    assert sides == {1, -1}
