"""ATR and ADR: the rules of gaps, of days that count, and Wilder's own arithmetic."""

import numpy as np
import pandas as pd

from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Timeframe
from tests.kit.bar_strategies import EURUSD
from tests.kit.run_detector import run_detector


def atr(minutes: list[int], rows: list[tuple[float, ...]], length: int) -> list[float]:
    times = pd.DatetimeIndex(
        pd.Timestamp("2025-03-10T09:00Z") + pd.to_timedelta(minutes, unit="min")
    )
    bars = bar_frame(times, Timeframe.M5, np.array(rows))
    return run_detector("atr", bars, Timeframe.M5, EURUSD, {"length": length}).tolist()


FIRST, FAR = (10.0, 11.0, 9.0, 10.0), (20.0, 21.0, 20.0, 20.5)


def test_wilders_average() -> None:
    rows = [(10.0, 12.0, 10.0, 11.0)] * 2 + [(11.0, 16.0, 11.0, 12.0)]
    np.testing.assert_allclose(atr([0, 5, 10], rows, 2), [np.nan, 2.0, (2.0 + 5.0) / 2])


def test_jump_between_neighbours_counts() -> None:
    assert atr([0, 5], [FIRST, FAR], 1) == [2.0, 11.0]
    assert atr([0, 34], [FIRST, FAR], 1) == [2.0, 11.0]  # 29 minutes without a bar


def test_jump_over_a_closed_market_does_not() -> None:
    assert atr([0, 35], [FIRST, FAR], 1) == [2.0, 1.0]  # 30 minutes without a bar


def day_ranges(ranges: dict[str, float]) -> pd.DataFrame:
    """Return H1 bars of New York trading days (21:00–21:00 UTC in summer) with these ranges."""
    frames = []
    for day, extent in ranges.items():
        end = pd.Timestamp(f"{day}T21:00Z")
        times = pd.date_range(end - pd.Timedelta(hours=24), end, freq="h", inclusive="left")
        prices = np.full((24, 4), 100.0)
        prices[5, 1] += extent
        frames.append(bar_frame(times, Timeframe.H1, prices))
    return pd.concat(frames, ignore_index=True)


def test_adr_is_known_at_the_roll() -> None:
    bars = day_ranges({"2025-06-03": 1.0, "2025-06-04": 3.0, "2025-06-05": 8.0})
    found = run_detector("adr", bars, Timeframe.H1, EURUSD, {"days": 2})
    assert np.isnan(found[:47]).all()
    assert found[47] == 2.0  # at the close of the second day's last bar
    assert (found[47:71] == 2.0).all()
    assert found[71] == 5.5


def test_days_under_half_coverage_do_not_count() -> None:
    bars = day_ranges({"2025-06-03": 1.0, "2025-06-04": 9.0, "2025-06-05": 3.0})
    stub = bars.drop(index=range(35, 48)).reset_index(drop=True)  # 11 of 24 hours are left
    found = run_detector("adr", stub, Timeframe.H1, EURUSD, {"days": 2})
    assert found[-1] == 2.0
    half = bars.drop(index=range(36, 48)).reset_index(drop=True)
    assert run_detector("adr", half, Timeframe.H1, EURUSD, {"days": 2})[-1] == 6.0
