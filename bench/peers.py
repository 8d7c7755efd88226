"""Runs in the peers' own environment: the same bars and the same orders through other engines.

Called as `python peers.py FOLDER`: reads bars.parquet and orders.parquet, prints seconds as JSON.
Orders: row (bar at whose close it is known), side, stop, target; market at the next open.
"""

import contextlib
import io
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")


def timed(run, rounds=1):
    """Best wall-clock seconds of some rounds (a peer's first, compiling round is free)."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def backtesting_py(bars, orders):
    """Seconds for backtesting.py on the orders."""
    from backtesting import Backtest, Strategy

    by_row = {o.row: o for o in orders.itertuples()}

    class Replay(Strategy):
        def init(self):
            """Nothing to prepare."""

        def next(self):
            order = by_row.get(len(self.data) - 1)
            if order is not None:
                place = self.buy if order.side > 0 else self.sell
                with contextlib.suppress(ValueError):
                    place(size=1, sl=order.stop, tp=order.target)

    table = bars.rename(columns=str.title)
    return timed(lambda: Backtest(table, Replay, cash=1e9, hedging=True).run())


def vectorbt(bars, orders):
    """Seconds for vectorbt's signal simulation of the same orders (its own, kinder, rules)."""
    import vectorbt as vbt

    n = len(bars)
    rows = np.minimum(orders["row"].to_numpy() + 1, n - 1)
    longs, shorts = np.zeros(n, bool), np.zeros(n, bool)
    stop, target = np.full(n, np.nan), np.full(n, np.nan)
    entry = bars["open"].to_numpy()[rows]
    side = orders["side"].to_numpy()
    longs[rows[side > 0]] = True
    shorts[rows[side < 0]] = True
    stop[rows] = np.abs(entry - orders["stop"].to_numpy()) / entry
    target[rows] = np.abs(orders["target"].to_numpy() - entry) / entry

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
            freq="1min",
        )
        return portfolio.trades.records

    run()
    return timed(run, 2)


def smartmoneyconcepts(bars):
    """Seconds for the package's gaps, swings and structure (what it shares with ours)."""
    with contextlib.redirect_stdout(io.StringIO()):
        from smartmoneyconcepts import smc

        frame = bars[["open", "high", "low", "close", "volume"]]
        start = time.perf_counter()
        smc.fvg(frame)
        swings = smc.swing_highs_lows(frame, swing_length=5)
        smc.bos_choch(frame, swings)
        return time.perf_counter() - start


def all_of_smartmoneyconcepts(bars):
    """Seconds for the package's eight functions, each with its defaults."""
    with contextlib.redirect_stdout(io.StringIO()):
        from smartmoneyconcepts import smc

        frame = bars[["open", "high", "low", "close", "volume"]]
        start = time.perf_counter()
        smc.fvg(frame)
        swings = smc.swing_highs_lows(frame)
        smc.bos_choch(frame, swings)
        smc.ob(frame, swings)
        smc.liquidity(frame, swings)
        smc.previous_high_low(frame)
        smc.sessions(frame, "London")
        smc.retracements(frame, swings)
        return time.perf_counter() - start


def main(folder):
    """Measure each peer; one that fails says why instead of a figure."""
    bars = pd.read_parquet(folder / "bars.parquet").set_index("time")
    orders = pd.read_parquet(folder / "orders.parquet")
    results = {}
    for name, run in (
        ("backtesting.py", lambda: backtesting_py(bars, orders)),
        ("vectorbt", lambda: vectorbt(bars, orders)),
        ("smartmoneyconcepts", lambda: smartmoneyconcepts(bars.iloc[:100_000])),
        ("smartmoneyconcepts, all 8", lambda: all_of_smartmoneyconcepts(bars.iloc[:100_000])),
    ):
        try:
            results[name] = run()
        except Exception as error:  # noqa: BLE001 - a broken peer is a result too
            results[name] = f"{type(error).__name__}: {error}"
    print(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
