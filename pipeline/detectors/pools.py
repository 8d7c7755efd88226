"""Equal highs and lows: pools of orders that rest behind turns at one price."""

import numpy as np
from numba import njit
from pydantic import Field

from pipeline.detectors.base import (
    Detector,
    Inputs,
    Parameters,
    column,
    events_at,
    register,
)
from pipeline.domain.bars import BarTable
from pipeline.domain.events import Events, empty_events
from pipeline.domain.market import Instrument, Timeframe

WORDS = ("formed", "swept", "taken", "joined", "expired")
FORMED, SWEPT, TAKEN, JOINED, EXPIRED = range(5)
NEVER = np.iinfo(np.int64).max
EXTRAS = {"level": "float64", "touches": "int64", "formed_bar": "int64"}


class PoolParameters(Parameters):
    """Parameters of `equal_levels`."""

    tolerance_atr: float = Field(
        default=0.1, ge=0, description="most that the swings' prices may lie apart, in ATR"
    )
    min_apart: int = Field(default=3, ge=1, le=500, description="bars between two swings at least")
    min_touches: int = Field(default=2, ge=2, le=10, description="swings that make a pool")
    memory_bars: int = Field(
        default=200, ge=1, le=5000, description="bars after which a swing is forgotten"
    )
    expiry_bars: int = Field(
        default=500, ge=1, le=5000, description="bars until a pool is forgotten"
    )


def equal_levels(
    bars: BarTable,
    parameters: PoolParameters,
    inputs: Inputs,
    instrument: Instrument,  # noqa: ARG001 - every detector has one signature
    timeframe: Timeframe,  # noqa: ARG001
) -> Events:
    """Return pools of equal highs (side −1) and equal lows (side +1), and what becomes of them.

    When a swing of ``inputs["swings"]`` is confirmed, the earlier ones of its kind are gone
    through, newest first: one that no bar has closed beyond since it turned joins, if all
    prices together then span at most `tolerance_atr` × the ATR at the confirmation and it
    turned at least `min_apart` bars before the last one that joined. `min_touches` of them,
    the new one included, are a pool, from the lowest to the highest of their prices.

    formed   known at the confirmation of its newest swing
    swept    a bar trades beyond the pool's outer edge and closes no further, at most once
    taken    a bar *closes* beyond the outer edge. Ends the pool.
    joined   a further swing made a new pool with one of its swings in it. Ends the old one.
    expired  `expiry_bars` passed. Ends the pool.

    Notes
    -----
    The outer edge, `level`, is the highest of equal highs, the lowest of equal lows. `touches`
    counts the swings; `start` is the oldest of them, `zone_id` the newest one's. Swings
    confirmed more than `memory_bars` ago don't count, nor do any while the ATR doesn't exist.
    """
    swings = inputs["swings"]
    if len(swings) == 0 or len(bars) == 0:
        return empty_events(**EXTRAS)
    names = ("bar", "side", "pivot_bar", "price")
    known, side, pivot, price = (swings[name] for name in names)
    close, turns = column(bars, "close"), (known, side, pivot)
    broken = _broken_at(close, turns, price, parameters.memory_bars)
    tolerance = parameters.tolerance_atr * np.asarray(inputs["atr"])[known]
    rules = parameters.min_apart, parameters.min_touches, parameters.memory_bars
    pools, edges = _births(turns, price, broken, tolerance, rules)
    prices = column(bars, "high"), column(bars, "low"), close
    lives = _lives(prices, (known, side), pools, edges, parameters.expiry_bars)
    if len(lives) == 0:
        return empty_events(**EXTRAS)
    lives = lives[np.lexsort((lives[:, 2], lives[:, 0]))]
    bar, word, pool = np.ascontiguousarray(lives.T)
    newest, oldest, touches, _ = np.ascontiguousarray(pools[pool].T)
    low, high = np.ascontiguousarray(edges[pool].T)
    values = {
        "side": side[newest],
        "start": swings["start"][oldest],
        "price_low": low,
        "price_high": high,
        "zone_id": swings["zone_id"][newest],
        "level": np.where(side[newest] < 0, high, low),
        "touches": touches,
        "formed_bar": known[newest],
    }
    return events_at(bars, bar, (WORDS, word), values)


