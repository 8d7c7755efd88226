"""Run a setup's tools: which frames they need, in which order, and how timeframes are joined."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from pipeline import detectors as _registered  # importing the package registers all detectors
from pipeline.data.clean import resample
from pipeline.detectors.base import Detector, bar_times, get
from pipeline.domain.bars import BarColumns
from pipeline.domain.events import Events
from pipeline.domain.market import Instrument, Timeframe
from pipeline.setups.model import SetupSpec, Tool

Frames = Mapping[Timeframe, pd.DataFrame]
Output: TypeAlias = Events | np.ndarray
DAY_MINUTES = 24 * 60


def effective_timeframe(tool: Tool, trigger: Timeframe) -> Timeframe:
    """Return the timeframe a tool runs on: its own, but never below the trigger's."""
    wanted = tool.timeframe or trigger
    return max(wanted, trigger, key=lambda t: t.minutes)


def frames_for(
    bars: pd.DataFrame, trigger: Timeframe, spec: SetupSpec
) -> dict[Timeframe, pd.DataFrame]:
    """Return the trigger's bars and every higher frame the setup's tools read."""
    wanted = {effective_timeframe(tool, trigger) for tool in spec.tools.values()}
    higher = sorted(wanted - {trigger}, key=lambda t: t.minutes)
    return {trigger: bars, **{t: resample(bars, trigger, t) for t in higher}}


def parts(tool: Tool) -> tuple[Detector, dict[str, str], Any]:
    """Return a tool's detector, its inputs by name, and its parameters."""
    detector = get(tool.detector)
    inputs = {name: str(tool.settings[name]) for name in detector.inputs}
    rest = {k: v for k, v in tool.settings.items() if k not in detector.inputs}
    return detector, inputs, detector.parameters(**rest)


def in_order(spec: SetupSpec) -> list[str]:
    """Return the tools' names so that inputs come before what reads them."""
    done: list[str] = []
    while len(done) < len(spec.tools):
        ready = [n for n, t in spec.tools.items() if n not in done and _ready(t, done)]
        if not ready:
            raise ValueError("tools read each other in a circle")
        done += ready
    return done


def _ready(tool: Tool, done: list[str]) -> bool:
    return all(tool.settings.get(name) in done for name in get(tool.detector).inputs)


def needs(spec: SetupSpec, trigger: Timeframe) -> dict[str, int]:
    """Return how many trigger bars decide each tool's last row, its inputs' look-back included."""
    totals: dict[str, int] = {}
    for name in in_order(spec):
        _, inputs, _ = parts(spec.tools[name])
        before = max((totals[i] for i in inputs.values()), default=0)
        totals[name] = _own(spec.tools[name], trigger) + before
    return totals


def _own(tool: Tool, trigger: Timeframe) -> int:
    """Return a tool's warm-up in trigger bars, and one bar of its own for the one it starts in."""
    detector, _, parameters = parts(tool)
    timeframe = effective_timeframe(tool, trigger)
    return (detector.warm_up(parameters, timeframe) + 1) * timeframe.minutes // trigger.minutes


def warm_up(spec: SetupSpec, trigger: Timeframe) -> int:
    """Return how many trigger bars decide the signals of the last day.

    The longest chain of tools, each in trigger bars, then what steps and confluences look back
    on: a day, or the bars a spread median is taken of.
    """
    longest = max(needs(spec, trigger).values())
    return max(_median_bars(spec), longest) + _read_back(spec, trigger)


def _read_back(spec: SetupSpec, trigger: Timeframe) -> int:
    """Return how many trigger bars back a case may read: a day, and what confluences ask for."""
    return DAY_MINUTES // trigger.minutes + max(
        (c.max_bars or 0 for c in spec.confluences), default=0
    )


def _median_bars(spec: SetupSpec) -> int:
    return max((v.bars for v in spec.voids if v.spread_over_median), default=0)


