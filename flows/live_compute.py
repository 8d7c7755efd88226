"""What live watching lets the computing processes do: the chart of an alert."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from flows.backtest_compute import Look, Sample, draw_signal
from pipeline.domain.market import Instrument
from pipeline.domain.signal import Signal
from pipeline.domain.trade import Plan

if TYPE_CHECKING:
    from pipeline.render.canvas import Picture


@dataclass(frozen=True)
class ChartJob:
    """One alert's chart: the bars known at the signal, and what is drawn on them."""

    bars: pd.DataFrame
    signal: Signal
    plan: Plan
    instrument: Instrument
    look: Look


def draw_alert(job: ChartJob) -> "Picture":
    """Draw a signal as it is known at its close."""
    return draw_signal(job.bars, Sample(job.signal, job.plan, None), job.instrument, job.look)
