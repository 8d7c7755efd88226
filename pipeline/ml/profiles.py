"""How features are spread, and whether they have moved further than chance moves them."""

import math

import numpy as np

from pipeline.domain.model import Drift, Profile

BINS = 10
_Z95_ONE_SIDED = 1.6448536269514722


def profiles_of(x: np.ndarray, features: tuple[str, ...]) -> tuple[Profile, ...]:
    """Return how each column of `x` is spread, by bins of about as many rows.

    A feature with at most ten values has one bin for each, so that a new value shows.
    """
    return tuple(_profile(x[:, i], name) for i, name in enumerate(features))


def _profile(values: np.ndarray, name: str) -> Profile:
    known = values[np.isfinite(values)]
    edges = _edges(known)
    counts, missing = _counted(values, edges)
    return Profile(
        feature=name,
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        missing=missing,
    )


def _edges(known: np.ndarray) -> np.ndarray:
    """Return the bins' edges; few values have a bin each, and one for what is below them all."""
    values = np.unique(known)
    if len(values) > BINS:
        cuts = np.linspace(0, 1, BINS + 1)[1:-1]
        return np.unique(np.quantile(known, cuts, method="lower"))
    return np.concatenate([np.nextafter(values[:1], -np.inf), values])


def _counted(values: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, int]:
    known = values[np.isfinite(values)]
    place = np.searchsorted(edges, known, side="left")
    return np.bincount(place, minlength=len(edges) + 1), len(values) - len(known)


def drift_of(
    profiles: tuple[Profile, ...], x: np.ndarray, features: tuple[str, ...]
) -> tuple[Drift, ...]:
    """Return the population stability index of each feature with the limit of chance.

    Parameters
    ----------
    profiles
        Of the rows learnt from. Features without a profile are left out.
    x
        Later rows; none: nothing is returned.

    Notes
    -----
    Without any drift the index of independent rows is about (1/n + 1/m) times a χ² variable with
    one degree of freedom less than bins (Yurdakul & Naranjo 2020): usual fixed limits such as 0.1
    are noise for small n and blind for large. `limit` is what it exceeds once in twenty, so of
    sixty features three are beyond it by chance; rows of the same days are alike, which makes it
    more.
    """
    known = {profile.feature: profile for profile in profiles}
    if not len(x):
        return ()
    return tuple(_drift(known[name], x[:, i]) for i, name in enumerate(features) if name in known)


def _drift(profile: Profile, values: np.ndarray) -> Drift:
    counts, missing = _counted(values, np.array(profile.edges))
    before = np.array([*profile.counts, profile.missing], dtype=np.float64)
    after = np.array([*counts, missing], dtype=np.float64)
    used = (before + after) > 0
    before, after = before[used], after[used]
    n, m, bins = before.sum(), after.sum(), len(before)
    # Half a row more in each bin: an empty one would be an infinite drift.
    p, q = (before + 0.5) / (n + bins / 2), (after + 0.5) / (m + bins / 2)
    index = float(np.sum((p - q) * np.log(p / q)))
    return Drift(
        feature=profile.feature, psi=index, limit=(1 / n + 1 / m) * _chi_square_95(bins - 1)
    )


def _chi_square_95(freedom: int) -> float:
    """Return the 95 % quantile of χ² (Wilson & Hilferty 1931; off by 3 % at most); 0 for none."""
    if freedom == 0:
        return 0.0
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + _Z95_ONE_SIDED * math.sqrt(part)) ** 3)
