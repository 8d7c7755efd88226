"""What moves a setup's result: variants of one ground compared on the same resampled days."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from pipeline.backtest.robustness import block_days, stationary_blocks, student_95
from pipeline.domain.report import Interval
from pipeline.research.profile import Effect

DRAWS = 2000
MIN_TRADES = 20
"""Variants with fewer trades are compared with none."""
MIN_DAYS = 20
"""Days with trades that a ground needs before anything is compared."""
DIFFERING_DAYS = 15
"""Days on which two variants must differ: on fewer the draws know too little of the difference."""
LEVEL = 0.95
_CHUNK = 100
NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Variation:
    """A tested variant with its trades.

    Parameters
    ----------
    fingerprint
        What `pipeline.backtest.trials.variant_of` says: the same rules have the same.
    values
        Each varied parameter's value, as it is typed.
    days
        Day (datetime64[D]) on which each trade's order became known.
    rr
        Each trade's R.
    """

    fingerprint: str
    values: Mapping[str, str]
    days: np.ndarray
    rr: np.ndarray


class Drawn(NamedTuple):
    """A ground's comparisons, and for each draw how far they strayed, in their own errors."""

    effects: tuple[Effect, ...]
    errors: np.ndarray
    strayed: np.ndarray
    wider: float


class Pair(NamedTuple):
    """One comparison: of `low` with `high`, side by side, each index a variant."""

    parameter: str
    old: str
    new: str
    low: tuple[int, ...]
    high: tuple[int, ...]
    own: bool


def distinct(variations: Sequence[Variation]) -> list[Variation]:
    """Return each variant once, in an order that doesn't depend on the order given."""
    found = {v.fingerprint: v for v in variations}
    return [found[key] for key in sorted(found)]


