"""Which columns a setup's tools give, learnt by asking them on no bars."""

from dataclasses import dataclass
from functools import lru_cache

from pipeline.detectors.base import get
from pipeline.domain.bars import empty_bars
from pipeline.domain.market import Instrument, Timeframe
from pipeline.setups.detecting import Output, effective_timeframe, in_order, parts
from pipeline.setups.model import SetupSpec


@dataclass(frozen=True)
class Asked:
    """A tool as it would be run: the same question has the same answer on no bars."""

    detector: str
    timeframe: Timeframe
    parameters: str
    inputs: tuple[tuple[str, "Asked"], ...]


def empty_outputs(spec: SetupSpec) -> dict[str, Output]:
    """Return what the tools give on no bars: enough to know their columns."""
    asked: dict[str, Asked] = {}
    for name in in_order(spec):
        detector, inputs, parameters = parts(spec.tools[name])
        timeframe = effective_timeframe(spec.tools[name], spec.timeframe)
        read = tuple((wanted, asked[source]) for wanted, source in inputs.items())
        asked[name] = Asked(detector.name, timeframe, parameters.model_dump_json(), read)
    return {name: on_no_bars(question) for name, question in asked.items()}


@lru_cache(maxsize=1024)
def on_no_bars(asked: Asked) -> Output:
    """Return what a tool gives on no bars; no kernel is run for it."""
    detector = get(asked.detector)
    parameters = detector.parameters.model_validate_json(asked.parameters)
    given = {wanted: on_no_bars(source) for wanted, source in asked.inputs}
    return detector.detect(empty_bars(), parameters, given, _anything(), asked.timeframe)


@lru_cache(maxsize=1)
def _anything() -> Instrument:
    return Instrument(
        symbol="ANY", title="any", point=1, tick_size=1, digits=0, point_value=1, currency="EUR",
        spread_points=(0.0,) * 24, slippage_points=0, cash_session="xetra", calendar="fx",
        source="asks detectors which columns they give; never priced with",
    )  # fmt: skip
