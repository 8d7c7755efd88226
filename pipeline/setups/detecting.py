"""Run a setup's tools: which frames they need, how deep those are, and what the tools find."""

from collections.abc import Mapping

import pandas as pd

from pipeline.data.clean import resample
from pipeline.domain.bars import BarColumns, BarTable
from pipeline.domain.market import Instrument, Timeframe
from pipeline.setups.aligning import Output, aligned
from pipeline.setups.answers import Answers, questions
from pipeline.setups.model import SetupSpec, Tool
from pipeline.setups.toolchain import effective_timeframe, in_order, parts

Frames = Mapping[Timeframe, BarTable]
DAY_MINUTES = 24 * 60


def frames_for(
    bars: pd.DataFrame, trigger: Timeframe, spec: SetupSpec
) -> dict[Timeframe, pd.DataFrame]:
    """Return the trigger's bars and every higher frame the setup's tools read."""
    wanted = {effective_timeframe(tool, trigger) for tool in spec.tools.values()}
    higher = sorted(wanted - {trigger}, key=lambda t: t.minutes)
    return {trigger: bars, **{t: resample(bars, trigger, t) for t in higher}}


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
    answers = Answers(instrument, {t: BarColumns.of(bars) for t, bars in frames.items()})
    return {name: answers.of(question) for name, question in questions(spec, trigger).items()}


__all__ = [
    "Output", "aligned", "depths", "detect", "effective_timeframe", "frames_for", "in_order",
    "needs", "parts", "warm_up",
]  # fmt: skip
