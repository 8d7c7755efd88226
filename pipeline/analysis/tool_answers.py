"""What the detectors say of a symbol's bars, with their usual settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import pipeline.detectors  # noqa: F401 - registers them
from pipeline.detectors.base import get
from pipeline.domain.bars import BarColumns
from pipeline.domain.events import Events
from pipeline.domain.market import Instrument, Timeframe

_SWING = 3


@dataclass(frozen=True)
class Tools:
    """Answers of the detectors that a picture of a symbol is made of."""

    instrument: Instrument
    atr: np.ndarray
    structure: Events
    gaps: Events
    blocks: Events
    ranges: Mapping[str, Events]
    openings: Mapping[str, Events]


def answers_on(bars: BarColumns, instrument: Instrument, timeframe: Timeframe) -> Tools:
    """Return what the detectors find on closed bars."""

    def ask(name: str, inputs: Mapping[str, Any] | None = None, **settings: Any) -> Any:
        detector = get(name)
        parameters = detector.parameters(**settings)
        return detector.detect(bars, parameters, inputs or {}, instrument, timeframe)

    atr = ask("atr", length=14)
    gaps = ask("fair_value_gap", {"atr": atr})
    structure = ask("structure", {"swings": ask("swing", k=_SWING)})
    runs = ask("displacement", {"gaps": gaps, "atr": atr})
    return Tools(
        instrument=instrument,
        atr=np.asarray(atr),
        structure=structure,
        gaps=gaps,
        blocks=ask("order_block", {"structure": structure, "displacements": runs}),
        ranges={name: ask(name) for name in ("previous_day", "previous_week")},
        openings={of: ask("opening_price", of=of) for of in ("day", "week", "new_york_midnight")},
    )
