"""The story of an analysis: one symbol at its newest close, in words and a picture."""

from datetime import datetime

from flows.analyst_opinion import Analysed
from flows.analyze_steps import (
    Seen,
    SetupsNow,
    SymbolJob,
    ask_analyst,
    draw,
    look,
    setups_now,
    take_bars,
)
from flows.analyze_text import results_of
from flows.holdings import first_usable, held_text, usable
from flows.research_report import Desk, Drawn, Told, archived, desk_for, keep_report
from flows.run_facts import run_times
from flows.services import Services
from flows.story import Story
from flows.tasks import Runner
from pipeline.analyze_commands import parse_analyze
from pipeline.domain.analyze import AnalyzeRequest, SignalNow, SymbolFacts, SymbolReport
from pipeline.domain.errors import AppError, BadRequestError
from pipeline.domain.live import LIVE
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Run

ANALYZE_TASKS = (
    "data_ingest", "market_tools", "setup_manager", "visualizer", "gpt_analysis",
    "telegram_notify",
)  # fmt: skip
"""The tasks of an analysis under their fixed names, in their order."""
_USUAL = (Timeframe.M15, Timeframe.H1, Timeframe.H4, Timeframe.D1)


async def run_analyze(
    request: AnalyzeRequest, run: Run, services: Services, runner: Runner
) -> SymbolReport:
    """Take the newest bars, say what they say, draw them, and ask the analyst at last.

    Asked again after its end it looks anew: the market has gone on.
    """
    desk = await desk_for(run, services, {"symbol": request.symbol})
    if desk.again:
        runner.state.clear()
    job = SymbolJob(request, run, services, runner.state,
                    await services.instruments.get(request.symbol))  # fmt: skip
    seen = await runner.critical(
        "data_ingest", Seen, lambda: take_bars(job),
        {"symbol": request.symbol, "timeframe": job.timeframe.value},
    )  # fmt: skip
    facts = await runner.critical("market_tools", SymbolFacts, lambda: look(job, seen))
    found = await runner.optional("setup_manager", SetupsNow, lambda: setups_now(job, seen, facts))
    drawn = await runner.optional("visualizer", Drawn, lambda: draw(job, seen, facts, desk))
    signals = await _signals(request.symbol, services)
    report = _report(job, seen, facts, (found, signals), services.clock())
    said = await runner.optional("gpt_analysis", Analysed, lambda: ask_analyst(job, report, drawn))
    return await _told(report, said, drawn, desk, runner)


async def _told(
    report: SymbolReport, said: Analysed | None, drawn: Drawn | None, desk: Desk, runner: Runner
) -> SymbolReport:
    """Keep and tell the report, with the opinion or why there is none."""
    failed = [
        f"{task}: {runner.records[task].error or 'it failed'}"
        for task in ("setup_manager", "visualizer")
        if runner.records[task].status == "failed"
    ]
    missing = runner.records["gpt_analysis"].error if said is None else ""
    report = report.model_copy(
        update={
            "analysis": said.analysis if said else None,
            "no_analysis": missing or ("" if said else "it failed"),
            "warnings": (*report.warnings, *failed),
        }
    )
    report = await keep_report(desk, report, {"pngs": archived(drawn)}, runner)
    await runner.optional(
        "telegram_notify", Told, lambda: desk.tell(report, drawn, ()), keep=False
    )
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


def _report(
    job: SymbolJob,
    seen: Seen,
    facts: SymbolFacts,
    found: tuple[SetupsNow | None, tuple[SignalNow, ...]],
    now: datetime,
) -> SymbolReport:
    setups, signals = found
    fresh = job.freshness(facts.newest, seen.at)
    report = SymbolReport(
        run_id=job.run.run_id,
        **run_times(job.run, now),
        request=job.request.model_dump(mode="json"),
        symbol=job.request.symbol,
        timeframe=job.timeframe.value,
        zone=job.services.settings.timezone,
        digits=job.instrument.digits,
        point=job.instrument.point,
        source=seen.source,
        synthetic=seen.synthetic,
        facts=facts,
        age_minutes=fresh.minutes,
        stale=fresh.stale,
        market_open=fresh.market_open,
        setups=setups.setups if setups else (),
        signals=signals,
        warnings=(*seen.warnings, *(setups.notes if setups else ())),
    )
    return report.model_copy(update={"results_summary": results_of(report)})


async def _signals(symbol: str, services: Services) -> tuple[SignalNow, ...]:
    """Return the symbol's live signals whose life has not ended, newest first."""
    open_ones = [
        record
        for record in await services.signals.following(LIVE)
        if record.signal.symbol == symbol and not record.life.state.ended
    ]
    return tuple(
        SignalNow(
            signal_id=record.signal_id, setup_id=record.signal.setup_id,
            side=record.signal.side.value, entry=record.plan.entry_price,
            stop=record.plan.sl_price, target=record.plan.targets[-1].price,
            known_at=record.signal.known_at, state=record.life.state.value,
        )
        for record in reversed(open_ones)
    )  # fmt: skip


async def check_analyze(request: AnalyzeRequest, services: Services) -> AnalyzeRequest:
    """Pin the timeframe; refuse a symbol of which nothing is at hand.

    Raises
    ------
    BadRequestError
        Naming the field, with what is held.
    """
    everything = await services.bars.holdings()
    held = [h for h in everything if h.symbol == request.symbol]
    live = await _offered(request.symbol, services)
    wanted = request.timeframe or (_USUAL[0] if live else first_usable(held, _USUAL))
    if live or usable(held, wanted):
        return request.model_copy(update={"timeframe": wanted})
    if held:
        valid = tuple(t.value for t in Timeframe if usable(held, t))
        raise BadRequestError(
            f"No bars of {request.symbol} give {wanted}. {held_text(held)}",
            field="timeframe", value=wanted.value, closest=valid,
            corrected=f"/analyze {request.symbol} {valid[0]}",
        )  # fmt: skip
    others = tuple(dict.fromkeys(h.symbol for h in everything))
    said = f"Bars are held of {', '.join(others)}." if others else "Import or fetch some first."
    raise BadRequestError(
        f"No bars of {request.symbol} are held. {said}", field="symbol", value=request.symbol,
        closest=others, corrected=f"/analyze {others[0]}" if others else "",
    )  # fmt: skip


async def _offered(symbol: str, services: Services) -> bool:
    try:
        return services.feed is not None and symbol in await services.feed.offers()
    except AppError:
        return False


def analyze_title(request: AnalyzeRequest) -> str:
    """Return a run's title."""
    timeframe = f" {request.timeframe}" if request.timeframe else ""
    return f"Analysis · {request.symbol}{timeframe}"


ANALYZE = Story(
    flow_type="analyze_flow",
    prefix="run",
    command="analyze",
    request=AnalyzeRequest,
    tasks=ANALYZE_TASKS,
    parse=parse_analyze,
    check=check_analyze,
    title=analyze_title,
    tell=run_analyze,
)
