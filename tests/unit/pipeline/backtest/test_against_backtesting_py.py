"""Trade by trade against an independent engine, on real bars, where its rules are ours.

backtesting.py fills market orders at the next open, checks the entry bar, takes the stop before
the target and pays the open on gaps; costs are left at zero since it knows no ask.
"""

import warnings

import numpy as np
import pytest

from pipeline.backtest.engine import simulate
from pipeline.domain.market import Side, Timeframe
from pipeline.domain.trade import CostModel, EntryType, FillMode, Plan, Target
from tests.kit.fill_cases import INSTRUMENT
from tests.kit.real_bars import real_bars

pytestmark = pytest.mark.slow

INSTRUMENT_FX = INSTRUMENT.model_copy(update={"point": 0.0001, "tick_size": 0.00001, "digits": 5})


def _plans(bars, rng, n):
    """Market plans at drawn closes: stop 3–30 pips, target 0.5–3 R."""
    rows = np.sort(rng.choice(np.arange(100, len(bars) - 2), n, replace=False))
    plans = []
    for row in rows:
        side = Side.LONG if rng.random() < 0.5 else Side.SHORT
        close = bars["close"].iloc[row]
        risk = rng.uniform(3, 30) * 0.0001
        target = close + side.sign * risk * rng.uniform(0.5, 3)
        plans.append(
            Plan(
                signal_id=f"s{row:06d}",
                side=side,
                known_at=bars["close_time"].iloc[row].to_pydatetime(),
                entry_type=EntryType.MARKET,
                entry_price=close,
                sl_price=close - side.sign * risk,
                targets=(Target(price=target, share=1.0),),
            )
        )
    return rows, plans


@pytest.mark.parametrize(
    ("name", "n"), [("eurusd_m5_mt5_2020", 3000), ("eurusd_m15_mt5_2018-20", 3000)]
)
def test_every_trade_is_the_same(name, n):
    backtesting = pytest.importorskip("backtesting")
    bars, timeframe = real_bars(name)
    bars = bars.iloc[:25_000].reset_index(drop=True)
    rows, plans = _plans(bars, np.random.default_rng(11), n)
    orders = dict(zip(rows.tolist(), plans, strict=True))

    class Replay(backtesting.Strategy):
        def init(self):
            pass

        def next(self):
            plan = orders.get(len(self.data) - 1)
            if plan is not None:
                order = self.buy if plan.side is Side.LONG else self.sell
                order(size=1, sl=plan.sl_price, tp=plan.targets[0].price, tag=plan.signal_id)

    table = bars.set_index(bars["open_time"].dt.tz_localize(None))
    table = table.rename(
        columns={c: c.title() for c in ("open", "high", "low", "close", "volume")}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stats = backtesting.Backtest(
            table, Replay, cash=1e9, hedging=True, finalize_trades=False
        ).run()
    theirs = {row.Tag: row for row in stats["_trades"].itertuples()}
    costs = CostModel(spread_points=0.0, slippage_points=0.0)
    result = simulate(
        plans, bars, INSTRUMENT_FX, costs, timeframe=timeframe, mode=FillMode.PESSIMISTIC
    )
    compared = 0
    for trade in result.trades:
        if trade.exit_reason == "TIME":  # still open at the end: theirs is not closed
            continue
        other = theirs[trade.signal_id]
        compared += 1
        assert trade.entry_price == pytest.approx(other.EntryPrice, abs=1e-9)
        assert trade.exit_price == pytest.approx(other.ExitPrice, abs=1e-9), trade
        assert trade.exit_time.replace(tzinfo=None) == other.ExitTime.to_pydatetime(), trade
    refused = len(result.missed)
    assert compared > 0.95 * n
    assert refused < 0.02 * n
    assert timeframe in (Timeframe.M5, Timeframe.M15)
