"""What tools say of the bars at hand: the same question is worked out once, whoever asks it."""

from collections.abc import Collection, Iterator, Mapping
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
        self.forget(bars)
        self._bars.update(bars)

    def forget(self, timeframes: Collection[Timeframe]) -> None:
        """Let go of the bars of these timeframes and of all that was said of them."""
        for timeframe in timeframes:
            self._bars.pop(timeframe, None)
        for key in [k for k, v in self._found.items() if not v[0].reads.isdisjoint(timeframes)]:
            del self._found[key]
        for by_bars, (asked, _) in list(self._aligned.items()):
            if by_bars[1] in timeframes or not asked.reads.isdisjoint(timeframes):
                del self._aligned[by_bars]
        for spread in [k for k in self._spreads if k[0] in timeframes]:
            del self._spreads[spread]

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

    def series(self, asked: Mapping[str, Question], timeframe: Timeframe) -> Mapping[str, Any]:
        """Return the series among some questions as known on these bars, made when first read."""
        return _WhenRead(self, {n: q for n, q in asked.items() if _gives_series(q)}, timeframe)

    def events(self, asked: Mapping[str, Question], timeframe: Timeframe) -> Mapping[str, Any]:
        """Return the events among some questions as known on these bars, made when first read."""
        return _WhenRead(self, {n: q for n, q in asked.items() if not _gives_series(q)}, timeframe)

    def spread(self, timeframe: Timeframe, points: float | None) -> np.ndarray:
        """Return the spread at each bar, as `spread_prices` does."""
        key = (timeframe, points)
        if key not in self._spreads:
            self._spreads[key] = spread_prices(self._bars[timeframe], self._instrument, points)
        return self._spreads[key]


def _gives_series(question: Question) -> bool:
    return question.detector.output == "series"


class _WhenRead(Mapping[str, Any]):
    """Answers by tool name: a setup that stops at its first step never asks for the rest."""

    def __init__(
        self, answers: Answers, asked: Mapping[str, Question], timeframe: Timeframe
    ) -> None:
        self._answers, self._asked, self._timeframe = answers, asked, timeframe

    def __getitem__(self, name: str) -> Any:
        return self._answers.on(self._asked[name], self._timeframe)

    def __contains__(self, name: object) -> bool:
        return name in self._asked

    def __iter__(self) -> Iterator[str]:
        return iter(self._asked)

    def __len__(self) -> int:
        return len(self._asked)
