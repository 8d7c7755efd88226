"""Vectors that live used, held against the same worked out again from the bars as seen."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from pipeline.domain.market import Timeframe


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VectorDiffers(_Frozen):
    """A vector that comes out otherwise: its first feature that does, and how many do."""

    signal_id: str
    setup_id: str
    symbol: str
    tf: Timeframe
    known_at: datetime
    feature: str
    live: float | None
    again: float | None
    features: int


class VectorsCompared(_Frozen):
    """What became of the vectors of some live signals.

    Parameters
    ----------
    vectors
        Compared with one worked out again.
    identical
        Of these, equal to the last bit.
    cut_short
        Not equal only in that less history is held now than live had.
    left_out
        Signals without a vector, or with one of another version of the features.
    """

    vectors: int = 0
    identical: int = 0
    cut_short: int = 0
    left_out: int = 0
    differences: tuple[VectorDiffers, ...] = ()


def together(parts: Sequence[VectorsCompared]) -> VectorsCompared:
    """Return several comparisons as one."""
    return VectorsCompared(
        vectors=sum(p.vectors for p in parts),
        identical=sum(p.identical for p in parts),
        cut_short=sum(p.cut_short for p in parts),
        left_out=sum(p.left_out for p in parts),
        differences=tuple(d for p in parts for d in p.differences),
    )
