"""What a run's trades pay: the request's costs, else the instrument's, else the settings'."""

from flows.settings import Settings
from pipeline.domain.market import Instrument, Swap, SwapUnit
from pipeline.domain.request import BacktestOptions
from pipeline.domain.trade import CostModel


def costs_of(options: BacktestOptions, instrument: Instrument, settings: Settings) -> CostModel:
    """Return the costs of a request on an instrument.

    Notes
    -----
    A swap that is asked for is paid on either side, on the instrument's triple day; 0 is none.
    """
    spread = options.spread
    if spread is None and not any(instrument.spread_points):
        spread = settings.default_spread
    slippage = options.slippage
    if slippage is None:
        slippage = instrument.slippage_points or settings.default_slippage
    commission = options.commission
    return CostModel(
        spread_points=spread,
        slippage_points=slippage,
        commission=instrument.commission if commission is None else commission,
        swap=_swap(options.swap, instrument.swap),
    )


def _swap(asked: float | None, own: Swap | None) -> Swap | None:
    if asked is None:
        return own
    if asked == 0:
        return None
    both = {"long": -asked, "short": -asked, "unit": SwapUnit.POINTS}
    return Swap.model_validate(both) if own is None else own.model_copy(update=both)
