"""Columns at hand are those of the frame, and nobody can write into them for the next reader."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.bars import COLUMNS, BarColumns
from tests.kit.bar_strategies import random_bars

BARS = random_bars(np.random.default_rng(7), 50, spread=True)


def test_they_are_the_frame_s() -> None:
    columns = BarColumns(BARS)
    assert len(columns) == len(BARS)
    for name in COLUMNS:
        pd.testing.assert_series_equal(columns[name], BARS[name], check_names=False)
        assert columns[name] is columns[name]
    with pytest.raises(KeyError):
        columns["ask"]


@pytest.mark.parametrize("name", COLUMNS)
def test_writing_is_refused(name: str) -> None:
    columns = BarColumns(BARS)
    with pytest.raises(ValueError, match="read-only"):
        columns[name].iloc[0] = BARS[name].iloc[1]
    pd.testing.assert_series_equal(columns[name], BARS[name], check_names=False)