def compare_all(
    grounds: Sequence[tuple[Sequence[Variation], Mapping[str, str] | None]],
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> tuple[list[list[Effect]], int]:
    """Return each ground's effects and how many comparisons were made in all.

    Parameters
    ----------
    grounds
        Variants of one symbol, timeframe, period and costs, with the values that the setup has
        now (None: its present form is no candidate to be changed).

    Notes
    -----
    All intervals hold together: they are as wide as the largest of all comparisons strays in 95 %
    of the draws (Romano & Wolf 2005, one step). Each draw takes the same days for every variant,
    so that what they share (the market's days, most of their trades) doesn't count as evidence.
    Grounds are drawn apart, which is on the safe side where their days overlap.
    """
    made = [_ground(distinct(v), own, rng, draws) for v, own in grounds]
    strayed = [d.strayed for d in made if d.strayed.shape[1]]
    if not strayed:
        return [list(d.effects) for d in made], 0
    together = np.hstack(strayed)
    reach = float(np.quantile(together.max(axis=1), LEVEL, method="higher"))
    return [_widened(d, reach) for d in made], together.shape[1]


def _widened(drawn: Drawn, reach: float) -> list[Effect]:
    found = []
    for effect, error in zip(drawn.effects, drawn.errors.tolist(), strict=True):
        if not effect.judged:
            found.append(effect)
            continue
        half = reach * drawn.wider * error
        both = Interval(value=effect.value, low=effect.value - half, high=effect.value + half)
        found.append(effect.model_copy(update={
            "corrected": both, "trades_needed": _needed(effect, half),
        }))  # fmt: skip
    return found


def _needed(effect: Effect, half: float) -> int | None:
    """Return the trades at which an interval would begin at zero, were the difference real."""
    if effect.value == 0:
        return None
    return math.ceil(effect.trades * (half / abs(effect.value)) ** 2)


def _ground(
    variants: Sequence[Variation], own: Mapping[str, str] | None,
    rng: np.random.Generator, draws: int,
) -> Drawn:  # fmt: skip
    usable = [v for v in variants if len(v.rr) >= MIN_TRADES]
    none = Drawn((), np.zeros(0), np.zeros((draws, 0)), 1.0)
    if len(usable) < 2:  # noqa: PLR2004
        return none
    pairs = pairs_of(usable, own)
    days, sums = day_sums(usable)
    if not pairs or days < MIN_DAYS:
        return none
    whole = rates_of(sums.sum(axis=0)[None])
    seen = _effects(whole, pairs)[0]
    drawn = np.concatenate([_effects(r, pairs) for r in resampled_rates(sums, rng, draws)])
    errors = drawn.std(axis=0)
    differ = np.array([_differing(sums, p) for p in pairs for _ in range(2)])
    judged = (differ >= DIFFERING_DAYS) & (errors > 1e-12)  # noqa: PLR2004
    effects = _told(usable, pairs, seen, errors, judged, wider := widening(days))
    strayed = np.abs(drawn - seen)[:, judged] / errors[judged]
    return Drawn(tuple(effects), errors, strayed, wider)


def widening(days: int) -> float:
    """Return by how much few days widen an interval; see `robustness.day_interval`."""
    blocks = math.sqrt(days / (days + 1 - 2 * block_days(days)))
    return student_95(days - 1) * blocks / NORMAL_95


def day_sums(variants: Sequence[Variation]) -> tuple[int, np.ndarray]:
    """Return the days with any trade, and (days, variants, 3): trades, R and wins of each."""
    days = np.unique(np.concatenate([v.days for v in variants]))
    sums = np.zeros((len(days), len(variants), 3))
    for i, v in enumerate(variants):
        at = np.searchsorted(days, v.days)
        for k, weight in enumerate((np.ones_like(v.rr), v.rr, v.rr > 0)):
            sums[:, i, k] = np.bincount(at, weights=weight, minlength=len(days))
    return len(days), sums


def resampled_rates(sums: np.ndarray, rng: np.random.Generator, draws: int) -> list[np.ndarray]:
    """Return (chunk, variants, 2) rates of days drawn in blocks, the same for all variants."""
    days = len(sums)
    begins, lengths = stationary_blocks(days, rng, draws)
    rows = np.repeat(np.arange(draws), begins.shape[1]).reshape(begins.shape)
    steps = np.zeros((draws, 2 * days + 1))
    np.add.at(steps, (rows, begins), (lengths > 0).astype(float))
    np.add.at(steps, (rows, begins + lengths), -(lengths > 0).astype(float))
    twice = np.cumsum(steps, axis=1)[:, : 2 * days]
    weights = twice[:, :days] + twice[:, days:]
    flat = sums.reshape(days, -1)
    parts = (weights[i : i + _CHUNK] @ flat for i in range(0, draws, _CHUNK))
    return [rates_of(part.reshape(len(part), *sums.shape[1:])) for part in parts]


def rates_of(sums: np.ndarray) -> np.ndarray:
    """Return (…, variants, 2): mean R and win rate; 0 for a draw without a trade."""
    count = sums[..., :1]
    return np.asarray(
        np.divide(sums[..., 1:], count, out=np.zeros_like(sums[..., 1:]), where=count > 0)
    )


def _effects(rates: np.ndarray, pairs: Sequence[Pair]) -> np.ndarray:
    """Return (draws, 2 × pairs): differences of mean R and win rate, each pair's two together."""
    found = [
        rates[:, list(p.high)].mean(axis=1) - rates[:, list(p.low)].mean(axis=1) for p in pairs
    ]
    return np.concatenate(found, axis=1)


def _differing(sums: np.ndarray, pair: Pair) -> int:
    """Return on how many days the two sides have other results."""
    gap = np.abs(sums[:, list(pair.high)] - sums[:, list(pair.low)]).max(axis=(1, 2))
    return int((gap > 1e-12).sum())  # noqa: PLR2004


def _told(
    variants: Sequence[Variation], pairs: Sequence[Pair], seen: np.ndarray,
    errors: np.ndarray, judged: np.ndarray, wider: float,
) -> list[Effect]:  # fmt: skip
    found = []
    for i, pair in enumerate(pairs):
        counts = [len(variants[k].rr) for k in pair.high]
        before = [len(variants[k].rr) for k in pair.low]
        for k, measure in enumerate(("expectancy", "win_rate")):
            at = 2 * i + k
            value, half = float(seen[at]), NORMAL_95 * wider * float(errors[at])
            found.append(
                Effect(
                    parameter=pair.parameter, old=pair.old, new=pair.new, measure=measure,
                    own=pair.own, value=value, pairs=len(pair.low), judged=bool(judged[at]),
                    alone=Interval(value=value, low=value - half, high=value + half),
                    corrected=None, trades=round(sum(counts) / len(counts)),
                    trades_before=round(sum(before) / len(before)),
                )
            )  # fmt: skip
    return found


def pairs_of(variants: Sequence[Variation], own: Mapping[str, str] | None) -> list[Pair]:
    """Return what is compared: neighbouring values all else equal, then each change from `own`.

    Neighbours of one parameter are taken together over all settings of the others that both have.
    """
    names = sorted({name for v in variants for name in v.values})
    at = {tuple(v.values.get(n, "") for n in names): i for i, v in enumerate(variants)}
    found: list[Pair] = []
    for axis, name in enumerate(names):
        rests: dict[tuple[str, ...], dict[str, int]] = defaultdict(dict)
        for cell, index in at.items():
            rests[(*cell[:axis], *cell[axis + 1 :])][cell[axis]] = index
        values = sorted({cell[axis] for cell in at}, key=value_key)
        for old, new in pairwise(values):
            both = [(r[old], r[new]) for r in rests.values() if old in r and new in r]
            if both:
                low, high = zip(*sorted(both), strict=True)
                found.append(Pair(name, old, new, low, high, own=False))
        found += _from_own(name, axis, names, at, own)
    return found


def _from_own(
    name: str, axis: int, names: Sequence[str], at: Mapping[tuple[str, ...], int],
    own: Mapping[str, str] | None,
) -> list[Pair]:  # fmt: skip
    mine = tuple(own.get(n, "") for n in names) if own is not None else None
    if mine is None or mine not in at:
        return []
    others = sorted(
        (cell for cell in at
         if cell[axis] != mine[axis] and cell[:axis] == mine[:axis]
         and cell[axis + 1 :] == mine[axis + 1 :]),
        key=lambda cell: value_key(cell[axis]),
    )  # fmt: skip
    return [
        Pair(name, mine[axis], cell[axis], (at[mine],), (at[cell],), own=True) for cell in others
    ]


def value_key(text: str) -> tuple[int, float, str]:
    """Sort values as people do: numbers by size, all else by letters."""
    try:
        return 0, float(text), text
    except ValueError:
        return 1, 0.0, text
