"""A setup's tools: which timeframe each runs on, what it reads, in which order they are run."""

from typing import Any

from pipeline import detectors as _registered  # importing the package registers all detectors
from pipeline.detectors.base import Detector, get
from pipeline.domain.market import Timeframe
from pipeline.setups.model import SetupSpec, Tool


def effective_timeframe(tool: Tool, trigger: Timeframe) -> Timeframe:
    """Return the timeframe a tool runs on: its own, but never below the trigger's."""
    wanted = tool.timeframe or trigger
    return max(wanted, trigger, key=lambda t: t.minutes)


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


__all__ = ["_registered", "effective_timeframe", "in_order", "parts"]
