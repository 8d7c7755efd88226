"""What is verified: a setup with its tools, asked again and again on other cuts of the bars."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from pipeline.domain.market import Instrument, Timeframe
from pipeline.setups.detecting import (
    detect,
    effective_timeframe,
    frames_for,
    needs,
    parts,
    warm_up,
)
from pipeline.setups.engine import find_signals
from pipeline.setups.model import SetupSpec
from pipeline.verify.said import Said, said_by_setup, said_by_tool

SIGNALS = "signals"
"""The name under which a setup's signals and plans stand beside its tools' answers."""


def local_days(bars: pd.DataFrame, zone: str) -> np.ndarray:
    """Return the local date on which each bar opens, as datetime64[D]."""
    local = bars["open_time"].dt.tz_convert(zone).dt.tz_localize(None)
    return np.asarray(local.to_numpy().astype("datetime64[D]"))


class Subject(Protocol):
    """Something that says things about bars, in parts that have names."""

    def said(self, bars: pd.DataFrame, only: str | None = None) -> Mapping[str, Said]:
        """Return what each part (or the one named) says of these bars."""
        ...

    def needs(self) -> Mapping[str, int]:
        """Return by part how many bars it claims to decide what it says at the last one."""
        ...

    def day(self, moment: datetime) -> str:
        """Return the ISO date that a moment belongs to, as in the signals' `day`."""
        ...


@dataclass(frozen=True)
class SetupSubject:
    """A setup on one symbol and trigger: each of its tools, and its signals with their plans."""

    spec: SetupSpec
    trigger: Timeframe
    instrument: Instrument
    news: pd.DataFrame | None = None

    def said(self, bars: pd.DataFrame, only: str | None = None) -> dict[str, Said]:
        """Return what the tools and the setup say; a part alone is run with its inputs alone."""
        spec = self.spec if only in (None, SIGNALS) else self._part(str(only))
        frames = frames_for(bars, self.trigger, spec)
        tools = detect(frames, spec, self.trigger, self.instrument)
        found = {
            name: said_by_tool(answer, frames[effective_timeframe(spec.tools[name], self.trigger)])
            for name, answer in tools.items()
            if only in (None, name)
        }
        if only in (None, SIGNALS):
            signals = find_signals(
                frames, tools, spec, self.trigger, self.instrument, news=self.news
            )
            found[SIGNALS] = said_by_setup(signals)
        return found

    def _part(self, name: str) -> SetupSpec:
        wanted, ahead = {name}, [name]
        while ahead:
            _, inputs, _ = parts(self.spec.tools[ahead.pop()])
            ahead += inputs.values()
            wanted |= set(inputs.values())
        tools = {n: t for n, t in self.spec.tools.items() if n in wanted}
        return self.spec.model_copy(update={"tools": tools})

    def needs(self) -> dict[str, int]:
        """Return the declared look-back of each tool, and of the signals of the last day."""
        spec, trigger = self.spec, self.trigger
        return {**needs(spec, trigger), SIGNALS: warm_up(spec, trigger)}

    def day(self, moment: datetime) -> str:
        """Return the date in the setup's zone of the bar that closes at a moment."""
        zone = ZoneInfo(self.spec.zone)
        return (moment - timedelta(microseconds=1)).astimezone(zone).date().isoformat()
