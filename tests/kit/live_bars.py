"""Minutes as a scanner would have seen them, put where `follow_signals` looks."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from flows.services import Services
from pipeline.domain.bars import bar_frame
from pipeline.domain.live import LIVE, LiveScanReport
from pipeline.domain.market import Timeframe
from storage.live_ports import ScanRecord
from tests.kit.live_signals import CLOSE


def minutes_of(
    *closes: float, start: datetime = CLOSE, entry: float = 1.1, risk: float = 0.001
) -> pd.DataFrame:
    """M1 bars that close so many R from the entry, each from the last one's close, no spread."""
    ends = entry + risk * np.array(closes, dtype="float64")
    opens = np.concatenate([[entry], ends[:-1]])
    prices = np.column_stack([opens, np.maximum(opens, ends), np.minimum(opens, ends), ends])
    times = pd.DatetimeIndex([start + timedelta(minutes=i) for i in range(len(ends))])
    return bar_frame(times, Timeframe.M1, prices, spread=np.zeros(len(ends)))


async def see(
    services: Services, bars: pd.DataFrame, *, symbol: str = "EURUSD", origin: str = LIVE
) -> dict[str, datetime]:
    """Record bars as seen; return the closes that a scan would hand on."""
    close = bars["close_time"].iloc[-1].to_pydatetime()
    now = services.clock()
    report = LiveScanReport(
        run_id="live_2025_03_10_001", origin=origin, trigger_time=close, execution_time_sec=0.1
    )
    await services.scans.record(ScanRecord(report, {symbol: bars}, {symbol: close}), now)
    return {symbol: close}
