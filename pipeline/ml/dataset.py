"""The rows a model learns from: labelled signals as arrays, in time's order, none twice."""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from pipeline.domain.label import BACKTEST, MARKS, Label
from pipeline.domain.live import LIVE

_LIVE, _REPLAY, _BACKTEST, _MARKS = range(4)
_NUMBERED = {LIVE: _LIVE, BACKTEST: _BACKTEST, MARKS: _MARKS}

REPEATED = "repeated"
WITHOUT_LABEL = "without_label"
WITHOUT_FEATURES = "without_features"
OTHER_VERSION = "other_version"
WRONG_TIMES = "wrong_times"


@dataclass(frozen=True)
class Dataset:
    """Labelled signals, sorted by when they were known; one row per natural signal.

    Attributes
    ----------
    x
        (rows, features) float64; NaN: not known at the signal's close.
    y
        1 where the target came before the stop, else 0.
    known, resolved
        datetime64[us], UTC: the label's closed interval.
    rr
        What it earned in R; NaN where that is not kept.
    keys
        The natural keys.
    left_out
        Why rows were not taken -> how many.
    """

    features: tuple[str, ...]
    feature_version: str
    x: np.ndarray
    y: np.ndarray
    known: np.ndarray
    resolved: np.ndarray
    rr: np.ndarray
    setups: np.ndarray
    symbols: np.ndarray
    keys: tuple[str, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def days(self) -> np.ndarray:
        """The UTC day on which each row was known, datetime64[D]."""
        return self.known.astype("datetime64[D]")

    @property
    def positives(self) -> int:
        """How many rows reached their target."""
        return int(self.y.sum())

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that is learnt from, in its order."""
        digest = hashlib.sha256("\x1f".join((self.feature_version, *self.features)).encode())
        digest.update("\x1f".join(self.keys).encode())
        times = (self.known.astype("int64"), self.resolved.astype("int64"))
        for column in (self.x, self.y, *times, self.rr):
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()


def natural_key(row: Label) -> str:
    """Return what makes a signal the same one, whichever source it comes from."""
    moment = row.known_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S")
    return f"{row.setup_id}|{row.symbol}|{row.tf.value}|{moment}|{row.side}"


def dataset_of(
    labels: Sequence[Label], features: tuple[str, ...], feature_version: str
) -> Dataset:
    """Return the rows that can be learnt from, the same for the same labels in any order.

    Parameters
    ----------
    labels
        Rows of `labeled_trades`.
    features, feature_version
        The names wanted, in the trees' order, and the version that a row's vector must have.

    Notes
    -----
    A signal known from several sources counts once: live before replay, backtest and marks; of
    one source the newest rule version. A row without a label, without its features, with those of
    another version, or resolved before it was known is left out and counted.
    """
    left_out: Counter[str] = Counter()
    chosen: dict[str, Label] = {}
    for row in sorted(labels, key=_rank):
        reason = _unfit(row, features, feature_version)
        if not reason and natural_key(row) in chosen:
            reason = REPEATED
        if reason:
            left_out[reason] += 1
        else:
            chosen[natural_key(row)] = row
    rows = sorted(chosen.items(), key=lambda item: (item[1].known_at, item[0]))
    return _columns(rows, features, feature_version, dict(left_out))


def _rank(row: Label) -> tuple[object, ...]:
    """Sort the row to be preferred first, whatever order rows come in."""
    version = [-int(part) for part in row.rule_version.lstrip("v").split(".") if part.isdigit()]
    return (_NUMBERED.get(row.source, _REPLAY), version, row.source, row.signal_id)


def _unfit(row: Label, features: tuple[str, ...], feature_version: str) -> str:
    """Return why a row can't be learnt from; empty: it can."""
    if row.label is None:
        return WITHOUT_LABEL
    if row.features is None:
        return WITHOUT_FEATURES
    if row.feature_version != feature_version or not row.features.keys() >= set(features):
        return OTHER_VERSION
    return WRONG_TIMES if row.resolved_at < row.known_at else ""


def _columns(
    rows: Sequence[tuple[str, Label]],
    features: tuple[str, ...],
    feature_version: str,
    left_out: Mapping[str, int],
) -> Dataset:
    labels = [row for _, row in rows]
    x = np.full((len(rows), len(features)), np.nan)
    for i, row in enumerate(labels):
        x[i] = vector(row.features or {}, features)
    return Dataset(
        features=features,
        feature_version=feature_version,
        x=x,
        y=np.array([row.label for row in labels], dtype=np.int8),
        known=_stamps([row.known_at for row in labels]),
        resolved=_stamps([row.resolved_at for row in labels]),
        rr=np.array([math.nan if row.rr is None else row.rr for row in labels], dtype=np.float64),
        setups=np.array([row.setup_id for row in labels], dtype=np.str_),
        symbols=np.array([row.symbol for row in labels], dtype=np.str_),
        keys=tuple(key for key, _ in rows),
        left_out=left_out,
    )


def vector(features: Mapping[str, float | None], names: tuple[str, ...]) -> np.ndarray:
    """Return the values in the order of `names`, float64; NaN for None.

    Raises
    ------
    KeyError
        One of the names is missing: the vector is not of this model.
    """
    return np.array([features[name] for name in names], dtype=np.float64)


def _stamps(moments: Sequence[datetime]) -> np.ndarray:
    naive = [moment.astimezone(UTC).replace(tzinfo=None) for moment in moments]
    return np.array(naive, dtype="datetime64[us]")
