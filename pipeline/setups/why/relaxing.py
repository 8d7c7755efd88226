"""Near misses inside the tools: one parameter at a time is loosened and the tool run again."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import ValidationError

from pipeline.detectors.base import get
from pipeline.domain.market import Instrument, Timeframe
from pipeline.setups.detecting import Frames, Output, aligned, effective_timeframe, in_order, parts
from pipeline.setups.model import SetupSpec, Tool
from pipeline.setups.tape import Tape, tape_of
from pipeline.setups.why.misses import clock_minutes, shown
from pipeline.setups.why.model import Miss

NEAR_SCALES = (1.1, 1.25, 1.5, 2.0)
FAR_SCALES = (*NEAR_SCALES, 4.0, 8.0)
_MINUTES = (5, 15, 30, 60)
_LAST_MINUTE = 24 * 60 - 1
_CLOCK_WORDS = {"end": 1, "start": -1}
ROUNDS = 9  # of halving: to a thousandth of the bracket


@dataclass(frozen=True)
class Ground:
    """What a setup ran on, and what its tools found there."""

    frames: Frames
    tools: Mapping[str, Output]
    spec: SetupSpec
    trigger: Timeframe
    instrument: Instrument
    spread_points: float | None = None
    news: pd.DataFrame | None = None

    def tape(self) -> Tape:
        """Return the tape of the setup as it is."""
        return self._tape(self.spec, self.tools)

    def tape_with(self, spec: SetupSpec, changed: str) -> Tape:
        """Return the tape of the setup with one tool changed; only what reads it runs again."""
        found: dict[str, Output] = {}
        stale = {changed}
        for name in in_order(spec):
            tool = spec.tools[name]
            detector, inputs, parameters = parts(tool)
            if name not in stale and stale.isdisjoint(inputs.values()):
                found[name] = self.tools[name]
                continue
            stale.add(name)
            timeframe = effective_timeframe(tool, self.trigger)
            given = {
                wanted: aligned(found[source], self._frame(spec.tools[source]), self._frame(tool))
                for wanted, source in inputs.items()
            }
            found[name] = detector.detect(
                self.frames[timeframe], parameters, given, self.instrument, timeframe
            )
        return self._tape(spec, found)

    def _frame(self, tool: Tool) -> pd.DataFrame:
        return self.frames[effective_timeframe(tool, self.trigger)]

    def _tape(self, spec: SetupSpec, tools: Mapping[str, Output]) -> Tape:
        return tape_of(
            self.frames, tools, spec, self.trigger, self.instrument, self.spread_points, self.news
        )


@dataclass(frozen=True)
class Trial:
    """A setup with one parameter of one tool at another value."""

    tool: str
    word: str
    limit: float
    value: float
    unit: str
    spec: SetupSpec

    @property
    def knob(self) -> str:
        """The parameter's place in the file, and the way it was turned."""
        return f"{self.tool}.{self.word}"

    @property
    def miss(self) -> Miss:
        """What it says if the case passes with it."""
        if self.unit == "min":
            words = (
                f"passes with {self.word} {_clock(self.value)}, {self.word} {_clock(self.limit)}"
            )
        else:
            words = f"{self.word} {shown(self.value)}, limit {shown(self.limit)}"
        return Miss(self.knob, self.value, self.limit, self.unit, words)


def trials(
    spec: SetupSpec, at: int, scales: tuple[float, ...] = NEAR_SCALES
) -> Iterator[list[Trial]]:
    """Yield, per parameter of the step's own tools and direction, trials from near to far.

    Numbers go up and down by the scales; hours at which a tool begins or ends move
    by up to an hour, together with the step's window where that says the same hour. Nothing is
    known of what a parameter means: whether a change loosens the rule is seen by trying.
    """
    for name in dict.fromkeys(m.tool for m in spec.steps[at].matches):
        if name is None or name not in spec.tools:
            continue
        _, _, parameters = parts(spec.tools[name])
        for word in type(parameters).model_fields:
            value = getattr(parameters, word)
            if isinstance(value, bool) or value is None:
                continue
            if isinstance(value, int | float):
                yield from _numbers(spec, name, word, value, scales)
            elif word in _CLOCK_WORDS and isinstance(value, str):
                yield _clocks(spec, at, name, word, value)


def between(low: Trial | None, high: Trial) -> Trial | None:
    """Return a trial halfway between two of one parameter, or None where there is none.

    `low` None stands for the limit itself, which lets nothing pass.
    """
    start = high.limit if low is None else low.value
    middle: float = (start + high.value) / 2
    value = spec_value(high)
    if isinstance(value, int) or high.unit:
        middle = math.floor(middle) if high.value > start else math.ceil(middle)
    if middle in (start, high.value) or high.unit:
        return None
    return _trial(high.spec, high.tool, high.word, high.limit, type(value)(middle))


def spec_value(trial: Trial) -> Any:
    """Return a trial's value as the detector has it, an int or a float."""
    return getattr(parts(trial.spec.tools[trial.tool])[2], trial.word)


def _numbers(
    spec: SetupSpec, tool: str, word: str, value: float, scales: tuple[float, ...]
) -> Iterator[list[Trial]]:
    for up in (True, False):
        tried = [value * s if up else value / s for s in scales]
        if isinstance(value, int):
            tried = [math.ceil(t - 1e-9) if up else math.floor(t + 1e-9) for t in tried]
        different = [t for t in dict.fromkeys(tried) if t != value]
        found = [_trial(spec, tool, word, value, t) for t in different]
        made = [t for t in found if t is not None]
        if made:
            yield made


def _clocks(spec: SetupSpec, at: int, tool: str, word: str, value: str) -> list[Trial]:
    made = []
    for minutes in _MINUTES:
        moved = clock_minutes(value[:5]) + _CLOCK_WORDS[word] * minutes
        if not 0 <= moved <= _LAST_MINUTE:
            continue
        wider = _wider(spec, at, word, value[:5], _clock(moved))
        trial = _trial(wider, tool, word, clock_minutes(value[:5]), _clock(moved))
        made += [] if trial is None else [trial]
    return made


def _wider(spec: SetupSpec, at: int, word: str, old: str, new: str) -> SetupSpec:
    """Return the setup with the step's window moved as well, if it has the same hour."""
    step = spec.steps[at]
    if step.window is None or getattr(step.window, word) != old:
        return spec
    window = step.window.model_copy(update={word: new})
    changed = step.model_copy(update={"window": window})
    return spec.model_copy(update={"steps": (*spec.steps[:at], changed, *spec.steps[at + 1 :])})


def _trial(spec: SetupSpec, tool: str, word: str, limit: float, value: Any) -> Trial | None:
    """Return a setup with one parameter changed; None where the detector doesn't take it."""
    given = spec.tools[tool]
    changed = given.model_copy(update={"settings": {**given.settings, word: value}})
    detector = get(given.detector)
    own = {k: v for k, v in changed.settings.items() if k not in detector.inputs}
    try:
        detector.parameters(**own)
    except ValidationError:
        return None
    varied = spec.model_copy(update={"tools": {**spec.tools, tool: changed}})
    is_clock = isinstance(value, str)
    number = float(clock_minutes(value)) if is_clock else float(value)
    return Trial(tool, word, float(limit), number, "min" if is_clock else "", varied)


def _clock(minutes: float) -> str:
    return f"{int(minutes) // 60:02d}:{int(minutes) % 60:02d}"
