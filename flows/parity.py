"""The story of a parity certificate: what live said, held against the backtest."""

from datetime import datetime
from typing import Any

from flows import parity_steps as steps
from flows.parity_features import alarm_features, features_line
from flows.parity_nightly import tell_differences
from flows.parity_steps import Comparison, Recorded
from flows.research_report import Drawn, Told, archived, desk_for, keep_report
from flows.run_facts import run_times
from flows.services import Services
from flows.story import Story
from flows.tasks import Runner
from pipeline.domain.errors import BadRequestError
from pipeline.domain.live import LIVE
from pipeline.domain.request import Run
from pipeline.live.certificate import ParityReport, ParityRequest, verdict_of
from pipeline.live.feature_parity import VectorsCompared, together
from pipeline.parity_commands import parse_parity

PARITY_TASKS = ("trail", "comparison", "visualizer", "telegram_notify")
"""The tasks of a parity certificate under their fixed names, in their order."""
_LATELY = 50  # runs among which a wrong id's nearest replays are looked for


async def run_parity(
    request: ParityRequest, run: Run, services: Services, runner: Runner
) -> ParityReport:
    """Run the four tasks and return the certificate; a difference is a result, not an error."""
    recorded = await runner.critical(
        "trail", Recorded, lambda: steps.read_trail(request, services), {"of": request.origin}
    )
    comparison = await runner.critical(
        "comparison", Comparison,
        lambda: steps.compare_all(request, recorded, services, runner),
        {"symbols": recorded.symbols},
    )  # fmt: skip
    report = _report(request, run, recorded, comparison, services.clock())
    desk = await desk_for(run, services, {"origin": request.origin})
    drawn = await runner.optional(
        "visualizer", Drawn, lambda: steps.draw_first(request, comparison, desk, services)
    )
    report = await keep_report(desk, report, {"pictures": archived(drawn)}, runner)
    documents = ((desk.path(".json"), "The whole report"),)

    async def tell() -> Told:
        await tell_differences(report, run, services)
        await alarm_features(report, run, services)
        return await desk.tell(report, drawn, documents)

    await runner.optional("telegram_notify", Told, tell, keep=False)
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


def _report(
    request: ParityRequest, run: Run, recorded: Recorded, comparison: Comparison, now: datetime
) -> ParityReport:
    signals = sum(len(s.signals) for s in comparison.symbols) - comparison.unwatched
    lines = comparison.lines
    verdict = verdict_of(lines, recorded=bool(recorded.symbols), failed=bool(comparison.failed))
    setups = [setup for symbol in recorded.symbols for setup in symbol.setups]
    return ParityReport(
        run_id=run.run_id,
        **run_times(run, now),
        results_summary={"signals": signals, "identical": signals - len(lines)},
        request=request.model_dump(mode="json"),
        origin=request.origin,
        period_start=recorded.start,
        period_end=recorded.end,
        symbols=tuple(s.symbol for s in recorded.symbols),
        setups=tuple(sorted({s.setup_id for s in setups})),
        timeframes=tuple(sorted({s.tf for s in setups}, key=lambda t: t.minutes)),
        verdict=verdict,
        signals=signals,
        identical=signals - len(lines),
        differences=lines,
        bars=tuple(s.bars for s in comparison.symbols),
        scans=comparison.scans,
        failed=comparison.failed,
        warnings=_warnings(comparison),
        features=_features(comparison),
    )


def _features(comparison: Comparison) -> VectorsCompared:
    return together([symbol.features for symbol in comparison.symbols])


def _warnings(comparison: Comparison) -> tuple[str, ...]:
    alarm = features_line(_features(comparison))
    notes = (*((alarm,) if alarm else ()), *comparison.notes)
    if not comparison.unwatched:
        return notes
    many = f"{comparison.unwatched} more the backtest knows of setups not watched at that time."
    return (*notes, many)


async def check_parity(request: ParityRequest, services: Services) -> ParityRequest:
    """Refuse a replay that there is not.

    Raises
    ------
    BadRequestError
        With the newest replays.
    """
    if request.origin == LIVE:
        return request
    run = await services.runs.get(request.origin)
    if run is not None and run.flow_type == "replay_flow":
        return request
    newest = await services.runs.newest(_LATELY)
    closest = tuple(r.run_id for r in newest if r.flow_type == "replay_flow")[:3]
    raise BadRequestError(
        f"There is no replay {request.origin}.", field="run_id", value=request.origin,
        closest=closest, corrected=f"/parity {closest[0]}" if closest else "/parity yesterday",
    )  # fmt: skip


def parity_title(request: ParityRequest) -> str:
    """Return a run's title: what is compared."""
    what: list[Any] = [request.symbol or "all symbols", request.setup_id or "all setups"]
    when = f"replay {request.origin}" if request.origin != LIVE else f"{request.start}"
    if request.end != request.start:
        when += f" – {request.end}"
    return f"Parity {when} · {' · '.join(what)}"


PARITY = Story(
    flow_type="parity_flow",
    prefix="run",
    command="parity",
    request=ParityRequest,
    tasks=PARITY_TASKS,
    parse=parse_parity,
    check=check_parity,
    title=parity_title,
    tell=run_parity,
)
