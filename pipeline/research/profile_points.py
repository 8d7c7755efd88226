"""Each value of one parameter with its mean R and that value's own interval."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.domain.report import Interval
from pipeline.research.profile import Point
from pipeline.research.profiling import (
    DRAWS,
    MIN_DAYS,
    NORMAL_95,
    Variation,
    day_sums,
    distinct,
    rates_of,
    resampled_rates,
    value_key,
    widening,
)


def points_of(
    variants: Sequence[Variation], name: str, own: Mapping[str, str] | None,
    rng: np.random.Generator, draws: int = DRAWS,
) -> list[Point]:  # fmt: skip
    """Return each value's mean R, 95 % interval for it alone, and trades of a variant.

    With `own` among them only variants that are else as the setup is now; else all, averaged.
    """
    chosen = [v for v in distinct(variants) if len(v.rr)]
    mine = [v for v in chosen if own is not None and _else_own(v, name, own)]
    chosen = mine if len(mine) > 1 else chosen
    if not chosen:
        return []
    days, sums = day_sums(chosen)
    drawn = np.concatenate(resampled_rates(sums, rng, draws))[..., 0]
    whole = rates_of(sums.sum(axis=0)[None])[0, :, 0]
    found = []
    for value in sorted({v.values.get(name, "") for v in chosen}, key=value_key):
        rows = [i for i, v in enumerate(chosen) if v.values.get(name, "") == value]
        mean = float(whole[rows].mean())
        half = NORMAL_95 * float(drawn[:, rows].mean(axis=1).std()) * widening(max(days, 2))
        told = Interval(value=mean, low=mean - half, high=mean + half)
        wins = sum(float((chosen[i].rr > 0).mean()) for i in rows) / len(rows)
        count = round(sum(len(chosen[i].rr) for i in rows) / len(rows))
        shown = told if days >= MIN_DAYS else None
        found.append(
            Point(
                value=value, expectancy=shown, mean_r=mean, win_rate=wins, trades=count,
                variants=len(rows),
            )
        )  # fmt: skip
    return found


def _else_own(v: Variation, name: str, own: Mapping[str, str]) -> bool:
    return all(own.get(n) == value for n, value in v.values.items() if n != name)
