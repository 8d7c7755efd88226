"""The registry, the events' guard, and zones as they are given to the outside."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from pipeline.detectors import all_detectors, base, get, to_zones
from pipeline.domain.market import Timeframe
from tests.kit.bar_strategies import EURUSD, GER40, random_bars
from tests.kit.berlin_days import berlin_day
from tests.kit.run_detector import run_detector

BARS = random_bars(np.random.default_rng(7), 5000, missing=0.03)
EVENTS = [d.name for d in all_detectors() if d.output == "events"]


def test_all_are_registered() -> None:
    assert {d.name for d in all_detectors()} == {
        "adr",
        "atr",
        "developing_range",
        "displacement",
        "engulfing",
        "equal_levels",
        "fair_value_gap",
        "initial_balance",
        "opening_price",
        "order_block",
        "ote",
        "premium_discount",
        "previous_day",
        "previous_week",
        "raid",
        "session_range",
        "structure",
        "swing",
        "vwap",
        "vwap_basis",
    }


def test_registry_refuses_a_second_of_a_name() -> None:
    with pytest.raises(ValueError, match="twice"):
        base.register(get("atr"))


def test_unknown_name_names_the_known() -> None:
    with pytest.raises(KeyError, match="fair_value_gap"):
        get("fair_value_gaps")


def test_events_refuse_a_wrong_type() -> None:
    values = {
        "side": np.zeros(1),  # float
        "start": np.zeros(1, dtype="int64"),
        "price_low": np.ones(1),
        "price_high": np.ones(1),
        "zone_id": np.zeros(1, dtype="int64"),
    }
    with pytest.raises(TypeError, match="side"):
        base.events_at(
            BARS, np.zeros(1, dtype="int64"), (("formed",), np.zeros(1, dtype="int64")), values
        )


@pytest.mark.parametrize("name", EVENTS)
def test_zones_keep_the_contract(name: str) -> None:
    events = run_detector(name, BARS, Timeframe.M5, EURUSD)
    zones = to_zones(name, events)
    priced = events[events["event"] != "incomplete"]
    levels = 2 if name.startswith("previous") else 1
    assert len(zones) == levels * priced["zone_id"].nunique() > 0
    assert len(zones) < len(events) or name not in {"fair_value_gap", "raid"}
    assert {z.type for z in zones} == {name}
    assert all(z.start <= z.known_at for z in zones)
    assert to_zones(name, events.iloc[:0]) == []


def test_gap_zone_tells_its_status_as_of_the_last_event_given() -> None:
    events = run_detector("fair_value_gap", BARS, Timeframe.M5, EURUSD)
    inverted = events[events["event"] == "inverted"]
    one = events[events["zone_id"] == inverted["zone_id"].iloc[0]]
    status = [
        to_zones("fair_value_gap", one.iloc[: i + 1])[0].meta["mitigation_status"]
        for i in range(len(one))
    ]
    assert status == ["open", "partial", "partial", "filled", "inverted"]
    born, dead = (to_zones("fair_value_gap", one.iloc[:n])[0] for n in (1, 5))
    assert born.known_at == dead.known_at == one["known_at"].iloc[0].to_pydatetime()
    assert (born.end, dead.end) == (None, one["known_at"].iloc[-1].to_pydatetime())
    assert born.meta["fvg_direction"] in {"bullish", "bearish"}
    assert born.meta["gap_size_atr"] >= 0.1
    assert born.meta["gap_size_pct"] == pytest.approx(100 * (born.price_high / born.price_low - 1))


def test_session_zone() -> None:
    bars = berlin_day("2025-03-12", {"08:30": None})
    zone = to_zones("session_range", run_detector("session_range", bars, Timeframe.M5, GER40))[0]
    assert zone.meta["session_name"] == "frankfurt"
    assert (zone.price_low, zone.price_high, zone.confidence) == (100.0, 110.0, 11 / 12)


def test_raid_and_swing_zones() -> None:
    bars = berlin_day("2025-03-12", {"09:10": (101.0, 102.0, 99.0, 101.0)})
    raids = to_zones("raid", run_detector("raid", bars, Timeframe.M5, GER40))
    assert [(z.meta["swept"], z.meta["event"]) for z in raids] == [
        (True, "reclaimed"),
        (False, "expired"),
    ]
    swings = to_zones("swing", run_detector("swing", BARS, Timeframe.M5, EURUSD))
    assert all(len({"swing_high", "swing_low"} & set(z.meta)) == 1 for z in swings)
    assert all(z.price_low == z.price_high for z in swings)
    breaks = to_zones("structure", run_detector("structure", BARS, Timeframe.M5, EURUSD))
    assert {"break_strength", "trend_before", "trend_after"} <= set(breaks[0].meta)


def test_previous_days_and_weeks_are_named_levels() -> None:
    for name, low, high in (("previous_day", "PDL", "PDH"), ("previous_week", "PWL", "PWH")):
        events = run_detector(name, BARS, Timeframe.M5, EURUSD)
        zones = to_zones(name, events)
        assert [z.meta["level_name"] for z in zones] == [low, high] * (len(zones) // 2)
        assert all(z.price_low == z.price_high for z in zones)
        last = events.iloc[-1]
        assert [z.price_low for z in zones[-2:]] == [last["price_low"], last["price_high"]]
    weeks = to_zones("previous_week", run_detector("previous_week", BARS, Timeframe.M5, EURUSD))
    assert len({z.known_at for z in weeks}) == len(weeks) / 2, "known once, in force all week"


@pytest.mark.parametrize(
    ("of", "name"),
    [("day", "day open"), ("week", "week open"), ("new_york_midnight", "NY midnight")],
)
def test_opening_prices_are_named_levels(of: str, name: str) -> None:
    events = run_detector("opening_price", BARS, Timeframe.M5, EURUSD, {"of": of})
    assert {z.meta["level_name"] for z in to_zones("opening_price", events)} == {name}


def test_a_pool_stays_swept_and_ends_when_taken() -> None:
    events = run_detector("equal_levels", BARS, Timeframe.M5, EURUSD)
    of_each = events.groupby("zone_id")["event"].agg(list)
    chosen = of_each[of_each.map(lambda words: words == ["formed", "swept", "taken"])].index[0]
    one = events[events["zone_id"] == chosen]
    zones = [to_zones("equal_levels", one.iloc[:n])[0] for n in (1, 2, 3)]
    assert [z.meta["swept"] for z in zones] == [False, True, True]
    assert [z.end is None for z in zones] == [True, True, False]
    assert zones[0].meta["touches"] >= 2


@pytest.mark.parametrize("harm", ["nan", "crossed", "late start"])
def test_output_that_breaks_the_schema_is_raised(harm: str) -> None:
    events = run_detector("swing", BARS, Timeframe.M5, EURUSD).head(3)
    if harm == "nan":
        events.loc[1, "price_low"] = np.nan
    elif harm == "crossed":
        events.loc[1, "price_low"] = events.loc[1, "price_high"] + 1
    else:
        events.loc[1, "start"] = events.loc[1, "known_at"] + pd.Timedelta(minutes=1)
    with pytest.raises(ValidationError):
        to_zones("swing", events)
