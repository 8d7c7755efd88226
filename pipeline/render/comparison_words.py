"""How a comparison's figures are written, on its picture and beside it."""

from collections.abc import Callable

from pipeline.domain.comparison import FigurePair
from pipeline.domain.report import Interval
from pipeline.render.words import signed

NONE = "–"

NAMES = {
    "trades": "Trades",
    "win_rate": "Win rate",
    "expectancy_r": "Mean per trade, R",
    "profit_factor": "Profit factor",
    "total_r": "Total, R",
    "max_drawdown_r": "Max drawdown, R",
    "costs": "Costs paid",
}
"""Figure -> its name with its unit."""

_DECIMALS = {"trades": 0, "win_rate": 1, "total_r": 1, "max_drawdown_r": 1}
_SIGNED = frozenset({"expectancy_r", "total_r"})


def value_words(pair: FigurePair, value: float | None) -> str:
    """Return one figure as people write it; a dash where it isn't defined."""
    if value is None:
        return NONE
    decimals = _DECIMALS.get(pair.name, 2)
    if pair.name == "win_rate":
        return f"{value:.{decimals}%}"
    return signed(value, decimals) if pair.name in _SIGNED else f"{value:,.{decimals}f}"


def difference_words(pair: FigurePair) -> str:
    """Return the difference with its interval; of a win rate in percentage points (pp)."""
    if pair.difference is None:
        return NONE
    write = _writer(pair.name)
    low, high = write(pair.difference.low), write(pair.difference.high)
    unit = " pp" if pair.name == "win_rate" else ""
    return f"{write(pair.difference.value)} ({low} to {high}){unit}"


def _writer(name: str) -> Callable[[float], str]:
    scale = 100 if name == "win_rate" else 1
    return lambda value: signed(scale * value, _DECIMALS.get(name, 2))


def told_apart(interval: Interval | None) -> bool:
    """Whether the interval leaves zero out."""
    return interval is not None and (interval.low > 0 or interval.high < 0)
