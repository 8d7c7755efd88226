"""The generic checks catch detectors that were made wrong on purpose."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.detectors import Detector, get
from pipeline.domain.events import Events
from pipeline.domain.market import Timeframe
from tests.kit import detector_checks as checks
from tests.kit.bar_strategies import EURUSD, random_bars
from tests.kit.run_detector import as_frame

BARS = random_bars(np.random.default_rng(11), 1500, Timeframe.M5)
ENDS = range(1000, 1500, 7)


def case(detector: Detector, **params: Any) -> checks.Case:
    return checks.Case(detector, BARS, Timeframe.M5, EURUSD, params)


def twisted(
    name: str, change: Callable[[Any, pd.DataFrame], Any], *, checked: bool = True
) -> checks.Case:
    """Return a case of a detector whose result is changed by `change(result, bars)`.

    `checked` makes events of a changed frame, which refuse a broken schema themselves.
    """
    honest = get(name)

    def detect(bars: pd.DataFrame, *rest: Any) -> Any:
        changed = change(as_frame(honest.detect(bars, *rest)), bars)
        plain = isinstance(changed, np.ndarray) or not checked
        return changed if plain else Events.from_frame(changed)

    return case(replace(honest, detect=detect))


def one_bar_early(events: pd.DataFrame, bars: pd.DataFrame) -> pd.DataFrame:
    """Say each swing one bar before it is confirmed."""
    bar = events["bar"] - 1
    return events.assign(bar=bar, known_at=bars["close_time"].iloc[bar].array)


def next_bars_value(series: np.ndarray, bars: pd.DataFrame) -> np.ndarray:
    return np.append(series[1:], np.nan)


def last_price_of_all(events: pd.DataFrame, bars: pd.DataFrame) -> pd.DataFrame:
    """Let old zones grow with what came later: a repaint."""
    top = bars["high"].max() if len(bars) else 0.0
    return events.assign(price_high=np.maximum(events["price_high"], top))


def drops_failed_ones(events: pd.DataFrame, bars: pd.DataFrame) -> pd.DataFrame:
    """Forget gaps that were inverted later: what was said is unsaid."""
    failed = set(events.loc[events["event"] == "inverted", "zone_id"])
    return events[~events["zone_id"].isin(failed)].reset_index(drop=True)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("swing", one_bar_early),
        ("atr", next_bars_value),
        ("session_range", last_price_of_all),
        ("fair_value_gap", drops_failed_ones),
    ],
)
def test_looking_ahead_and_repainting_are_caught(name: str, change: Callable[..., Any]) -> None:
    bad = twisted(name, change)
    with pytest.raises(AssertionError):
        checks.check_prefixes(bad, range(50, 1500, 50))


@pytest.mark.parametrize(
    ("name", "params", "width"),
    [
        ("atr", {}, 60),
        ("swing", {}, 10),
        ("fair_value_gap", {"min_gap_atr": 0.0}, -400),
        ("engulfing", {}, 1),
    ],
)
def test_too_short_a_warm_up_is_caught(name: str, params: dict[str, Any], width: int) -> None:
    """`width` bars are declared; a negative one leaves only the inputs' and a few bars more."""
    bad = replace(get(name), warm_up=lambda _p, _t: width)
    with pytest.raises(AssertionError):
        checks.check_warm_up(case(bad, **params), ENDS)


def test_the_honest_ones_pass_the_same_checks() -> None:
    for name in ("atr", "swing", "engulfing"):
        checks.check_prefixes(case(get(name)), range(50, 1500, 50))
        assert checks.check_warm_up(case(get(name)), ENDS) > 0


def test_changed_input_is_caught() -> None:
    def greedy(bars: pd.DataFrame, *rest: Any) -> np.ndarray:
        bars.loc[0, "close"] = 0.0
        return np.zeros(len(bars))

    with pytest.raises(AssertionError):
        checks.check_untouched(case(replace(get("atr"), detect=greedy)))


def test_a_price_in_the_rules_is_caught() -> None:
    bad = twisted("swing", lambda events, _: events[events["price"] > 1.1].reset_index(drop=True))
    with pytest.raises(AssertionError):
        checks.check_doubling(bad)


def test_chance_is_caught() -> None:
    rng = np.random.default_rng()
    bad = twisted("atr", lambda series, _: series * rng.random())
    with pytest.raises(AssertionError):
        checks.check_repeats(bad)


@pytest.mark.parametrize(
    "change",
    [
        lambda e, _: e.assign(side=e["side"].astype("float64")),
        lambda e, _: e.assign(event="seen"),
        lambda e, _: e.iloc[::-1].reset_index(drop=True),
        lambda e, _: e.assign(known_at=e["known_at"] + pd.Timedelta(minutes=5)),
        lambda e, _: e.assign(start=e["known_at"] + pd.Timedelta(minutes=5)),
        lambda e, _: e.iloc[::2],
    ],
)
def test_a_broken_schema_is_caught(change: Callable[..., Any]) -> None:
    with pytest.raises(AssertionError):
        checks.check_schema(twisted("swing", change, checked=False))
