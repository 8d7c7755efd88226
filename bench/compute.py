"""The computing part of a backtest on a real year, beside the field on the same bars and orders."""

import json
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from bench import detectors
from bench.timing import best
from pipeline.backtest.engine import simulate
from pipeline.backtest.metrics import metrics
from pipeline.detectors import get
from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.trade import CostModel, FillMode, Plan
from pipeline.setups.engine import Overrides, detect, find_signals, frames_for
from pipeline.setups.rules import SetupSpec, parse_setup

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
PEERS = ROOT / ".venv-bench" / "bin" / "python"


@dataclass(frozen=True)
class Year:
    """EURUSD M1 of 2024, the setup, the instrument."""

    bars: pd.DataFrame
    spec: SetupSpec
    instrument: Instrument


def read_year(instrument: Instrument) -> Year:
    """Read both halves of the real year."""
    names = ("eurusd_m1_histdata_2024H1", "eurusd_m1_histdata_2024H2")
    raw = pd.concat([pd.read_parquet(DATA / f"{name}.parquet") for name in names])
    prices = raw[["open", "high", "low", "close"]].to_numpy()
    times = pd.DatetimeIndex(pd.to_datetime(raw["time"], utc=True))
    bars = bar_frame(times, Timeframe.M1, prices, raw["volume"].to_numpy())
    text = (resources.files("pipeline.setups") / "library" / "Frank_raid_v1.yaml").read_text()
    return Year(bars, parse_setup(text, "Frank_raid_v1.yaml"), instrument)


def compute_year(year: Year) -> tuple[list[Plan], int]:
    """Detect, find, simulate, sum up: what the 1.5 s are about."""
    frames = frames_for(year.bars, Timeframe.M1, year.spec)
    tools = detect(frames, year.spec, Timeframe.M1, year.instrument)
    found = find_signals(
        frames, tools, year.spec, Timeframe.M1, year.instrument, overrides=Overrides()
    )
    result = simulate(
        found.plans,
        year.bars,
        year.instrument,
        CostModel(slippage_points=year.instrument.slippage_points),
        timeframe=Timeframe.M1,
        mode=FillMode.DRILLDOWN,
    )
    return found.plans, metrics(result.trades).trades


def shared_detectors(year: Year) -> None:
    """Gaps, swings and structure on 100,000 bars: what smartmoneyconcepts has too."""
    bars = year.bars.iloc[:100_000].reset_index(drop=True)

    def run(name: str, inputs: dict[str, Any], **parameters: Any) -> Any:
        detector = get(name)
        return detector.detect(
            bars, detector.parameters(**parameters), inputs, year.instrument, Timeframe.M1
        )

    run("fair_value_gap", {"atr": run("atr", {})})
    run("structure", {"swings": run("swing", {}, k=5)})


def orders_table(year: Year, plans: list[Plan]) -> pd.DataFrame:
    """The setup's orders as rows that any engine can take."""
    closes = pd.DatetimeIndex(year.bars["close_time"])
    known = pd.DatetimeIndex([p.known_at for p in plans]).as_unit("us")
    return pd.DataFrame(
        {
            "row": closes.get_indexer(known),
            "side": [p.side.sign for p in plans],
            "stop": [p.sl_price for p in plans],
            "target": [p.targets[-1].price for p in plans],
        }
    )


def run_peers(year: Year, plans: list[Plan]) -> dict[str, Any]:
    """Seconds of each peer in its own environment, or why there is none."""
    if not PEERS.exists():
        return {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = year.bars.assign(time=year.bars["open_time"].dt.tz_localize(None))
        table[["time", "open", "high", "low", "close", "volume"]].to_parquet(
            folder / "bars.parquet"
        )
        orders_table(year, plans).to_parquet(folder / "orders.parquet")
        done = subprocess.run(
            [PEERS, ROOT / "bench" / "peers.py", folder],
            capture_output=True,
            text=True,
            check=True,
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(instrument: Instrument) -> dict[str, Any]:
    """Return the figures of this part, in the shape of results.json."""
    year = read_year(instrument)
    plans, trades = compute_year(year)
    seconds = best(lambda: compute_year(year))
    fills = best(
        lambda: simulate(
            plans, year.bars, instrument, CostModel(slippage_points=0.0), timeframe=Timeframe.M1
        )
    )
    shared = best(lambda: shared_detectors(year))
    peers = run_peers(year, plans)
    smc = {k: peers.pop(k) for k in ("smartmoneyconcepts",) if k in peers}
    whole = {k: peers.pop(k) for k in ("smartmoneyconcepts, all 8",) if k in peers}
    sets = detectors.measure(year.bars, instrument)
    sets["detectors_100k_ms"]["peers"] = {
        k: 1000 * v if isinstance(v, float) else v for k, v in whole.items()
    }
    return {
        **sets,
        "compute_eurusd_2024_s": {
            "value": seconds,
            "unit": "s",
            "limit": 1.5,
            "peers": {},
            "note": f"{len(year.bars):,} bars, {trades} trades",
        },
        "fills_same_orders_s": {
            "value": fills,
            "unit": "s",
            "peers": peers,
            "note": f"{len(plans)} orders",
        },
        "gaps_swings_structure_100k_s": {
            "value": shared,
            "unit": "s",
            "peers": smc,
            "note": "100,000 bars",
        },
    }


def real_data_is_there() -> bool:
    """Whether the real bars lie beside the project."""
    return (DATA / "eurusd_m1_histdata_2024H1.parquet").exists()
