"""The tasks of an analysis: bars, facts, setups, the picture, the analyst."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from flows import analyze_compute as compute
from flows.analyst_opinion import Analysed, check_asked_for, opinion_on, picture_at
from flows.backtest_compute import Frozen
from flows.costs import costs_of
from flows.news import calendar_for
from flows.research_report import Desk, Drawn
from flows.services import Services
from flows.state import RunState
from flows.symbol_bars import newest_bars
from pipeline.analysis.freshness import Freshness, age_words, freshness
from pipeline.analysis.symbol_question import symbol_question
from pipeline.domain.analyze import AnalyzeRequest, SetupNow, SymbolFacts, SymbolReport
from pipeline.domain.errors import AppError
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.request import BacktestOptions, Run
from pipeline.setups.rules import SetupSpec

NOT_ASKED = "not asked for (llm=off)"


class Seen(Frozen):
    """Output of data_ingest; the bars lie beside it as bars.parquet. `at` is when it looked."""

    timeframe: Timeframe
    source: str
    synthetic: bool
    bars: int
    at: datetime
    warnings: tuple[str, ...] = ()


class SetupsNow(Frozen):
    """Output of setup_manager, the furthest first; `notes` are of setups that failed."""

    setups: tuple[SetupNow, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SymbolJob:
    """What every task of an analysis needs."""

    request: AnalyzeRequest
    run: Run
    services: Services
    state: RunState
    instrument: Instrument

    @property
    def timeframe(self) -> Timeframe:
        """The timeframe, which START has pinned."""
        return self.request.timeframe or Timeframe.M15

    def kept(self, seen: Seen) -> compute.KeptBars:
        """Return where the bars lie."""
        return compute.KeptBars(self.state.frame_path("bars"), seen.timeframe, self.instrument)

    def freshness(self, newest: datetime, at: datetime) -> Freshness:
        """Return how old the newest bar was."""
        return freshness(newest, at, self.instrument, self.timeframe)


async def take_bars(job: SymbolJob) -> Seen:
    """Read the newest bars and keep them beside the run."""
    at = job.services.clock()
    found = await newest_bars(job.request.symbol, job.timeframe, job.services)
    await asyncio.to_thread(job.state.keep_frame, "bars", found.bars)
    return Seen(
        timeframe=found.timeframe, source=found.source, synthetic=found.synthetic,
        bars=len(found.bars), at=at, warnings=found.warnings,
    )  # fmt: skip


async def look(job: SymbolJob, seen: Seen) -> SymbolFacts:
    """Say what the bars say at the newest close."""
    return await job.services.cpu.run(compute.facts_of, job.kept(seen), job.timeframe)


async def setups_now(job: SymbolJob, seen: Seen, facts: SymbolFacts) -> SetupsNow:
    """Say how far each active setup made for the symbol is; one that fails is a note."""
    del facts
    services, symbol = job.services, job.request.symbol
    active = [s for s in await services.setups.active() if symbol in s.symbols]
    found: list[SetupNow] = []
    notes: list[str] = []
    for spec in active:
        trigger = _trigger(spec, job.timeframe, seen.timeframe)
        if trigger is None:
            wanted = ", ".join(spec.timeframes)
            found.append(
                SetupNow(setup_id=spec.setup_id, rule_version=spec.rule_version, state="unknown",
                         why=f"it needs bars of {wanted}; {seen.timeframe} are held")
            )  # fmt: skip
            continue
        try:
            found.append(await _one(job, seen, spec, trigger))
        except AppError as error:
            notes.append(f"{spec.setup_id}: {error.user_text}")
    order = {"armed": 0, "waiting": 1, "done": 2, "over": 3, "unknown": 4}
    ranked = sorted(found, key=lambda one: (order[one.state], -one.held, one.setup_id))
    return SetupsNow(setups=tuple(ranked), notes=tuple(notes))


async def _one(job: SymbolJob, seen: Seen, spec: SetupSpec, trigger: Timeframe) -> SetupNow:
    services = job.services
    spread = costs_of(BacktestOptions(), job.instrument, services.settings).spread_points
    news = await calendar_for(spec, services)
    return await services.cpu.run(compute.setup_of, job.kept(seen), spec, trigger, spread, news)


def _trigger(spec: SetupSpec, asked: Timeframe, source: Timeframe) -> Timeframe | None:
    """Return the trigger: the setup's own where held bars give it, else its next one, or None."""
    del asked
    longer = sorted(spec.timeframes, key=lambda t: (t is not spec.timeframe, t.minutes))
    return next((t for t in longer if t.minutes >= source.minutes), None)


async def draw(job: SymbolJob, seen: Seen, facts: SymbolFacts, desk: Desk) -> Drawn:
    """Draw the symbol and keep the picture."""
    settings, fresh = job.services.settings, job.freshness(facts.newest, seen.at)
    look_ = compute.SymbolLook(
        settings.chart_theme, settings.timezone, job.run.run_id,
        f"newest bar {age_words(fresh.minutes)} old", fresh.stale, seen.synthetic,
    )  # fmt: skip
    picture = await job.services.cpu.run(
        compute.draw_symbol, job.kept(seen), job.timeframe, facts, look_
    )
    caption = f"{job.request.symbol} {job.timeframe}"
    return Drawn(pictures=(await desk.picture("_symbol.png", picture, caption),))


async def ask_analyst(job: SymbolJob, report: SymbolReport, drawn: Drawn | None) -> Analysed:
    """Return the analyst's opinion on what was found.

    Raises
    ------
    SkipTaskError
        Not asked for, or no analyst is set up.
    AnalystRefusedError
        It didn't answer; its own retries are over, so the task is not tried again.
    """
    wanted = job.request.options.analyze_with_llm
    check_asked_for(job.services, wanted=wanted, unless=NOT_ASKED)
    what = {
        "symbol": report.symbol, "timeframe": report.timeframe, "digits": report.digits,
        "bars_are_synthetic": report.synthetic, "bars_are_stale": report.stale,
        "newest_bar_is_old": age_words(report.age_minutes),
    }  # fmt: skip
    path = drawn.pictures[0].path if drawn and drawn.pictures else None
    picture = await picture_at(path, job.services)
    question = symbol_question(
        what,
        report.facts,
        report.setups,
        report.signals,
        picture=picture,
    )
    return await opinion_on(
        question, subject=job.request.symbol, run=job.run, services=job.services
    )
