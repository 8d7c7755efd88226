"""What checking a sent setup computes, in a computing process; see `backtest_compute`."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import pandas as pd

from flows.why_compute import WhyJob
from pipeline.setups.rules import SetupSpec, parse_setup

if TYPE_CHECKING:
    from pipeline.setups.engine import Found

EXAMPLES = 5


@dataclass(frozen=True)
class RateRow:
    """One step as it is told: events seen a day, cases passed a day, days reached."""

    title: str
    seen_a_day: float | None
    cases_a_day: float
    days: int


@dataclass(frozen=True)
class Tried:
    """What a setup would have done: counts, warnings, the funnel's picture, example charts."""

    days: int
    signals: int
    rows: tuple[RateRow, ...]
    warnings: tuple[str, ...]
    funnel: bytes
    charts: tuple[tuple[bytes, str], ...]


def parsed(text: str, file: str) -> SetupSpec:
    """Return the checked setup of a text; a SetupError names file, line, field, valid words."""
    return parse_setup(text, file)


def tried(bars: pd.DataFrame, job: WhyJob, since: datetime, days: tuple[date, date]) -> Tried:
    """Run a setup over the last days of some bars and draw what it finds."""
    from pipeline.render.funnel_chart import funnel_chart  # noqa: PLC0415
    from pipeline.setups.engine import Overrides, detect, find_signals, frames_for  # noqa: PLC0415
    from pipeline.setups.rates import rate_warnings, step_rates  # noqa: PLC0415
    from pipeline.setups.tape import tape_of  # noqa: PLC0415
    from pipeline.setups.why.period import days_with_bars  # noqa: PLC0415

    frames = frames_for(bars, job.trigger, job.spec)
    tools = detect(frames, job.spec, job.trigger, job.instrument)
    found = find_signals(
        frames, tools, job.spec, job.trigger, job.instrument,
        overrides=Overrides(spread_points=job.spread_points), since=since, news=job.news,
    )  # fmt: skip
    tape = tape_of(
        frames, tools, job.spec, job.trigger, job.instrument, job.spread_points, job.news
    )
    count = days_with_bars(tape, days)
    rates = step_rates(job.spec, tape, found.funnel, days[0])
    picture = funnel_chart(
        found.funnel, count, title=f"{job.instrument.symbol} {job.trigger} · {job.spec.setup_id}",
        subtitle=f"{days[0]} – {days[1]}", theme=job.theme, foot=job.today,
        synthetic=job.synthetic,
    )  # fmt: skip
    per_day = max(count, 1)
    rows = tuple(
        RateRow(r.title, None if r.seen is None else r.seen / per_day, r.cases / per_day, r.days)
        for r in rates
    )
    charts = _charts(bars, job, found)
    return Tried(count, len(found.signals), rows, rate_warnings(rates, count), picture.png, charts)


def _charts(bars: pd.DataFrame, job: WhyJob, found: "Found") -> tuple[tuple[bytes, str], ...]:
    """Draw signals spread evenly over the period, in the order of time."""
    from pipeline.render.chart import signal_chart  # noqa: PLC0415

    pairs = list(zip(found.signals, found.plans, strict=True))
    step = max(len(pairs) / EXAMPLES, 1.0)
    chosen = [pairs[int(n * step)] for n in range(min(EXAMPLES, len(pairs)))]
    drawn = []
    for signal, plan in chosen:
        picture = signal_chart(
            bars, signal, plan, None, instrument=job.instrument, theme=job.theme, zone=job.zone,
            now_text=job.today, synthetic=job.synthetic,
        )  # fmt: skip
        drawn.append((picture.png, f"{signal.known_at:%Y-%m-%d %H:%M}Z {signal.side.value}"))
    return tuple(drawn)
