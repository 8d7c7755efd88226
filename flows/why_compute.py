"""What /why computes, as functions that run in a computing process; see `backtest_compute`."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.domain.market import Instrument, Timeframe
from pipeline.setups.rules import SetupSpec

if TYPE_CHECKING:
    from pipeline.render.canvas import Picture
    from pipeline.setups.why.model import CaseWhy, DayWhy, PeriodWhy
    from pipeline.setups.why.relaxing import Ground

_TRIED_DAYS = 100
"""In longer periods no tool is run again: it would take longer than a chat may wait."""


@dataclass(frozen=True)
class WhyJob:
    """What explaining needs besides bars; how its pictures look."""

    spec: SetupSpec
    trigger: Timeframe
    instrument: Instrument
    spread_points: float | None
    news: pd.DataFrame | None
    theme: str
    zone: str
    synthetic: bool
    today: str


def day(
    bars: pd.DataFrame, job: WhyJob, at: date, moment: datetime | None, *, draw: bool
) -> "tuple[DayWhy, Picture | None]":
    """Explain a trading day, as of a moment where one is given, and draw its furthest case."""
    from pipeline.setups.why.days import explain_day  # noqa: PLC0415
    from pipeline.setups.why.moment import as_of  # noqa: PLC0415

    found = explain_day(_ground(bars, job), at)
    if moment is not None:
        found = as_of(found, moment)
    return found, _draw(bars, found.cases[0], job, moment) if draw else None


def period(
    bars: pd.DataFrame, job: WhyJob, days: tuple[date, date], *, draw: bool
) -> "tuple[PeriodWhy, Picture | None]":
    """Explain a period, and draw its funnel."""
    from pipeline.setups.why.period import explain_period  # noqa: PLC0415

    tried = draw and (days[1] - days[0]).days <= _TRIED_DAYS
    found = explain_period(_ground(bars, job), days, tools=tried)
    if draw and not tried:
        note = f"Longer than {_TRIED_DAYS} days: the tools' own parameters were not tried."
        found = replace(found, notes=(*found.notes, note))
    return found, _draw_funnel(found, job) if draw else None


def _ground(bars: pd.DataFrame, job: WhyJob) -> "Ground":
    from pipeline.setups.engine import detect, frames_for  # noqa: PLC0415
    from pipeline.setups.why.relaxing import Ground  # noqa: PLC0415

    frames = frames_for(bars, job.trigger, job.spec)
    tools = detect(frames, job.spec, job.trigger, job.instrument)
    return Ground(
        frames, tools, job.spec, job.trigger, job.instrument, job.spread_points, job.news
    )


def _draw(
    bars: pd.DataFrame, case: "CaseWhy", job: WhyJob, moment: datetime | None
) -> "Picture | None":
    from pipeline.render.chart import signal_chart  # noqa: PLC0415
    from pipeline.render.why_chart import why_chart  # noqa: PLC0415

    if case.signal is None:
        return None
    if case.plan is not None:
        return signal_chart(
            bars, case.signal, case.plan, None, instrument=job.instrument, theme=job.theme,
            zone=job.zone, now_text=job.today, synthetic=job.synthetic,
        )  # fmt: skip
    missing = next((g for g in case.gates if g.state in ("failed", "open")), case.gates[-1])
    words = f"{missing.title}: {missing.reason or 'not yet'}"
    return why_chart(
        bars, case.signal, moment or missing.at or case.signal.known_at, words,
        instrument=job.instrument, theme=job.theme, zone=job.zone, now_text=job.today,
        synthetic=job.synthetic,
    )  # fmt: skip


def _draw_funnel(found: "PeriodWhy", job: WhyJob) -> "Picture":
    from pipeline.render.funnel_chart import funnel_chart  # noqa: PLC0415

    return funnel_chart(
        found.funnel, found.days, title=f"{found.symbol} {found.timeframe} · {found.setup_id}",
        subtitle=f"v{found.rule_version} · {found.first} – {found.last}", theme=job.theme,
        foot=job.today, synthetic=job.synthetic,
    )  # fmt: skip
