"""What following signals computes, as functions that run in a computing process."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.data.clean import resample
from pipeline.domain.live import Life
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.signal import Signal
from pipeline.domain.trade import CostModel, Plan

if TYPE_CHECKING:
    from pipeline.render.canvas import Picture

Lives = tuple[Life | None, Life | None]
"""Of a signal, and of the trade on paper that its approval made; None: not asked for."""


@dataclass(frozen=True)
class Followed:
    """What of a signal is followed: its plan, that of its paper trade; None: not asked for."""

    known_at: datetime
    timeframe: Timeframe
    plan: Plan | None
    paper: Plan | None


@dataclass(frozen=True)
class SymbolJob:
    """The signals of one symbol, and its M1 bars since the first of them."""

    minutes: pd.DataFrame
    instrument: Instrument
    costs: CostModel
    lots: float
    followed: tuple[Followed, ...]


@dataclass(frozen=True)
class OutcomeJob:
    """One ended signal to draw: with its bars as seen, and before those as held."""

    signal: Signal
    plan: Plan
    life: Life
    seen: pd.DataFrame
    held: pd.DataFrame
    held_in: Timeframe
    instrument: Instrument
    theme: str
    zone: str
    words: tuple[str, str]
    synthetic: bool


def lives(job: SymbolJob) -> list[Lives]:
    """Return what became of each of a symbol's signals."""
    return [_lives(each, job) for each in job.followed]


def _lives(each: Followed, job: SymbolJob) -> Lives:
    from pipeline.live.following import follow, follow_paper  # noqa: PLC0415

    minutes = job.minutes[job.minutes["open_time"] >= each.known_at].reset_index(drop=True)
    life = paper = None
    if each.plan is not None:
        bars = resample(minutes, Timeframe.M1, each.timeframe)
        life = follow(
            each.plan, bars, job.instrument, job.costs,
            timeframe=each.timeframe, m1=minutes, lots=job.lots,
        )  # fmt: skip
    if each.paper is not None:
        paper = follow_paper(
            each.paper, minutes, job.instrument, job.costs,
            timeframe=each.timeframe, lots=job.lots,
        )  # fmt: skip
    return life, paper


def draw_outcome(job: OutcomeJob) -> "Picture":
    """Draw what became of a signal."""
    from pipeline.render.chart import signal_chart  # noqa: PLC0415

    tf = job.signal.tf
    seen, held = resample(job.seen, Timeframe.M1, tf), resample(job.held, job.held_in, tf)
    if len(held) and len(seen):
        seen = seen[seen["open_time"] > held["open_time"].iloc[-1]]
    bars = pd.concat([part for part in (held, seen) if len(part)], ignore_index=True)
    return signal_chart(
        bars, job.signal, job.plan, job.life.trade, missed=job.life.missed,
        instrument=job.instrument, theme=job.theme, zone=job.zone, run_id=job.words[0],
        now_text=job.words[1], synthetic=job.synthetic,
    )  # fmt: skip
