"""Working a day's live vectors out again from the bars as they were seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from pipeline.domain.live import LiveSignal
from pipeline.domain.market import Timeframe
from pipeline.live.feature_parity import VectorDiffers, VectorsCompared
from pipeline.live.parity_day import ParityDay
from pipeline.ml.features import FEATURE_VERSION, FeatureBars, Vector, features_of, frames_at


def recounted(day: ParityDay) -> VectorsCompared:
    """Return how the vectors of a day's live signals compare with those worked out again.

    Notes
    -----
    Equal is to the last bit. A bar that came only after its close had been asked is left out
    where that alone gives live's vector: live could not know it.
    """
    bars = [part for part in (day.history, day.seen) if len(part)]
    whole = pd.concat(bars, ignore_index=True) if bars else day.seen
    again = _Again(day, whole)
    same = [r for r in day.live if r.features is not None and r.feature_version == FEATURE_VERSION]
    compared = [(record, again.other(record)) for record in same]
    other = [(record, vector) for record, vector in compared if vector is not None]
    told = [(r, v) for r, v in other if not _is_cut_short(r.features or {}, v)]
    return VectorsCompared(
        vectors=len(same),
        identical=len(same) - len(other),
        cut_short=len(other) - len(told),
        left_out=len(day.live) - len(same),
        differences=tuple(_difference(r, v) for r, v in told),
    )


@dataclass
class _Again:
    """The bars of a day and before, from which vectors are worked out again."""

    day: ParityDay
    bars: pd.DataFrame
    _at_hand: dict[Timeframe, FeatureBars] = field(default_factory=dict)

    def other(self, record: LiveSignal) -> Vector | None:
        """Return the vector that comes out now; None: it is live's."""
        s = record.signal
        if s.tf not in self._at_hand:
            self._at_hand[s.tf] = FeatureBars.of(self.bars, s.tf, self.day.end)
        frames = self._at_hand[s.tf].at(s.known_at)
        vector = features_of(s, record.plan, frames, self.day.instrument)
        return None if vector == record.features or self._was_early(record) else vector

    def _was_early(self, record: LiveSignal) -> bool:
        """Tell whether live's vector is that without the last bars of the trigger's bar."""
        s = record.signal
        opened = self.bars["open_time"]
        inside = opened[(opened >= s.known_at - s.tf.delta) & (opened < s.known_at)]
        for cut in reversed(list(inside)[1:]):
            early = frames_at(self.bars[opened < cut], s.tf, s.known_at)
            if features_of(s, record.plan, early, self.day.instrument) == record.features:
                return True
        return False


def _is_cut_short(live: Vector, again: Vector) -> bool:
    """Tell whether all that differs is not known any more."""
    return all(again[name] is None for name in _differing(live, again))


def _differing(live: Vector, again: Vector) -> list[str]:
    return [name for name in again if again[name] != live.get(name)]


def _difference(record: LiveSignal, again: Mapping[str, float | None]) -> VectorDiffers:
    live, s = record.features or {}, record.signal
    names = _differing(live, again)
    return VectorDiffers(
        signal_id=record.signal_id,
        setup_id=s.setup_id,
        symbol=s.symbol,
        tf=s.tf,
        known_at=s.known_at,
        feature=names[0],
        live=live.get(names[0]),
        again=again[names[0]],
        features=len(names),
    )
