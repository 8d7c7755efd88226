"""What is said of a symbol was known at its newest close, and stands where it is said to."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from pipeline.analysis.freshness import age_words, freshness
from pipeline.analysis.market_levels import ZONES_A_SIDE
from pipeline.analysis.market_state import symbol_facts
from pipeline.data.clean import resample
from pipeline.domain.errors import NoBarsError
from pipeline.domain.market import Timeframe
from storage.instruments import YamlInstruments
from tests.kit.plain_services import wavy_bars
from tests.kit.real_bars import real_bars

CUTS = (1, 2, 40, 700, 2875, 3401, 4444, 5990, 6336)


async def instrument_of(symbol):
    return await YamlInstruments().get(symbol)


async def test_the_future_changes_nothing():
    bars, instrument = wavy_bars(), await instrument_of("EURUSD")
    for n in CUTS:
        at = bars["close_time"].iloc[n - 1].to_pydatetime()
        cut = symbol_facts(bars.iloc[:n], instrument, Timeframe.M5)
        assert cut == symbol_facts(bars, instrument, Timeframe.M5, at), n
        assert cut.newest == at
        assert all(one.known_at <= at for one in cut.levels), n
        assert all(one.start < at for one in cut.sessions), n


@pytest.mark.parametrize(
    ("name", "symbol"), [("ger40_m5_2025", "GER40"), ("eurusd_m1_histdata_2024H1", "EURUSD")]
)
async def test_levels_agree_with_a_plain_reading_of_real_bars(name, symbol):
    bars, source = real_bars(name)
    instrument = await instrument_of(symbol)
    day = "2025-05-22" if symbol == "GER40" else "2024-03-13"
    bars = bars[bars["close_time"] <= pd.Timestamp(f"{day}T11:00Z")].iloc[-30_000:]
    m15 = resample(bars.reset_index(drop=True), source, Timeframe.M15)
    facts = symbol_facts(m15, instrument, Timeframe.M15)
    found = {one.name: one.price_low for one in facts.levels}
    local = m15["open_time"].dt.tz_convert("America/New_York")
    date = (local + pd.Timedelta(hours=7)).dt.date  # a day begins at 17:00 New York
    today = max(date)
    days = [d for d in sorted(set(date)) if d < today and (date == d).sum() >= 48]
    before, now = m15[date == days[-1]], m15[date == today]
    assert found["PDH"] == before["high"].max()
    assert found["PDL"] == before["low"].min()
    assert found["day open"] == now["open"].iloc[0]
    week = pd.Series([d.isocalendar()[:2] for d in date], index=m15.index)
    last = sorted(set(week))[-2]
    assert found["PWH"] == m15[week == last]["high"].max()
    assert found["week open"] == m15[week == max(week)]["open"].iloc[0]
    tokyo = now["open_time"].dt.tz_convert("Asia/Tokyo").dt.hour
    asia = now[(tokyo >= 9) & (tokyo < 15)]
    assert found["Asia high"] == asia["high"].max()
    assert facts.state.day_range == pytest.approx(
        (now["high"].max() - now["low"].min()) / instrument.point, abs=1e-3
    )


async def test_distances_and_zones_are_what_they_say():
    bars, instrument = wavy_bars(), await instrument_of("EURUSD")
    for n in (3000, 4000, 6336):
        facts = symbol_facts(bars.iloc[:n], instrument, Timeframe.M5)
        for kind in ("gap", "block"):
            zones = [one for one in facts.levels if one.kind == kind]
            assert sum(one.distance_points > 0 for one in zones) <= ZONES_A_SIDE
            assert sum(one.distance_points < 0 for one in zones) <= ZONES_A_SIDE
        for one in facts.levels:
            edge = one.price_low if one.distance_points > 0 else one.price_high
            away = (edge - facts.close) / instrument.point if one.distance_points else 0.0
            assert one.distance_points == pytest.approx(away, abs=1e-3)
            points = facts.state.atr / instrument.point
            assert one.distance_atr == pytest.approx(one.distance_points / points, abs=1e-3)
            later = bars.iloc[:n][bars["open_time"].iloc[:n] >= pd.Timestamp(one.known_at)]
            if one.kind == "gap" and one.side > 0:  # nothing has traded beyond its far edge
                assert (later["low"] >= one.price_low).all()


async def test_no_bars_are_refused_and_few_give_little():
    bars, instrument = wavy_bars(), await instrument_of("EURUSD")
    with pytest.raises(NoBarsError):
        symbol_facts(bars, instrument, Timeframe.M5, datetime(2020, 1, 1, tzinfo=UTC))
    one = symbol_facts(bars.iloc[:1], instrument, Timeframe.M5)
    assert one.state.atr is None
    assert one.state.trend == "none"
    assert all(level.distance_atr is None for level in one.levels)


async def test_freshness_keeps_the_markets_hours():
    instrument = await instrument_of("EURUSD")
    friday = datetime(2025, 5, 30, 20, 0, tzinfo=UTC)  # an hour before the week ends
    late = freshness(friday, friday + timedelta(minutes=50), instrument, Timeframe.M15)
    assert late.stale
    assert late.market_open
    end = friday + timedelta(hours=1)
    weekend = freshness(end, end + timedelta(hours=30), instrument, Timeframe.M15)
    assert not weekend.stale
    assert not weekend.market_open
    monday = freshness(end, end + timedelta(hours=60), instrument, Timeframe.M15)
    assert monday.stale
    minutes = np.array([0.2, 1, 59, 119, 121, 60 * 47, 60 * 49])
    assert [age_words(m) for m in minutes] == [
        "less than a minute", "1 minute", "59 minutes", "119 minutes", "2 hours", "47 hours",
        "2 days",
    ]  # fmt: skip