@njit(cache=True)
def _broken_at(
    close: np.ndarray,
    turns: tuple[np.ndarray, np.ndarray, np.ndarray],
    price: np.ndarray,
    memory: int,
) -> np.ndarray:
    """Return the first bar that closes beyond each swing, as far as anyone asks; else NEVER."""
    known, side, pivot = turns
    out = np.full(len(price), NEVER)
    for s in range(len(price)):
        for i in range(pivot[s] + 1, min(known[s] + memory + 1, len(close))):
            if side[s] * (price[s] - close[i]) > 0:
                out[s] = i
                break
    return out


@njit(cache=True)
def _births(
    turns: tuple[np.ndarray, np.ndarray, np.ndarray],
    price: np.ndarray,
    broken: np.ndarray,
    tolerance: np.ndarray,
    rules: tuple[int, int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Return pools (newest and oldest swing, touches, bar it is joined at) and their edges."""
    known, side, pivot = turns
    apart, need, memory = rules
    pools, edges = np.empty((len(known), 4), dtype=np.int64), np.empty((len(known), 2))
    pool_of, members = np.full(len(known), -1), np.empty(len(known), dtype=np.int64)
    count = 0
    for s in range(len(known)):
        if broken[s] <= known[s]:
            continue
        low, high, touches = price[s], price[s], 1
        members[0] = s
        for q in range(s - 1, -1, -1):
            if known[s] - known[q] > memory:
                break
            fits = side[q] == side[s] and broken[q] > known[s]
            if not fits or pivot[members[touches - 1]] - pivot[q] < apart:
                continue
            if max(high, price[q]) - min(low, price[q]) <= tolerance[s]:
                low, high = min(low, price[q]), max(high, price[q])
                members[touches] = q
                touches += 1
        if touches < need:
            continue
        for member in members[:touches]:
            old = pool_of[member]
            if old >= 0 and pools[old, 3] == NEVER:
                pools[old, 3] = known[s]
            pool_of[member] = count
        pools[count] = (s, members[touches - 1], touches, NEVER)
        edges[count] = (low, high)
        count += 1
    return pools[:count], edges[:count]


@njit(cache=True)
def _lives(
    prices: tuple[np.ndarray, np.ndarray, np.ndarray],
    born: tuple[np.ndarray, np.ndarray],
    pools: np.ndarray,
    edges: np.ndarray,
    expiry: int,
) -> np.ndarray:
    """Return rows (bar, word, pool) of all events, pool by pool."""
    high, low, close = prices
    known, sides = born
    out = np.empty((3 * len(pools), 3), dtype=np.int64)  # birth, sweep, end
    m = 0
    for p in range(len(pools)):
        begun, above = known[pools[p, 0]], sides[pools[p, 0]] < 0
        swept, word = False, FORMED
        out[m] = (begun, FORMED, p)
        m += 1
        for i in range(begun + 1, min(len(close), begun + expiry + 1)):
            beyond = close[i] > edges[p, 1] if above else close[i] < edges[p, 0]
            wick = high[i] > edges[p, 1] if above else low[i] < edges[p, 0]
            if wick and not beyond and not swept:
                swept = True
                out[m] = (i, SWEPT, p)
                m += 1
            if beyond:
                word = TAKEN
            elif i - begun == expiry:
                word = EXPIRED
            elif i == pools[p, 3]:
                word = JOINED
            if word != FORMED:
                out[m] = (i, word, p)
                m += 1
                break
    return out[:m]


def _warm_up(parameters: PoolParameters, timeframe: Timeframe) -> int:  # noqa: ARG001
    return parameters.memory_bars + parameters.expiry_bars + 2


register(
    Detector(
        name="equal_levels",
        title="Equal highs or lows",
        gives=WORDS,
        inputs=("swings", "atr"),
        parameters=PoolParameters,
        output="events",
        warm_up=_warm_up,
        detect=equal_levels,
        source="M. J. Huddleston (ICT): equal highs and lows, buy-side and sell-side liquidity",
    )
)
