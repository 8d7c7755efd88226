"""A sweep of 1,000 variants on a real year, by two processes, beside the field's fills alone."""

import asyncio
import json
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from bench.compute import DATA, PEERS, ROOT, Year, orders_table
from flows.adapters import PRELOAD
from flows.cpu import CpuPool
from flows.research_compute import VariantsJob, test_chunk
from flows.state import RunState
from flows.variants import chunks_of
from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.request import BacktestOptions
from pipeline.domain.trade import CostModel
from pipeline.research.evaluate import Evaluator, Ground
from pipeline.research.grid import read_grid
from pipeline.research.template import Template

PROCESSES = 2
LIMIT = 20.0
GRID = (("min_gap_atr", "0.05..0.5/0.05"), ("reclaim_minutes", "6..60/6"), ("rr", "0.75..3/0.25"))
_FILE = ROOT / "pipeline" / "setups" / "library" / "Frank_raid_v1.yaml"


def read_bars() -> pd.DataFrame:
    """GER40 M5 of 2025."""
    raw = pd.read_parquet(DATA / "ger40_m5_2025.parquet")
    times = pd.DatetimeIndex(pd.to_datetime(raw["time"], utc=True))
    prices = raw[["open", "high", "low", "close"]].to_numpy(dtype="float64")
    return bar_frame(times, Timeframe.M5, prices, raw["volume"].to_numpy())


def job_for(instrument: Instrument, bars: pd.DataFrame, key: str) -> VariantsJob:
    """The sweep as its flow asks for it."""
    template = Template(_FILE.read_text(), _FILE.name, "1.0")
    first, last = bars["open_time"].iloc[0], bars["open_time"].iloc[-1]
    return VariantsJob(
        key=key,
        template=template,
        grid=read_grid(GRID, template),
        symbol=instrument.symbol,
        trigger=Timeframe.M5,
        instrument=instrument,
        costs=CostModel(slippage_points=instrument.slippage_points, swap=instrument.swap),
        options=BacktestOptions(),
        lots=1.0,
        since=first.to_pydatetime(),
        first=first.date(),
        last=last.date(),
        synthetic=False,
        run_id="bench",
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


async def sweep_seconds(instrument: Instrument, bars: pd.DataFrame, rounds: int = 2) -> float:
    """Best seconds of some rounds on warm processes; each round reads the bars anew."""
    times = []
    with tempfile.TemporaryDirectory() as name:
        RunState(Path(name)).keep_frame("bars", bars)
        async with CpuPool(PROCESSES, preload=PRELOAD) as pool:
            await pool.warm()
            for number in range(rounds):
                job = job_for(instrument, bars, f"round {number}")
                start = time.perf_counter()
                calls = [pool.run(test_chunk, Path(name), job, part) for part in chunks_of(job)]
                done = await asyncio.gather(*calls)
                times.append(time.perf_counter() - start)
                assert sum(len(chunk.results) for chunk in done) == job.grid.size
    return min(times)


def run_peers(instrument: Instrument, bars: pd.DataFrame, variants: int) -> dict[str, Any]:
    """Seconds of each peer for as many variants of the file's own orders, or nothing."""
    if not PEERS.exists():
        return {}
    template = Template(_FILE.read_text(), _FILE.name, "1.0")
    costs = CostModel(slippage_points=instrument.slippage_points)
    plans = (
        Evaluator(Ground(bars, None, Timeframe.M5, instrument, costs)).run(template.plain).plans
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = bars.assign(time=bars["open_time"].dt.tz_localize(None))
        table[["time", "open", "high", "low", "close", "volume"]].to_parquet(
            folder / "bars.parquet"
        )
        orders = orders_table(Year(bars, template.plain, instrument), plans)
        orders.to_parquet(folder / "orders.parquet")
        done = subprocess.run(
            [PEERS, ROOT / "bench" / "peers_sweep.py", folder, str(variants)],
            capture_output=True,
            text=True,
            check=True,
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


async def measure(instrument: Instrument) -> dict[str, Any]:
    """Return the figure of this part, in the shape of results.json."""
    bars = read_bars()
    variants = job_for(instrument, bars, "").grid.size
    seconds = await sweep_seconds(instrument, bars)
    return {
        "sweep_1000_s": {
            "value": seconds,
            "unit": "s",
            "limit": LIMIT,
            "peers": run_peers(instrument, bars, variants),
            "note": f"{variants:,} variants, {len(bars):,} bars, {PROCESSES} processes, detectors "
            "and rules included; peers: fills alone, one process",
        }
    }
