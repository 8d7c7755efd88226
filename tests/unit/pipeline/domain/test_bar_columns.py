"""Columns at hand are those of the frame, and nobody can write into them for the next reader."""

import numpy as np
import pytest

from pipeline.domain.bars import COLUMNS, BarColumns, bar_seconds, float_column, time_column
from tests.kit.bar_strategies import random_bars

BARS = random_bars(np.random.default_rng(7), 50, spread=True)


def test_they_are_the_frame_s() -> None:
    columns = BarColumns.of(BARS)
    assert len(columns) == len(BARS)
    for name in COLUMNS:
        wanted = BARS[name].to_numpy(dtype="datetime64[us]" if "time" in name else "float64")
        np.testing.assert_array_equal(columns[name], wanted)
        assert columns[name].dtype == wanted.dtype
    with pytest.raises(KeyError):
        columns["ask"]
    assert BarColumns.of(columns) is columns


@pytest.mark.parametrize("read", [float_column, time_column, bar_seconds])
@pytest.mark.parametrize("name", COLUMNS)
def test_a_frame_and_its_columns_are_read_alike(name: str, read) -> None:
    if (read is float_column) == ("time" in name):
        return
    found, wanted = read(BarColumns.of(BARS), name), read(BARS, name)
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == wanted.dtype


@pytest.mark.parametrize("name", COLUMNS)
def test_writing_is_refused(name: str) -> None:
    columns = BarColumns.of(BARS)
    kept = columns[name].copy()
    with pytest.raises(ValueError, match="read-only"):
        columns[name][0] = columns[name][1]
    np.testing.assert_array_equal(columns[name], kept)
    if "time" in name:
        with pytest.raises(ValueError, match="read-only"):
            columns.seconds(name)[0] = 0
