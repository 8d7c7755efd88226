"""The library's setups say what slow references, written from the definitions' prose, say."""

from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pipeline.data.clean import resample
from pipeline.data.sample import make_sample
from pipeline.domain.market import Timeframe
from tests.kit import reference_asia, reference_ib_raid
from tests.kit.real_bars import real_bars
from tests.kit.reference_frank_raid import bars_of
from tests.kit.setups import EURUSD, GER40, LIBRARY, signals_of

pytestmark = pytest.mark.slow

IB = {
    "EURUSD": (ZoneInfo("Europe/London"), "08:00", "09:00"),
    "GER40": (ZoneInfo("Europe/Berlin"), "09:00", "10:00"),
}
INSTRUMENTS = {"EURUSD": EURUSD, "GER40": GER40}


@cache
def market(name, trigger):
    """Return real or sample bars of a trigger and their instrument."""
    if name.startswith("sample"):
        instrument = INSTRUMENTS[name.split()[1]]
        bars = make_sample(instrument, 2025, np.random.default_rng(2025))[:130_000]
        return resample(bars, Timeframe.M1, trigger), instrument
    bars, source = real_bars(name)
    if source is Timeframe.M1:
        bars = bars[:120_000]
    return resample(bars, source, trigger), INSTRUMENTS[name.split("_")[0].upper()]


def agree(setup_id, name, trigger, reference, prices):
    bars, instrument = market(name, trigger)
    found = signals_of(bars, LIBRARY[setup_id], trigger, instrument)
    wanted = reference(bars_of(bars, instrument.spread_points[0], instrument.point), instrument)
    assert [(p.known_at, p.side.sign) for p in found.plans] == [
        (c.known_at, c.side) for c in wanted
    ]
    for plan, call in zip(found.plans, wanted, strict=True):
        got = (plan.entry_price, plan.sl_price, *(t.price for t in plan.targets))
        assert got == pytest.approx(prices(call), rel=1e-12), plan
    return len(wanted)


def one_target(call):
    return call.entry, call.stop, call.target


def two_targets(call):
    return call.entry, call.stop, call.middle, call.opposite


M1, M5, M15 = Timeframe.M1, Timeframe.M5, Timeframe.M15
GAPS = [
    ("eurusd_m15_mt5_2018-20", M15, 150),
    ("eurusd_m15_mt5_2022-23", M15, 60),
    ("ger40_m5_2025", M15, 80),
    ("ger40_m5_2025", M5, 50),
    ("sample GER40", M15, 5),
    ("sample EURUSD", M5, 5),
]
SWEEPS = [
    ("eurusd_m5_mt5_2020", M5, 60),
    ("eurusd_m5_mt5_2026", M5, 20),
    ("ger40_m5_2025", M5, 60),
    ("ger40_m5_2025", M15, 40),
    ("sample EURUSD", M5, 10),
    ("sample GER40", M1, 10),
]
BALANCES = [
    ("eurusd_m1_histdata_2024H2", M1, 10),
    ("eurusd_m5_mt5_2020", M5, 20),
    ("ger40_m5_2025", M5, 20),
    ("ger40_m5_2025", M15, 5),
    ("sample GER40", M1, 3),
    ("sample EURUSD", M5, 3),
]


@pytest.mark.parametrize(("name", "trigger", "least"), GAPS)
def test_asia_gap_break(name, trigger, least):
    def reference(bars, _instrument):
        return reference_asia.gap_breaks(bars, trigger.minutes)

    assert agree("Asia_fvg_break_v2", name, trigger, reference, one_target) >= least


@pytest.mark.parametrize(("name", "trigger", "least"), SWEEPS)
def test_asia_sweep_and_engulfing(name, trigger, least):
    def reference(bars, instrument):
        return reference_asia.sweep_engulfs(bars, trigger.minutes, instrument.tick_size)

    assert agree("Asia_sweep_engulf_v1", name, trigger, reference, one_target) >= least


@pytest.mark.parametrize(("name", "trigger", "least"), BALANCES)
def test_initial_balance_raid(name, trigger, least):
    def reference(bars, instrument):
        opening = IB[instrument.symbol]
        return reference_ib_raid.signals(bars, trigger.minutes, instrument.tick_size, opening)

    assert agree("IB_raid_v1", name, trigger, reference, two_targets) >= least
