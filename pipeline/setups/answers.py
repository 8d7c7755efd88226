"""What tools say of the bars at hand: the same question is worked out once, whoever asks it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.detectors.base import Detector
from pipeline.domain.bars import BarColumns
from pipeline.domain.costs import spread_prices
from pipeline.domain.market import Instrument, Timeframe
from pipeline.setups.aligning import Output, aligned
from pipeline.setups.model import SetupSpec
from pipeline.setups.toolchain import effective_timeframe, in_order, parts


@dataclass(frozen=True)
class Question:
    """A tool as it is run: detector, parameters and timeframe, and the questions it reads.

    Two with the same `key` have the same answer on the same bars; `reads` are the timeframes of
    the bars that decide it.
    """

    key: str
    detector: Detector
    parameters: Any
    timeframe: Timeframe
    inputs: tuple[tuple[str, "Question"], ...]
    reads: frozenset[Timeframe]


def questions(spec: SetupSpec, trigger: Timeframe) -> dict[str, Question]:
    """Return a setup's tools by name, inputs before what reads them."""
    asked: dict[str, Question] = {}
    for name in in_order(spec):
        detector, inputs, parameters = parts(spec.tools[name])
        timeframe = effective_timeframe(spec.tools[name], trigger)
        read = tuple((wanted, asked[source]) for wanted, source in inputs.items())
        words = ",".join(f"{wanted}={source.key}" for wanted, source in read)
        asked[name] = Question(
            key=f"{detector.name}@{timeframe}{parameters.model_dump_json()}({words})",
            detector=detector,
            parameters=parameters,
            timeframe=timeframe,
            inputs=read,
            reads=frozenset({timeframe}).union(*(source.reads for _, source in read)),
        )
    return asked


class Answers:
    """The bars of one symbol by timeframe, and what tools were asked about them."""

    def __init__(self, instrument: Instrument, bars: Mapping[Timeframe, BarColumns]) -> None:
        self._instrument = instrument
        self._bars: dict[Timeframe, BarColumns] = {}
        self._found: dict[str, tuple[Question, Output]] = {}
        self._aligned: dict[tuple[str, Timeframe], tuple[Question, Output]] = {}
        self._spreads: dict[tuple[Timeframe, float | None], np.ndarray] = {}
        self.take(bars)

    def take(self, bars: Mapping[Timeframe, BarColumns]) -> None:
        """Read other bars from now on; what was said of these timeframes is forgotten."""
        self._bars.update(bars)
        self._found = {k: v for k, v in self._found.items() if v[0].reads.isdisjoint(bars)}
        self._aligned = {
            k: v for k, v in self._aligned.items()
            if k[1] not in bars and v[0].reads.isdisjoint(bars)
        }  # fmt: skip
        self._spreads = {k: v for k, v in self._spreads.items() if k[0] not in bars}

    def bars(self, timeframe: Timeframe) -> BarColumns:
        """Return the bars at hand."""
        return self._bars[timeframe]

    def of(self, question: Question) -> Output:
        """Return events or a series, counted in the bars of the question's own timeframe."""
        if question.key not in self._found:
            given = {w: self.on(source, question.timeframe) for w, source in question.inputs}
            bars, timeframe = self._bars[question.timeframe], question.timeframe
            found = question.detector.detect(
                bars, question.parameters, given, self._instrument, timeframe
            )
            self._found[question.key] = (question, found)
        return self._found[question.key][1]

    def on(self, question: Question, timeframe: Timeframe) -> Output:
        """Return the answer as it is known at the closes of another timeframe's bars."""
        if question.timeframe is timeframe:
            return self.of(question)
        key = (question.key, timeframe)
        if key not in self._aligned:
            own, target = self._bars[question.timeframe], self._bars[timeframe]
            self._aligned[key] = (question, aligned(self.of(question), own, target))
        return self._aligned[key][1]

    def spread(self, timeframe: Timeframe, points: float | None) -> np.ndarray:
        """Return the spread at each bar, as `spread_prices` does."""
        key = (timeframe, points)
        if key not in self._spreads:
            self._spreads[key] = spread_prices(self._bars[timeframe], self._instrument, points)
        return self._spreads[key]
