"""Runs in the peers' own environment: one variant's orders many times over, as their sweeps do.

Called as `python peers_sweep.py FOLDER VARIANTS`: bars.parquet and orders.parquet as in peers.py;
prints the seconds for that many variants as JSON. Only fills are asked of the peers; the detectors
and rules that made the orders come for free.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from peers import backtesting_py, timed

COLUMNS = 50  # of vectorbt at a time: more take more memory than they save


def backtesting_sweep(bars, orders, variants):
    """Seconds for backtesting.py: one run of the orders, times the variants; it has no other way."""
    return min(backtesting_py(bars, orders) for _ in range(3)) * variants


def vectorbt_sweep(bars, orders, variants):
    """Seconds for vectorbt with one column for each variant, as it is made for."""
    import vectorbt as vbt

    n = len(bars)
    rows = np.minimum(orders["row"].to_numpy() + 1, n - 1)
    side = orders["side"].to_numpy()
    entry = bars["open"].to_numpy()[rows]
    longs, shorts = (np.zeros((n, COLUMNS), bool) for _ in range(2))
    stop, target = (np.full((n, COLUMNS), np.nan) for _ in range(2))
    longs[rows[side > 0]] = True
    shorts[rows[side < 0]] = True
    stop[rows] = (np.abs(entry - orders["stop"].to_numpy()) / entry)[:, None]
    target[rows] = (np.abs(orders["target"].to_numpy() - entry) / entry)[:, None]

    def run():
        portfolio = vbt.Portfolio.from_signals(
            bars["close"],
            entries=longs,
            short_entries=shorts,
            open=bars["open"],
            high=bars["high"],
            low=bars["low"],
            price=bars["open"],
            sl_stop=stop,
            tp_stop=target,
            freq="5min",
        )
        return portfolio.trades.records

    run()
    return timed(run, 2) * variants / COLUMNS


def main(folder, variants):
    """Measure each peer; one that fails says why instead of a figure."""
    bars = pd.read_parquet(folder / "bars.parquet").set_index("time")
    orders = pd.read_parquet(folder / "orders.parquet")
    results = {}
    for name, run in (("backtesting.py", backtesting_sweep), ("vectorbt", vectorbt_sweep)):
        try:
            results[name] = run(bars, orders, variants)
        except Exception as error:  # noqa: BLE001 - a broken peer is a result too
            results[name] = f"{type(error).__name__}: {error}"
    print(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
