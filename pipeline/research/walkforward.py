"""Walk-forward: choose on one window, trade the next with that choice, and count only the latter.

Every variant is tested once over the whole period; windows are cuts through its trades. A trade
belongs to the window in which its order became known. One that was still open when the choice was
made is left out of the choice: its end was not known then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.errors import BadRequestError
from pipeline.domain.research import Criterion
from pipeline.research.grid import Grid
from pipeline.research.plateau import plateau
from pipeline.research.results import TradeTable, scores

FEWEST_WINDOWS = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


class Window(BaseModel):
    """One step: days [start, split) are chosen on, [split, end) are traded. UTC days."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: date
    split: date
    end: date


class Figures(BaseModel):
    """Trades and mean R, with its standard error, of one part of one window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trades: int
    total_r: float
    expectancy_r: float | None
    expectancy_se: float | None


class WindowResult(BaseModel):
    """What was chosen in a window, on what evidence, and what it then did.

    `chosen` is None where no variant had enough trades: nothing is traded then.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    window: Window
    chosen: int | None
    region_score: float | None = Field(description="of the choice: see `plateau`")
    usable: int = Field(description="variants with enough trades to be chosen")
    inside: Figures
    outside: Figures


@dataclass(frozen=True)
class Choosing:
    """How a walk-forward chooses."""

    criterion: Criterion = Criterion.T
    min_trades: int = 20


def windows_of(start: date, end: date, inside: int, outside: int) -> list[Window]:
    """Return the rolling windows of a period [start, end], both days included.

    Parameters
    ----------
    inside, outside
        Days to choose on, and days to trade the choice for; windows move by `outside`.

    Raises
    ------
    BadRequestError
        Fewer than three windows fit: too few to say anything.

    Notes
    -----
    The last window ends with the period and may be shorter, but not under half of `outside`.
    """
    found = []
    split, behind = start + inside * _DAY, end + _DAY
    while (behind - split).days * 2 >= outside:
        until = min(split + outside * _DAY, behind)
        found.append(Window(start=split - inside * _DAY, split=split, end=until))
        split = until
    if len(found) < FEWEST_WINDOWS:
        days = (behind - start).days
        text = (
            f"{days} days hold {len(found)} windows of {inside} days to choose on and {outside} "
            f"to trade; at least {FEWEST_WINDOWS} are needed. Take a longer period or shorter "
            "windows."
        )
        shorter = (f"in={max(days // 2, 1)}d", f"out={max(days // 10, 1)}d")
        raise BadRequestError(text, field="in", value=f"{inside}d", closest=shorter)
    return found


def default_windows(days: int) -> tuple[int, int]:
    """Return days to choose on and to trade, for a period of so many: a third and a twelfth."""
    return max(days // 3, 1), max(days // 12, 1)


def walk_forward(
    grid: Grid, trades: TradeTable, windows: Sequence[Window], how: Choosing
) -> list[WindowResult]:
    """Return for each window what is chosen inside and what it does outside."""
    return [_window(grid, trades, window, how) for window in windows]


def outside_rows(trades: TradeTable, results: Sequence[WindowResult]) -> np.ndarray:
    """Return the mask of the trades that a walk-forward makes: the chosen ones' outside."""
    mask = np.zeros(len(trades.rr), dtype=np.bool_)
    for result in results:
        if result.chosen is not None:
            mask |= _outside(trades, result.window) & (trades.variant == result.chosen)
    return mask


def _window(grid: Grid, trades: TradeTable, window: Window, how: Choosing) -> WindowResult:
    first, split = _micros(window.start), _micros(window.split)
    known = trades.where((trades.known >= first) & (trades.ended <= split))
    found = scores(known, grid.size, how.criterion, how.min_trades)
    best = plateau(grid, found)
    chosen = None if best is None else best.centre
    outside = trades.where(_outside(trades, window))
    return WindowResult(
        window=window,
        chosen=chosen,
        region_score=None if best is None else best.region_score,
        usable=int(np.isfinite(found).sum()),
        inside=_figures(known, chosen),
        outside=_figures(outside, chosen),
    )


def _outside(trades: TradeTable, window: Window) -> np.ndarray:
    return np.asarray(
        (trades.known >= _micros(window.split)) & (trades.known < _micros(window.end))
    )


def _micros(day: date) -> int:
    return (datetime.combine(day, time(), UTC) - _EPOCH) // timedelta(microseconds=1)


def _figures(trades: TradeTable, chosen: int | None) -> Figures:
    rr = trades.rr[trades.variant == (-1 if chosen is None else chosen)]
    n = len(rr)
    return Figures(
        trades=n,
        total_r=float(rr.sum()),
        expectancy_r=float(rr.mean()) if n else None,
        expectancy_se=float(rr.std(ddof=1) / np.sqrt(n)) if n > 1 else None,
    )


class Drift(BaseModel):
    """How one parameter's choice moved over the windows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    positions: tuple[int | None, ...] = Field(description="of the value on the grid, by window")
    changes: int = Field(description="windows whose choice differs from the one before")
    mean_jump: float = Field(description="of ordered values: mean |move| over the grid's width")


def drifts(grid: Grid, results: Sequence[WindowResult]) -> list[Drift]:
    """Return for each parameter how its choice moved; windows without a choice are passed over."""
    cells = [None if r.chosen is None else grid.cell(r.chosen) for r in results]
    found = []
    for axis, dimension in enumerate(grid.dimensions):
        positions = [None if cell is None else cell[axis] for cell in cells]
        made = [p for p in positions if p is not None]
        moves = np.abs(np.diff(made)) if len(made) > 1 else np.zeros(0)
        width = len(dimension.values) - 1
        found.append(
            Drift(
                name=dimension.name,
                positions=tuple(positions),
                changes=int((moves > 0).sum()),
                mean_jump=float(moves.mean() / width) if len(moves) and width else 0.0,
            )
        )
    return found
