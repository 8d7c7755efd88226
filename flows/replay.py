"""The story of a replay: held days played as if live, to the chat that asked, and summed up."""

from collections import Counter
from datetime import datetime
from typing import Any

from flows.holdings import best_holding, held_text
from flows.replay_play import Played, Player
from flows.replay_scores import score_warnings
from flows.research_report import Told, desk_for, keep_report
from flows.run_facts import run_times
from flows.services import Services
from flows.story import Story
from flows.tasks import Runner
from pipeline.domain.errors import BadRequestError
from pipeline.domain.live import LiveSignal
from pipeline.domain.market import SESSIONS, Timeframe
from pipeline.domain.replay import AS_FAST_AS_CAN_BE, ReplayReport, ReplayRequest, ReplaySignal
from pipeline.domain.report import Holding
from pipeline.domain.request import Run
from pipeline.live_commands import parse_replay
from pipeline.setups.rules import SetupSpec

REPLAY_TASKS = ("play", "telegram_notify")
"""The tasks of a replay under their fixed names, in their order."""


async def run_replay(
    request: ReplayRequest, run: Run, services: Services, runner: Runner
) -> ReplayReport:
    """Seed, play and sum up; started again it goes on at the minute where it was."""
    setups = await _setups(request, services)
    synthetic = await _synthetic(request, services)
    player = Player(request, run, services, setups, synthetic)
    try:
        played = await runner.critical(
            "play", Played, lambda: player.play(runner), {"speed": request.speed}
        )
    finally:
        await player.close()
    records = await services.signals.between(run.run_id, *request.span())
    report = _report(request, run, played, records, services.clock(), synthetic=synthetic)
    warnings = await score_warnings(records, request.span(), services)
    report = report.model_copy(update={"warnings": report.warnings + warnings})
    desk = await desk_for(run, services, {"symbols": list(request.symbols)})
    report = await keep_report(desk, report, {}, runner)
    documents = ((desk.path(".json"), "The whole report"),)
    await runner.optional(
        "telegram_notify", Told, lambda: desk.tell(report, None, documents), keep=False
    )
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


def _report(
    request: ReplayRequest, run: Run, played: Played, records: list[LiveSignal], now: datetime,
    *, synthetic: bool,
) -> ReplayReport:  # fmt: skip
    signals = tuple(_short(record) for record in records)
    rr = [signal.rr for signal in signals if signal.rr is not None]
    decisions = Counter(signal.decision.value for signal in signals)
    return ReplayReport(
        run_id=run.run_id,
        flow_status="completed",
        **run_times(run, now),
        results_summary={"signals": len(signals), "total_r": sum(rr) if rr else None},
        request=request.model_dump(mode="json"),
        symbols=request.symbols,
        zone=request.zone,
        period_start=request.start,
        period_end=request.end,
        speed=request.speed,
        sources={symbol: t.value for symbol, t in request.sources.items()},
        bars=played.bars,
        scans=played.scans,
        scan_ms=played.scan_ms,
        signals=signals,
        decisions=dict(decisions),
        outcomes=dict(Counter(signal.outcome for signal in signals)),
        total_r=sum(rr) if rr else None,
        failed=played.failed,
        synthetic=synthetic,
        warnings=("The bars are SYNTHETIC: a made-up sample, no market.",) if synthetic else (),
    )


def _short(record: LiveSignal) -> ReplaySignal:
    s, life = record.signal, record.life
    outcome = life.state.value
    if life.trade is not None:
        outcome = life.trade.exit_reason.value
    elif life.missed is not None:
        outcome = str(life.missed.reason)
    return ReplaySignal(
        signal_id=record.signal_id,
        symbol=s.symbol,
        setup_id=s.setup_id,
        tf=s.tf,
        side=s.side.value,
        known_at=s.known_at,
        confidence=s.confidence,
        ml_score=record.ml_score,
        decision=record.decision.decision,
        reason="; ".join(record.decision.reasons),
        outcome=outcome,
        rr=life.trade.rr if life.trade is not None else None,
        answer=record.answer.choice if record.answer is not None else "",
    )


