"""What bars up to now made of a plan, by the backtest's own fills: a life that is never unsaid.

Bars come one by one, and each time the whole plan is carried out anew on all of them. Every fill
rule looks at closed bars alone, in their order, so a longer look never contradicts a shorter one.
"""

from datetime import datetime
from functools import partial

import pandas as pd

from pipeline.backtest.ending import WAITS, missed_known_at, trade_end_known_at
from pipeline.backtest.engine import simulate
from pipeline.data.clean import resample
from pipeline.domain.live import Life, LifeState
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.trade import CostModel, ExitReason, Missed, Plan

_ENDS = {ExitReason.EXPIRED: LifeState.EXPIRED, ExitReason.VOID: LifeState.VOID}


def follow(
    plan: Plan,
    bars: pd.DataFrame,
    instrument: Instrument,
    costs: CostModel,
    *,
    timeframe: Timeframe,
    m1: pd.DataFrame | None = None,
    lots: float = 1.0,
) -> Life:
    """Return what became of a plan by the last of the bars.

    Parameters
    ----------
    bars
        Closed bars of the trigger timeframe, any number; those before the plan don't matter.
    m1
        M1 bars inside them, which settle the order of prices as in a backtest; None: unknown.
    lots
        The size. One smaller than the broker's smallest is refused once it would be filled.

    Returns
    -------
    The life as of the last bar's close, or of the close at which it ended. No bar after the
    plan: it waits.

    Notes
    -----
    Over growing bars the state only goes waiting → open → closed, or from waiting to expired,
    void or refused; an entry once said stays, and an ended life is the same for ever. Its trade
    is the one that `simulate` makes of all bars, but for `rr_worst`, `rr_best` and `ambiguous`:
    those tell what other orders of prices had brought by its end, and a position that one of
    them leaves open is counted at that close.
    """
    carry_out = partial(  # in the mode that is a backtest's default
        simulate, [plan], instrument=instrument, costs=costs, timeframe=timeframe, m1=m1, lots=lots
    )
    found = carry_out(bars=bars)
    if found.missed:
        return _unfilled(found.missed[0], bars)
    trade, course = found.trades[0], found.courses[0]
    life = Life(
        state=LifeState.OPEN,
        as_of=_last_close(bars),
        entry_time=trade.entry_time,
        entry_price=trade.entry_price,
        first_target_at=course.first_target_at,
    )
    ended = trade_end_known_at(trade, course, bars)
    if ended is None:
        return life
    trade = carry_out(bars=bars[bars["close_time"] <= ended]).trades[0]
    return life.model_copy(update={"state": LifeState.CLOSED, "as_of": ended, "trade": trade})


def follow_paper(
    plan: Plan,
    m1: pd.DataFrame,
    instrument: Instrument,
    costs: CostModel,
    *,
    timeframe: Timeframe,
    lots: float = 1.0,
) -> Life:
    """Return what became of a trade on paper by the last of the M1 bars.

    Parameters
    ----------
    plan
        Known when a person approved it, in the middle of a bar as a rule.
    m1
        M1 bars, beginning with the first of a bar of `timeframe`, the trigger's.

    Notes
    -----
    Nothing has to equal a backtest here, so the shortest bars judge: a market order fills at the
    first minute that opens after the approval, not at the trigger's next bar. Only closes that
    spoil the setup are the trigger's, as the setup means them.
    """
    free = plan.model_copy(update={"void_close_below": None, "void_close_above": None})
    broken = _close_that_voids(plan, resample(m1, Timeframe.M1, timeframe))
    if broken is not None:
        free = free.model_copy(update={"expires_at": broken})
    life = follow(free, m1, instrument, costs, timeframe=Timeframe.M1, lots=lots)
    if broken is None or not _alive_at(life, broken):
        return life
    note = "the setup broke before the fill"
    missed = Missed(signal_id=plan.signal_id, reason=ExitReason.VOID, at=broken, note=note)
    return Life(state=LifeState.VOID, as_of=broken, missed=missed)


def _unfilled(missed: Missed, bars: pd.DataFrame) -> Life:
    if missed.reason == WAITS:
        return Life(as_of=_last_close(bars))
    state = next((s for r, s in _ENDS.items() if r == missed.reason), LifeState.REFUSED)
    return Life(state=state, as_of=missed_known_at(missed, bars), missed=missed)


def _last_close(bars: pd.DataFrame) -> datetime | None:
    return bars["close_time"].iloc[-1].to_pydatetime() if len(bars) else None


def _close_that_voids(plan: Plan, bars: pd.DataFrame) -> datetime | None:
    """Return the first close that spoils the setup while its order may still rest."""
    closes, prices = bars["close_time"], bars["close"]
    spoilt = pd.Series(data=False, index=bars.index)
    if plan.void_close_below is not None:
        spoilt |= prices < plan.void_close_below
    if plan.void_close_above is not None:
        spoilt |= prices > plan.void_close_above
    in_time = closes > plan.known_at
    for end in (plan.expires_at, plan.flat_at):
        if end is not None:
            in_time &= closes < end
    found = closes[spoilt & in_time]
    return found.iloc[0].to_pydatetime() if len(found) else None


def _alive_at(life: Life, moment: datetime) -> bool:
    """Whether an order still rested at a moment that the bars have reached."""
    if life.missed is None:
        return life.state is LifeState.WAITING
    expired = life.state is LifeState.EXPIRED
    return expired and life.missed.at is not None and life.missed.at >= moment
