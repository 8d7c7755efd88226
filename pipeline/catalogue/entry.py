"""An entry of the catalogue: a detector's words explained, and the bars that it is shown on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from pipeline.detectors import get
from pipeline.detectors.base import Found
from pipeline.domain.events import Events
from pipeline.domain.market import Instrument, Timeframe

EXAMPLE = Instrument(
    symbol="EXAMPLE", title="hand-made bars", point=1.0, tick_size=0.1, digits=1, point_value=1.0,
    currency="EUR", spread_points=(0.2,) * 24, slippage_points=0.0, cash_session="xetra",
    calendar="fx", source="made by hand",
)  # fmt: skip
"""The instrument of the hand-made bars: prices near 100, ticks of a tenth."""


@dataclass(frozen=True)
class Provider:
    """The detector that serves an input of another one, with its parameters and own inputs."""

    detector: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, "Provider"] = field(default_factory=dict)


@dataclass(frozen=True)
class Specimen:
    """Few hand-made bars on which a detector shows all it can say.

    `zone` is the clock of the picture's axis. `tool` has the parameters that differ from the
    defaults, so that an expiry of 500 bars can be seen within 40.
    """

    bars: pd.DataFrame
    timeframe: Timeframe
    tool: Provider
    zone: str = "Europe/Berlin"


@dataclass(frozen=True)
class Entry:
    """What people want to know of a detector besides what it declares itself.

    Parameters
    ----------
    detector
        Its registered name.
    about
        One or two sentences in a trader's words.
    words
        Event -> what it means; all of the detector's `gives`. Empty for a series.
    specimen
        Makes the bars; called when a picture is drawn.
    also
        Other names under which people look for it.
    unit
        Of a series: what one of its values is.
    panel
        Of a series: "prices" draws it over the bars, "below" on a scale of its own.
    in_force
        Its levels stay in force until its next event; drawn on, dashed.
    unshown
        Event -> why the one picture can't show it.
    """

    detector: str
    about: str
    words: Mapping[str, str]
    specimen: Callable[[], Specimen]
    also: tuple[str, ...] = ()
    unit: str = ""
    panel: Literal["prices", "below"] = "below"
    in_force: bool = False
    unshown: Mapping[str, str] = field(default_factory=dict)


Output: TypeAlias = pd.DataFrame | np.ndarray


def found_in(specimen: Specimen) -> tuple[Output, dict[str, Output]]:
    """Return what the real detector says of a specimen, and what its inputs say, to be drawn."""
    found, inputs = _run(specimen.tool, specimen)
    return _drawable(found), {name: _drawable(given) for name, given in inputs.items()}


def _run(tool: Provider, specimen: Specimen) -> tuple[Found, dict[str, Found]]:
    detector = get(tool.detector)
    inputs = {name: _run(tool.inputs[name], specimen)[0] for name in detector.inputs}
    parameters = detector.parameters(**tool.parameters)
    found = detector.detect(specimen.bars, parameters, inputs, EXAMPLE, specimen.timeframe)
    return found, inputs


def _drawable(found: Found) -> Output:
    return found.to_frame() if isinstance(found, Events) else found
