"""Counting past cases: a backtest over held bars, with the backtest's own functions."""

import pandas as pd

from pipeline.backtest.engine import simulate
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.trade import CostModel
from pipeline.live.cases import PastCase
from pipeline.setups.engine import detect, find_signals, frames_for, warm_up
from pipeline.setups.model import SetupSpec


def past_cases(
    bars: pd.DataFrame,
    trigger: Timeframe,
    spec: SetupSpec,
    instrument: Instrument,
    costs: CostModel,
    *,
    m1: pd.DataFrame | None = None,
    news: pd.DataFrame | None = None,
) -> list[PastCase]:
    """Return every signal of a setup on some bars that was filled and has ended, by known time.

    Notes
    -----
    The same functions as a backtest with each order on its own. Signals that fall into the first
    bars, where the setup's look-back is not held whole, are left out; so are orders that never
    filled, and positions open at the last bar.
    """
    needed = warm_up(spec, trigger)
    if len(bars) <= needed:
        return []
    frames = frames_for(bars, trigger, spec)
    tools = detect(frames, spec, trigger, instrument)
    since = bars["open_time"].iloc[needed].to_pydatetime()
    found = find_signals(frames, tools, spec, trigger, instrument, since=since, news=news)
    done = simulate(found.plans, bars, instrument, costs, timeframe=trigger, m1=m1)
    by_id = {p.signal_id: (s, p) for s, p in zip(found.signals, found.plans, strict=True)}
    last = bars["close_time"].iloc[-1].to_pydatetime()
    cases = []
    for trade in done.trades:
        if trade.exit_time < last:  # else it left only because the bars end
            signal, plan = by_id[trade.signal_id]
            ended = trade.exit_time + trigger.delta
            cases.append(PastCase(signal=signal, plan=plan, trade=trade, resolved_at=ended))
    return cases