async def check_replay(request: ReplayRequest, services: Services) -> ReplayRequest:
    """Fill in zone, sources and versions; refuse what can't be played.

    Raises
    ------
    BadRequestError
        Naming the field, with what is held.
    """
    everything = await services.bars.holdings()
    instrument = await services.instruments.get(request.symbols[0])
    placed = request.model_copy(update={"zone": SESSIONS[instrument.cash_session].zone})
    sources = {}
    for symbol in request.symbols:
        held = [h for h in everything if h.symbol == symbol]
        holding = _source(held, *placed.span())
        if holding is None:
            raise _not_held(request, symbol, held, everything)
        sources[symbol] = Timeframe(holding.timeframe)
    setups = await _setups(placed, services)
    versions = {spec.setup_id: spec.rule_version for spec in setups}
    extra = {**placed.extra, "rule_versions": versions}
    checked = placed.model_copy(update={"sources": sources, "extra": extra})
    _check_triggers(checked, setups)
    return checked


def _source(held: list[Holding], start: datetime, end: datetime) -> Holding | None:
    """Return what is played: M1 bars where they are held, else the shortest that are."""
    for timeframe in Timeframe:
        fitting = [h for h in held if h.timeframe == timeframe.value]
        found = best_holding(fitting, timeframe, start, end)
        if found is not None:
            return found
    return None


def _not_held(
    request: ReplayRequest, symbol: str, held: list[Holding], everything: list[Holding]
) -> BadRequestError:
    if held:
        last = max(h.last for h in held).date()
        return BadRequestError(
            f"No bars of {symbol} on {request.start}. {held_text(held)}",
            field="start", value=request.start.isoformat(), closest=(last.isoformat(),),
            corrected=f"/live replay {symbol} {last} x{request.speed or 60}",
        )  # fmt: skip
    others = tuple(dict.fromkeys(h.symbol for h in everything))
    said = f"Bars are held of {', '.join(others)}." if others else "Import a file first."
    return BadRequestError(
        f"No bars of {symbol} are held. {said}", field="symbol", value=symbol, closest=others
    )


def _check_triggers(request: ReplayRequest, setups: list[SetupSpec]) -> None:
    least = max(t.minutes for t in request.sources.values())
    triggers = {t for spec in setups for t in spec.timeframes}
    wanted = triggers & set(request.timeframes) if request.timeframes else triggers
    if not any(t.minutes >= least for t in wanted):
        longest = max(request.sources.values(), key=lambda t: t.minutes)
        raise BadRequestError(
            f"Only {longest} bars are held of that day: no shorter trigger can be played.",
            field="timeframe", value=", ".join(request.timeframes), closest=(longest.value,),
        )  # fmt: skip


async def _setups(request: ReplayRequest, services: Services) -> list[SetupSpec]:
    """Return the setups that are played, in the versions that were pinned."""
    pinned = request.extra.get("rule_versions", {})
    if pinned:
        return [await services.setups.get(name, version) for name, version in pinned.items()]
    active = await services.setups.active()
    return [spec for spec in active if not request.setups or spec.setup_id in request.setups]


async def _synthetic(request: ReplayRequest, services: Services) -> bool:
    held: list[Any] = await services.bars.holdings()
    return any(h.synthetic for h in held if h.symbol in request.symbols)


def replay_title(request: ReplayRequest) -> str:
    """Return a run's title: what is played, when and how fast."""
    days = (
        f"{request.start}" if request.start == request.end else f"{request.start} – {request.end}"
    )
    fast = "as fast as can be" if request.speed == AS_FAST_AS_CAN_BE else f"x{request.speed}"
    return f"Replay {' '.join(request.symbols)} · {days} · {fast}"


REPLAY = Story(
    flow_type="replay_flow",
    prefix="live",
    command="live",
    request=ReplayRequest,
    tasks=REPLAY_TASKS,
    parse=parse_replay,
    check=check_replay,
    title=replay_title,
    tell=run_replay,
)
