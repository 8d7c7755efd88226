"""Run any detector by name with its inputs built on the same bars."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline import detectors
from pipeline.detectors import Detector
from pipeline.detectors.base import DEFAULT_INPUTS
from pipeline.domain.events import Events
from pipeline.domain.market import Instrument, Timeframe

Params = Mapping[str, Any]


def run_detector(
    detector: str | Detector,
    bars: pd.DataFrame,
    timeframe: Timeframe,
    instrument: Instrument,
    params: Params | None = None,
    *,
    providers: Mapping[str, tuple[str, Params]] | None = None,
) -> Any:
    """Return what the detector finds in the bars: a frame of events, or a series.

    Parameters
    ----------
    params
        Its parameters; the rest are defaults.
    providers
        Input name -> (detector, parameters), where not the usual one.
    """
    return as_frame(found_by(detector, bars, timeframe, instrument, params, providers))


def as_frame(found: Any) -> Any:
    """Return events as a frame; a series, and what is a frame already, as it is."""
    return found.to_frame() if isinstance(found, Events) else found


def found_by(
    detector: str | Detector,
    bars: pd.DataFrame,
    timeframe: Timeframe,
    instrument: Instrument,
    params: Params | None,
    providers: Mapping[str, tuple[str, Params]] | None,
) -> Any:
    """Return what the detector finds in the bars, as it gives it."""
    chosen = _detector(detector)
    inputs = build_inputs(chosen, bars, timeframe, instrument, providers)
    return chosen.detect(bars, chosen.parameters(**(params or {})), inputs, instrument, timeframe)


def build_inputs(
    detector: Detector,
    bars: pd.DataFrame,
    timeframe: Timeframe,
    instrument: Instrument,
    providers: Mapping[str, tuple[str, Params]] | None = None,
) -> dict[str, Any]:
    """Return the detector's inputs, computed on the same bars; arrays are read-only."""
    inputs: dict[str, Any] = {}
    for name in detector.inputs:
        provider, params = (providers or {}).get(name, (DEFAULT_INPUTS[name], {}))
        inputs[name] = found_by(provider, bars, timeframe, instrument, params, providers)
        if isinstance(inputs[name], np.ndarray):
            inputs[name].flags.writeable = False
    return inputs


def total_warm_up(
    detector: str | Detector,
    timeframe: Timeframe,
    params: Params | None = None,
    *,
    providers: Mapping[str, tuple[str, Params]] | None = None,
) -> int:
    """Return the declared warm-up of the detector and, behind it, of its inputs, in bars."""
    chosen = _detector(detector)
    own = chosen.warm_up(chosen.parameters(**(params or {})), timeframe)
    behind = [0]
    for name in chosen.inputs:
        provider, given = (providers or {}).get(name, (DEFAULT_INPUTS[name], {}))
        behind.append(total_warm_up(provider, timeframe, given, providers=providers))
    return own + max(behind)


def _detector(detector: str | Detector) -> Detector:
    return detector if isinstance(detector, Detector) else detectors.get(detector)


def plain_rows(events: pd.DataFrame, *names: str) -> list[tuple]:
    """Return event rows as plain tuples; NaN, NaT and negative row numbers as None."""
    return [tuple(map(_plain, row)) for row in events[list(names)].itertuples(index=False)]


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    if value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    return value
