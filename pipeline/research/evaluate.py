"""Many variants of a setup on the same bars, each exactly as a backtest of it would be.

The functions are those of a backtest (detectors, `advance`, `tickets`, `simulate`); what is new
is that results are kept: a tool with the same parameters and inputs runs once, steps that stand
the same are walked once. Signals with their traces are not made, as no figure needs them.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from pipeline.backtest.engine import LaidOut, lay_out, simulate
from pipeline.data.clean import resample
from pipeline.detectors import get
from pipeline.domain.costs import spread_prices
from pipeline.domain.events import Events
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.trade import CostModel, FillMode, Missed, Plan, Trade
from pipeline.setups.cases import Case, Tally
from pipeline.setups.detecting import Output, aligned, effective_timeframe, in_order, parts
from pipeline.setups.engine import tickets
from pipeline.setups.model import SetupSpec
from pipeline.setups.news import NewsTape, own_currencies
from pipeline.setups.steps import advance, first_cases
from pipeline.setups.tape import Tape

V = TypeVar("V")
MEGABYTES = 256
KEPT_WALKS = 400


@dataclass(frozen=True)
class Ground:
    """What all variants are tested on.

    Parameters
    ----------
    bars, m1
        Bar frame of the trigger timeframe with its warm-up, and M1 bars for drill-down or None.
    since
        Signals known before it don't count, as in `find_signals`.
    news
        The news frame that required windows free of news are read from, or None.
    rr_target
        Replaces the first target, in R.
    lots, risk, parallel, mode
        As in `simulate`.
    """

    bars: pd.DataFrame
    m1: pd.DataFrame | None
    trigger: Timeframe
    instrument: Instrument
    costs: CostModel
    since: datetime | None = None
    news: pd.DataFrame | None = None
    mode: FillMode = FillMode.DRILLDOWN
    rr_target: float | None = None
    lots: float = 1.0
    risk: float | None = None
    parallel: bool = True


@dataclass(frozen=True)
class Outcome:
    """What became of one variant: its plans, trades and misses, as a backtest gives them."""

    plans: list[Plan]
    trades: list[Trade]
    missed: list[Missed]


class _Kept(Generic[V]):
    """The results used last, up to a weight."""

    def __init__(self, limit: float) -> None:
        self._held: OrderedDict[Any, tuple[V, float]] = OrderedDict()
        self._limit, self._weight = limit, 0.0

    def get(self, key: Any, make: Callable[[], V], weigh: Callable[[V], float]) -> V:
        """Return what is kept under a key, made now if it is not."""
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key][0]
        value = make()
        weight = weigh(value)
        self._held[key] = (value, weight)
        self._weight += weight
        while self._weight > self._limit and len(self._held) > 1:
            self._weight -= self._held.popitem(last=False)[1][1]
        return value


@dataclass(frozen=True)
class _Found:
    """A tool's result on its own frame and, once asked for, as the trigger's bars know it."""

    output: Output
    on_trigger: dict[str, Output] = field(default_factory=dict)


class Evaluator:
    """Tests variants on one ground; holds what they share, at most about `megabytes` of it."""

    def __init__(self, ground: Ground, *, megabytes: float = MEGABYTES) -> None:
        self.ground = ground
        self._frames: dict[Timeframe, pd.DataFrame] = {ground.trigger: ground.bars}
        self._tools: _Kept[_Found] = _Kept(megabytes * 1e6)
        self._walks: _Kept[list[Case]] = _Kept(KEPT_WALKS)
        self._spans: dict[Any, tuple[int, int]] = {}
        bars = ground.bars
        self._opened = np.asarray(pd.DatetimeIndex(bars["open_time"]).as_unit("us").asi8)
        self._closed = np.asarray(pd.DatetimeIndex(bars["close_time"]).as_unit("us").asi8)
        self._spread = spread_prices(bars, ground.instrument, ground.costs.spread_points)
        self._news = NewsTape(ground.news, own_currencies(ground.instrument))
        self._laid_out: LaidOut = lay_out(
            bars, ground.instrument, ground.costs, timeframe=ground.trigger, m1=ground.m1
        )

    def run(self, spec: SetupSpec) -> Outcome:
        """Return the trades of a variant, those of `detect`, `find_signals` and `simulate`."""
        plans = self._plans(spec)
        ground = self.ground
        result = simulate(
            plans, ground.bars, ground.instrument, ground.costs, timeframe=ground.trigger,
            mode=ground.mode, m1=ground.m1, lots=ground.lots, risk=ground.risk,
            parallel=ground.parallel, laid_out=self._laid_out,
        )  # fmt: skip
        return Outcome(plans, result.trades, result.missed)

    def _plans(self, spec: SetupSpec) -> list[Plan]:
        if self.ground.bars.empty:
            return []
        keys = self._tool_keys(spec)
        tape = self._tape(spec, keys)
        cases = self._cases(spec, tape, keys)
        since = self.ground.since
        found = tickets(cases, spec, tape, Tally("signal", "Signal"), self.ground.rr_target)
        return [plan for _, plan in found if since is None or plan.known_at >= since]

    def _tool_keys(self, spec: SetupSpec) -> dict[str, tuple[Any, ...]]:
        """Return what decides each needed tool's result, inputs before what reads them."""
        needed = needed_tools(spec)
        keys: dict[str, tuple[Any, ...]] = {}
        for name in in_order(spec):
            if name not in needed:
                continue
            tool = spec.tools[name]
            detector, inputs, parameters = parts(tool)
            timeframe = effective_timeframe(tool, self.ground.trigger)
            read = tuple((wanted, keys[source]) for wanted, source in inputs.items())
            keys[name] = (detector.name, timeframe, parameters.model_dump_json(), read)
        return keys

    def _tool(self, name: str, spec: SetupSpec, keys: Mapping[str, Any]) -> _Found:
        return self._tools.get(keys[name], lambda: self._detect(name, spec, keys), _bytes)

    def _detect(self, name: str, spec: SetupSpec, keys: Mapping[str, Any]) -> _Found:
        tool = spec.tools[name]
        detector, inputs, parameters = parts(tool)
        timeframe = effective_timeframe(tool, self.ground.trigger)
        frame = self._frame(timeframe)
        given = {
            wanted: aligned(
                self._tool(source, spec, keys).output,
                self._frame(effective_timeframe(spec.tools[source], self.ground.trigger)),
                frame,
            )
            for wanted, source in inputs.items()
        }
        return _Found(detector.detect(frame, parameters, given, self.ground.instrument, timeframe))

    def _frame(self, timeframe: Timeframe) -> pd.DataFrame:
        if timeframe not in self._frames:
            self._frames[timeframe] = resample(self.ground.bars, self.ground.trigger, timeframe)
        return self._frames[timeframe]

    def _tape(self, spec: SetupSpec, keys: Mapping[str, Any]) -> Tape:
        """Lay out what the steps read, as `tape_of` does, from results that are kept."""
        bars = self.ground.bars
        known = {name: self._on_trigger(name, spec, keys) for name in keys}
        return Tape(
            trigger=self.ground.trigger,
            zone=spec.zone,
            opened=self._opened,
            closed=self._closed,
            high=bars["high"].to_numpy(),
            low=bars["low"].to_numpy(),
            close=bars["close"].to_numpy(),
            spread=self._spread,
            tick=self.ground.instrument.tick_size,
            series={n: f for n, f in known.items() if isinstance(f, np.ndarray)},
            events={n: f for n, f in known.items() if isinstance(f, Events)},
            news=self._news,
            _spans=self._spans,
        )

    def _on_trigger(self, name: str, spec: SetupSpec, keys: Mapping[str, Any]) -> Output:
        found = self._tool(name, spec, keys)
        if "known" not in found.on_trigger:
            own = self._frame(effective_timeframe(spec.tools[name], self.ground.trigger))
            found.on_trigger["known"] = aligned(found.output, own, self.ground.bars)
        return found.on_trigger["known"]

    def _cases(self, spec: SetupSpec, tape: Tape, keys: Mapping[str, Any]) -> list[Case]:
        """Walk the steps; what an earlier variant walked the same way is not walked again."""
        since = self.ground.since
        first_day = None if since is None else since.astimezone(ZoneInfo(spec.zone)).date()
        key: tuple[Any, ...] = (spec.zone,)
        cases: list[Case] = []
        before = ""
        for step in spec.steps:
            read = sorted(n for n in _names_in(step.model_dump(mode="json")) if n in keys)
            key = (*key, step.model_dump_json(), *((name, keys[name]) for name in read))

            def walk(
                step: Any = step, before: str = before, cases: list[Case] = cases
            ) -> list[Case]:
                tally = Tally(step.name, step.title)
                if not before:
                    return first_cases(spec, tape, tally, first_day)
                return advance(step, before, cases, tape, tally)

            cases = self._walks.get(key, walk, lambda _: 1.0)
            before = step.name
        return cases


def _bytes(found: _Found) -> float:
    """Weigh a result; events of another timeframe are held as the trigger knows them too."""
    if isinstance(found.output, np.ndarray):
        return float(found.output.nbytes)
    return 2.0 * sum(values.nbytes for values in found.output.columns.values())


def needed_tools(spec: SetupSpec) -> set[str]:
    """Return the tools that decide a setup's trades: context and what only weighs decide none."""
    rules = spec.model_dump(mode="json", include={"steps", "entry", "stop", "targets", "voids"})
    asked = [rule.model_dump(mode="json") for rule in spec.confluences if rule.required]
    needed = {name for name in _names_in([rules, asked]) if name in spec.tools}
    ahead = list(needed)
    while ahead:
        tool = spec.tools[ahead.pop()]
        read = {str(tool.settings[i]) for i in get(tool.detector).inputs}
        ahead += read - needed
        needed |= read
    return needed


def _names_in(value: Any) -> Iterator[str]:
    """Yield every text in a rule: names of tools are among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _names_in(inner)
    elif isinstance(value, Iterable):
        for inner in value:
            yield from _names_in(inner)
