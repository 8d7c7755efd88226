"""Real bars for tests, read from the shared folder beside the project where there is one."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.bars import PRICES, bar_frame
from pipeline.domain.market import Timeframe

FOLDER = Path(__file__).parents[3] / "shared" / "data"


def real_bars(name: str) -> tuple[pd.DataFrame, Timeframe]:
    """Return a file's bars as a bar frame; skip the test where the folder is absent."""
    path = FOLDER / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"no real bars: {path.name} is not beside the project")
    raw = pd.read_parquet(path)
    found = re.search(r"_(m1|m5|m15)_", f"_{name}_")
    assert found is not None
    timeframe = Timeframe(found.group(1).upper())
    spread = raw["spread"].to_numpy() * 1e-5 if "spread" in raw else None
    if "ask_close" in raw:
        spread = np.maximum(raw["ask_close"].to_numpy() - raw["close"].to_numpy(), 0.0)
    times = pd.DatetimeIndex(pd.to_datetime(raw["time"], utc=True))
    prices = raw[list(PRICES)].to_numpy(dtype="float64")
    return bar_frame(times, timeframe, prices, raw["volume"].to_numpy(), spread), timeframe