def depths(spec: SetupSpec, trigger: Timeframe) -> dict[Timeframe, int]:
    """Return how many of the last bars of each frame decide the signals of the last day.

    Each frame is as deep as its own tools need, counted in its own bars: a slow tool doesn't
    lengthen the trigger's frame, as it does in `warm_up`, where the slow frames are made of
    trigger bars. A stretch of n trigger bars may hold up to n bars of a longer frame (in the
    thinnest market each in a bin of its own), so that many are allowed for.
    """
    reach = _reach(spec, trigger)
    born = [-m.born.bars for s in spec.steps for m in s.matches if m.born is not None]
    deep = {trigger: _read_back(spec, trigger) + max(_median_bars(spec), *born, 1)}
    for name, tool in spec.tools.items():
        detector, _, parameters = parts(tool)
        timeframe = effective_timeframe(tool, trigger)
        own = detector.warm_up(parameters, timeframe) + 1 + reach[name]
        deep[timeframe] = max(deep.get(timeframe, 0), own)
    return deep


def _reach(spec: SetupSpec, trigger: Timeframe) -> dict[str, int]:
    """Return for each tool how many trigger bars back its rows are read, by cases or by a tool."""
    reach = dict.fromkeys(spec.tools, _read_back(spec, trigger))
    for name in reversed(in_order(spec)):
        _, inputs, _ = parts(spec.tools[name])
        for source in inputs.values():
            reach[source] = max(reach[source], reach[name] + _own(spec.tools[name], trigger))
    return reach


def detect(
    frames: Frames, spec: SetupSpec, trigger: Timeframe, instrument: Instrument
) -> dict[str, Output]:
    """Run every tool on the frame of its timeframe; the `market_tools` of a run.

    Returns
    -------
    By tool name: events or a series, counted in the bars of the tool's own frame.
    """
    found: dict[str, Output] = {}
    columns = {timeframe: BarColumns(bars) for timeframe, bars in frames.items()}
    for name in in_order(spec):
        tool = spec.tools[name]
        timeframe = effective_timeframe(tool, trigger)
        detector, inputs, parameters = parts(tool)
        given = {
            wanted: aligned(
                found[source],
                frames[effective_timeframe(spec.tools[source], trigger)],
                frames[timeframe],
            )
            for wanted, source in inputs.items()
        }
        found[name] = detector.detect(columns[timeframe], parameters, given, instrument, timeframe)
    return found


def aligned(found: Output, own: pd.DataFrame, target: pd.DataFrame) -> Output:
    """Return a tool's result as it is known at the closes of another frame.

    A series is read at its last closed bar (NaN before the first); an event belongs to the
    first target bar that closes at or after it was known, and is left out if there is none.
    """
    if own is target:
        return found
    closes = bar_times(target, "close_time")
    if isinstance(found, np.ndarray):
        last = np.searchsorted(bar_times(own, "close_time"), closes, side="right") - 1
        padded = np.append(found, np.nan)
        return np.asarray(padded[np.where(last < 0, len(found), last)])
    return _aligned_events(found, own, target)


def _aligned_events(found: Events, own: pd.DataFrame, target: pd.DataFrame) -> Events:
    closes, own_closes = bar_times(target, "close_time"), bar_times(own, "close_time")
    kept = found.take(np.flatnonzero(np.searchsorted(closes, found["known_at"]) < len(closes)))
    columns = dict(kept.columns)
    for name in [c for c in columns if c == "bar" or c.endswith("_bar")]:
        rows = columns[name]
        there = np.clip(rows, 0, max(len(own_closes) - 1, 0))
        moved = np.searchsorted(closes, own_closes[there]) if len(rows) else rows
        columns[name] = np.where(rows < 0, rows, moved)
    columns["known_at"] = closes[columns["bar"]]
    return Events(kept.words, kept.code, columns)


__all__ = ["_registered", "aligned", "depths", "detect", "frames_for", "needs", "warm_up"]
