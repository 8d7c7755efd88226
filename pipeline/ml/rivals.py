"""What a new model must beat, and on which rows: those that neither had learnt from."""

from dataclasses import dataclass
from datetime import UTC

import numpy as np

from pipeline.ml.dataset import Dataset
from pipeline.ml.gate import Judged, enough
from pipeline.ml.scoring import Scorer
from pipeline.ml.splits import EMBARGO, Split


@dataclass(frozen=True)
class _Part:
    """Places in the last window that are judged, and what is to be said of it."""

    places: np.ndarray
    notes: tuple[str, ...] = ()


def judged_rows(
    dataset: Dataset, last: Split, scores: np.ndarray, champion: Scorer | None
) -> Judged:
    """Return the last window's rows with the model's scores and its rival's.

    Parameters
    ----------
    scores
        The new model's, one for each row of the last window.

    Notes
    -----
    A champion of another feature version can't score these rows, and no live signal either: it is
    no rival. One that was trained into the window is judged on the rows after its training; where
    these are too few, on all of them, which is the sterner test for the new model. The notes say
    so.
    """
    everything = _Part(np.arange(len(last.test)))
    if champion is None:
        return _against_base_rates(dataset, last, scores, everything)
    manifest = champion.manifest
    known = (manifest.features, manifest.feature_version)
    if known != (dataset.features, dataset.feature_version):
        note = (
            f"Champion {manifest.version} was made for other features and scores no signal of "
            "today: chance and base rates are the rival."
        )
        part = _Part(everything.places, (note,))
        return _against_base_rates(dataset, last, scores, part)
    part = _after_training(dataset, last, champion)
    rows = last.test[part.places]
    return Judged(
        y=dataset.y[rows],
        days=dataset.days[rows],
        scores=scores[part.places],
        rival=champion.scores(dataset.x[rows]),
        against=manifest.version,
        notes=part.notes,
    )


def _against_base_rates(dataset: Dataset, last: Split, scores: np.ndarray, part: _Part) -> Judged:
    rows = last.test[part.places]
    return Judged(
        y=dataset.y[rows],
        days=dataset.days[rows],
        scores=scores[part.places],
        rival=base_rates(dataset, last.train, rows),
        notes=part.notes,
    )


def base_rates(dataset: Dataset, learnt: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return for each of `rows` its setup's share of targets reached among the rows learnt from.

    One row at the share of all is added to each setup: a setup seen never, or too rarely to have
    lost once, has no certain outcome.
    """
    overall = float(dataset.y[learnt].mean())
    rates = np.full(len(rows), overall)
    for setup in np.unique(dataset.setups[rows]):
        own = dataset.y[learnt][dataset.setups[learnt] == setup]
        rates[dataset.setups[rows] == setup] = (own.sum() + overall) / (len(own) + 1)
    return rates


def _after_training(dataset: Dataset, last: Split, champion: Scorer) -> _Part:
    """Return the part of the last window that a champion had not learnt from, if it suffices."""
    places, version = np.arange(len(last.test)), champion.manifest.version
    learnt_until = champion.manifest.training.end.astimezone(UTC).replace(tzinfo=None)
    later = dataset.known[last.test] > np.datetime64(learnt_until, "us") + EMBARGO
    if later.all():
        return _Part(places)
    until = f"{learnt_until:%Y-%m-%d}"
    if enough(dataset.y[last.test][later]):
        note = (
            f"Champion {version} had learnt until {until}: both are judged on the "
            f"{int(later.sum())} of {len(places)} signals after it."
        )
        return _Part(places[later], (note,))
    note = (
        f"Champion {version} had learnt until {until}, from {int((~later).sum())} of the "
        f"{len(places)} signals or near them: it has an advantage, the test is sterner."
    )
    return _Part(places, (note,))
