"""What bars up to now made of a plan, by the backtest's own fills: a life that is never unsaid.

Bars come one by one, and each time the whole plan is carried out anew on all of them. Every fill
rule looks at closed bars alone, in their order, so a longer look never contradicts a shorter one.
"""

from datetime import datetime

import pandas as pd

from pipeline.backtest.book import Course
from pipeline.backtest.engine import simulate
from pipeline.data.clean import resample
from pipeline.domain.live import Life, LifeState
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.trade import CostModel, ExitReason, Missed, Plan, Trade

_WAITS = "NO_BARS"
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
    The life as of the last bar's close. No bar after the plan: it waits.

    Notes
    -----
    Over growing bars the state only goes waiting → open → closed, or from waiting to expired,
    void or refused, and an entry once said stays. The trade of a closed life is the one that
    `simulate` makes of all bars, but for `rr_worst`, `rr_best` and `ambiguous`: those tell what
    the other orders of prices had brought by then, and a position that one of them leaves open
    is counted at that close.
    """
    result = simulate(
        [plan], bars, instrument, costs, timeframe=timeframe, m1=m1, lots=lots
    )  # mode: drill-down, a backtest's default
    as_of = bars["close_time"].iloc[-1].to_pydatetime() if len(bars) else None
    if result.missed:
        return _unfilled(result.missed[0], as_of)
    return _filled(result.trades[0], result.courses[0], as_of)


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
    return Life(state=LifeState.VOID, as_of=life.as_of, missed=missed)


def _unfilled(missed: Missed, as_of: datetime | None) -> Life:
    if missed.reason == _WAITS:
        return Life(as_of=as_of)
    state = next((s for r, s in _ENDS.items() if r == missed.reason), LifeState.REFUSED)
    return Life(state=state, as_of=as_of, missed=missed)


def _filled(trade: Trade, course: Course, as_of: datetime | None) -> Life:
    over = course.left == 0
    return Life(
        state=LifeState.CLOSED if over else LifeState.OPEN,
        as_of=as_of,
        entry_time=trade.entry_time,
        entry_price=trade.entry_price,
        first_target_at=course.first_target_at,
        trade=trade if over else None,
    )


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
