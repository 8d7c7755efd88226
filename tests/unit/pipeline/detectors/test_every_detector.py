"""Every registered detector, discovered, keeps the promises of detector_checks."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.detectors import all_detectors, get
from pipeline.domain.market import Timeframe
from tests.kit import detector_checks as checks
from tests.kit.bar_strategies import AUTUMN, EURUSD, GER40, SPRING, random_bars
from tests.kit.real_bars import real_bars

IB = {"levels": ("initial_balance", {"minutes": 60})}
ASIA = {"levels": ("session_range", {"session": "asia"})}
EAGER = {
    "swings": ("swing", {"k": 2}),
    "displacements": ("displacement", {"min_body_atr": 0.5, "min_body_share": 0.3}),
}
MORE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("atr", {"length": 3}, {}),
    ("adr", {"days": 3, "min_coverage": 0.3}, {}),
    ("session_range", {"session": "asia_new_york", "min_coverage": 0.5}, {}),
    ("session_range", {"session": "new_york_cash"}, {}),
    ("initial_balance", {"minutes": 30, "session": "xetra"}, {}),
    ("raid", {"start": "10:00", "end": "12:00", "spread_mult": 0.0, "max_per_day": 5}, IB),
    ("raid", {"start": "08:00", "end": "10:00", "pen_frac": 0.05, "reclaim_minutes": 10}, ASIA),
    ("fair_value_gap", {"min_gap_atr": 0.0, "expiry_bars": 20}, {}),
    ("fair_value_gap", {"min_gap_pct": 0.01, "expiry_bars": 60}, {"atr": ("atr", {"length": 5})}),
    ("swing", {"k": 2}, {}),
    ("structure", {"break_mode": "wick", "memory_bars": 60}, {"swings": ("swing", {"k": 2})}),
    ("developing_range", {"session": "asia_new_york", "edge": "mid"}, {}),
    ("previous_day", {"min_coverage": 0.2, "max_back": 1}, {}),
    ("previous_week", {"min_coverage": 0.2, "max_back": 1}, {}),
    ("opening_price", {"of": "week"}, {}),
    ("opening_price", {"of": "new_york_midnight", "max_late_minutes": 0}, {}),
    ("vwap", {"anchor": "roll", "price": "close"}, {}),
    ("vwap_basis", {"session": "new_york_cash"}, {}),
    ("premium_discount", {"memory_bars": 50}, {"levels": ("swing", {"k": 2})}),
    ("premium_discount", {}, {"levels": ("previous_day", {})}),
    ("ote", {"expiry_bars": 20, "memory_bars": 40}, {"levels": ("swing", {"k": 2})}),
    ("displacement", {"min_body_atr": 0.5, "max_bars": 5}, {}),
    ("order_block", {"extent": "body", "expiry_bars": 40}, EAGER),
    ("order_block", {"within_bars": 0, "search_bars": 2}, EAGER),
    ("equal_levels", {"tolerance_atr": 0.3, "min_touches": 3}, {"swings": ("swing", {"k": 2})}),
    ("equal_levels", {"memory_bars": 30, "expiry_bars": 20, "min_apart": 1}, {}),
]
"""Beside the defaults: other readings of the same words (detector, parameters, providers)."""

CASES = [(d.name, {}, {}) for d in all_detectors()] + MORE
IDS = [f"{name}-{'-'.join(map(str, params.values()))}" for name, params, _ in CASES]


@cache
def made_up(which: str) -> tuple[pd.DataFrame, Timeframe, Any]:
    """Return (bars, timeframe, instrument) of one made-up market."""
    rng = np.random.default_rng(20250310)
    if which == "fx":
        return random_bars(rng, 3000, Timeframe.M15, SPRING, EURUSD), Timeframe.M15, EURUSD
    bars = random_bars(rng, 3000, Timeframe.M15, AUTUMN, GER40, missing=0.03, spread=True)
    return bars, Timeframe.M15, GER40


def case(
    kind: tuple[str, Any, Any], bars: pd.DataFrame, timeframe: Timeframe, instrument: Any
) -> checks.Case:
    name, params, providers = kind
    return checks.Case(get(name), bars, timeframe, instrument, params, providers)


def cuts_of(one: checks.Case, rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw cuts: half anywhere, half at an event or value, where a look ahead would show."""
    found = one.run()
    anywhere = rng.integers(0, len(one.bars) + 1, size=n)
    bars = np.flatnonzero(np.isfinite(found)) if isinstance(found, np.ndarray) else found["bar"]
    if len(bars) == 0:
        return anywhere
    at_events = rng.choice(np.asarray(bars), size=n) + rng.integers(0, 2, size=n)
    return np.concatenate([anywhere, at_events])


@pytest.mark.parametrize("market", ["fx", "index"])
@pytest.mark.parametrize("kind", CASES, ids=IDS)
class TestOnMadeUpBars:
    def test_says_nothing_it_could_not_know(self, kind: Any, market: str) -> None:
        one = case(kind, *made_up(market))
        checks.check_prefixes(one, cuts_of(one, np.random.default_rng(1), 8))

    def test_declares_enough_warm_up(self, kind: Any, market: str) -> None:
        one = case(kind, *made_up(market))
        ends = np.minimum(cuts_of(one, np.random.default_rng(2), 15), len(one.bars) - 1)
        assert checks.check_warm_up(one, ends) > 0

    def test_leaves_bars_and_inputs_alone(self, kind: Any, market: str) -> None:
        checks.check_untouched(case(kind, *made_up(market)))

    def test_says_the_same_twice(self, kind: Any, market: str) -> None:
        checks.check_repeats(case(kind, *made_up(market)))

    def test_doubles_with_the_prices(self, kind: Any, market: str) -> None:
        checks.check_doubling(case(kind, *made_up(market)))

    def test_keeps_the_schema(self, kind: Any, market: str) -> None:
        one = case(kind, *made_up(market))
        checks.check_schema(one)
        checks.check_short(one)
        assert len(one.run()) > 0


REAL = {
    "eurusd_m1_mt5_2020": (EURUSD, slice(20_000, 26_000)),
    "ger40_m5_2025": (GER40, slice(13_000, 19_000)),  # March 2025: the clocks change apart
}


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("kind", CASES, ids=IDS)
def test_keeps_all_promises_on_real_bars(kind: Any, name: str) -> None:
    bars, timeframe = real_bars(name)
    instrument, part = REAL[name]
    bars = bars.iloc[part].reset_index(drop=True)
    one = case(kind, bars, timeframe, instrument)
    checks.check_prefixes(one, cuts_of(one, np.random.default_rng(3), 4))
    checks.check_warm_up(one, cuts_of(one, np.random.default_rng(4), 10) - 1)
    checks.check_schema(one)
    checks.check_doubling(one)
    checks.check_untouched(one)


@pytest.mark.parametrize("detector", all_detectors(), ids=lambda d: d.name)
def test_describes_itself(detector: Any) -> None:
    assert detector.title
    assert detector.source
    assert bool(detector.gives) == (detector.output == "events")
    parameters = detector.parameters()
    assert parameters.model_config["frozen"]
    assert all(f.description for f in type(parameters).model_fields.values())
    with pytest.raises(ValueError, match="extra"):
        detector.parameters(no_such_word=1)
