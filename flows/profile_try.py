"""Trying a suggestion: its draft made, tested on days not used for finding it, and compared."""

import hashlib
import json
from datetime import date, timedelta
from typing import Any

from flows import backtest_steps as steps
from flows.backtest_compute import Frozen
from flows.backtest_steps import Ingested, Job
from flows.costs import costs_of
from flows.holdings import usable
from flows.profile_draft import draft_of
from flows.profile_gather import finished
from flows.profile_trial import Outcomes, Sides, tested
from flows.research_compute import VariantsJob
from flows.research_report import Drawn, Told, archived, desk_for, keep_report
from flows.run_facts import run_times
from flows.services import Services
from flows.tasks import Runner
from pipeline.domain.market import Timeframe
from pipeline.domain.report import Interval, Verdict
from pipeline.domain.request import BacktestOptions, BacktestRequest, Run
from pipeline.research.grid import Grid
from pipeline.research.profile import (
    GroundProfile,
    ProfileReport,
    ProfileRequest,
    Suggestion,
    Tried,
)

FEWEST_DAYS = 20
"""A held-out period is at least so long."""
_VERDICTS = {
    Verdict.ABOVE: "It holds up on these days: better, and not by chance alone.",
    Verdict.BELOW: "It does not hold up: worse on these days, and not by chance alone.",
    Verdict.OPEN: "On these days the two can't be told apart.",
    Verdict.TOO_FEW: "Too few trades on these days to tell the two apart.",
}


class Drafted(Frozen):
    """Output of gathering: what the draft is and on which days it is tested."""

    setup_id: str
    rule_version: str
    made: bool
    copied: bool
    difference: tuple[dict[str, Any], ...]
    start: date
    end: date
    held_out: bool


class Measured(Frozen):
    """Output of sensitivity: both versions on the same days."""

    trades: tuple[int, int]
    means: tuple[float | None, float | None]
    change: Interval | None
    verdict: Verdict
    start: date
    end: date
    synthetic: bool


async def run_try(
    request: ProfileRequest, run: Run, services: Services, runner: Runner
) -> ProfileReport:
    """Run the four tasks: draft, both tests, their comparison drawn, told."""
    ground, suggestion = await _asked(request, services)
    drafted = await runner.critical(
        "gathering", Drafted, lambda: _draft(request, ground, suggestion, run, services)
    )
    outcomes: list[Outcomes] = []

    async def measure() -> Measured:
        outcomes.append(await _test(request, ground, drafted, run, services))
        return _measured(outcomes[-1])

    measured = await runner.critical("sensitivity", Measured, measure)
    report = _report(request, run, services, (ground, suggestion, drafted, measured))
    meta = {"setup_id": drafted.setup_id, "rule_version": drafted.rule_version,
            "symbol": ground.symbol, "timeframe": ground.timeframe}  # fmt: skip
    desk = await desk_for(run, services, meta)

    async def draw() -> Drawn:
        if not outcomes:
            outcomes.append(await _test(request, ground, drafted, run, services))
        path = await desk.keep("_tried.png", outcomes[-1].png, "research", "image/png")
        caption = f"{request.setup_id} now and as drafted · {drafted.start} – {drafted.end}"
        return Drawn.model_validate({"pictures": [{"path": path, "caption": caption}]})

    drawn = await runner.optional("visualizer", Drawn, draw)
    runner.stop.check()
    report = await keep_report(desk, report, {"pngs": archived(drawn)}, runner)
    await runner.optional(
        "telegram_notify", Told, lambda: desk.tell(report, drawn, ()), keep=False
    )
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


async def _asked(request: ProfileRequest, services: Services) -> tuple[GroundProfile, Suggestion]:
    """Return the suggestion with the ground that it was found on."""
    run = await services.runs.get(request.of_run)
    assert run is not None  # noqa: S101  (checked when the run was accepted)
    profile = ProfileReport.model_validate(run.report)
    suggestion = profile.suggestions[request.suggestion - 1]
    ground = next(g for g in profile.grounds if suggestion in g.suggestions)
    return ground, suggestion


async def _draft(
    request: ProfileRequest, ground: GroundProfile, suggestion: Suggestion, run: Run,
    services: Services,
) -> Drafted:  # fmt: skip
    version = str(request.extra["rule_version"])
    draft = await draft_of(suggestion, request.setup_id, version, run.actor, services)
    start, end, held_out = await held_out_days(request, ground, services)
    return Drafted(
        setup_id=draft.version.setup_id, rule_version=draft.version.rule_version,
        made=draft.made, copied=draft.copied, difference=draft.difference,
        start=start, end=end, held_out=held_out,
    )  # fmt: skip


async def held_out_days(
    request: ProfileRequest, ground: GroundProfile, services: Services
) -> tuple[date, date, bool]:
    """Return days of the ground's market that no test has seen: the newest part of what is held.

    Else what lies before all tests; else the ground's own days, and False.
    """
    runs = await finished(request.setup_id, ground.symbol, services)
    profile = await services.runs.get(request.of_run)
    assert profile is not None  # noqa: S101  (checked when the run was accepted)
    earlier = [r for r in runs if r.created_at <= profile.created_at or r.run_id in ground.runs]
    seen = [r.report for r in earlier]
    spans = [(_day(r["period_start"]), _day(r["period_end"])) for r in seen]
    first, last = min(s for s, _ in spans), max(e for _, e in spans)
    everything = await services.bars.holdings()
    own = [h for h in everything if h.symbol == ground.symbol]
    held = usable(own, Timeframe(ground.timeframe))
    least, day = timedelta(days=FEWEST_DAYS), timedelta(days=1)
    newest = max((h.last.date() for h in held), default=last)
    oldest = min((h.first.date() for h in held), default=first)
    if newest - last >= least:
        return last + day, newest, True
    if first - oldest >= least:
        return oldest, first - day, True
    return ground.start, ground.end, False


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


async def _test(
    request: ProfileRequest, ground: GroundProfile, drafted: Drafted, run: Run, services: Services
) -> Outcomes:
    """Test both versions on the same bars; the draft's try goes into the trial ledger."""
    version = str(request.extra["rule_version"])
    present = await services.setups.get(request.setup_id, version)
    draft = await services.setups.get(drafted.setup_id, drafted.rule_version)
    options = BacktestOptions.model_validate(ground.options)
    backtest = BacktestRequest(
        symbol=ground.symbol, timeframe=Timeframe(ground.timeframe), start=drafted.start,
        end=drafted.end, setup_id=request.setup_id, options=options,
        extra={"rule_version": version},
    )  # fmt: skip
    instrument = await services.instruments.get(ground.symbol)
    job = Job(backtest, run, services, draft, instrument, services.state.of_run(run.run_id))
    ingested = await steps.data_ingest(job)
    plan = await _plan(job, ingested, services)
    sides = Sides(present, draft, theme=services.settings.chart_theme)
    found = await services.cpu.run(tested, job.state.folder, plan, sides)
    await services.trials.append_many(found.trials)
    return found


async def _plan(job: Job, ingested: Ingested, services: Services) -> VariantsJob:
    from flows.research_job import template_of  # noqa: PLC0415

    request, run = job.request, job.run
    since, _ = steps.period_bounds(request)
    version = str(request.extra["rule_version"])
    made_of = json.dumps([run.run_id, run.attempt, ingested.data_hash]).encode()
    return VariantsJob(
        key=hashlib.sha256(made_of).hexdigest(),
        template=await template_of(request.setup_id, version, services), grid=Grid(),
        symbol=request.symbol, trigger=request.timeframe, instrument=job.instrument,
        costs=costs_of(request.options, job.instrument, services.settings),
        options=request.options, lots=request.options.lots or services.settings.lots,
        since=since, first=ingested.period_start, last=ingested.period_end,
        synthetic=ingested.synthetic, run_id=run.run_id, at=run.created_at,
    )  # fmt: skip


def _measured(found: Outcomes) -> Measured:
    return Measured(
        trades=found.trades, means=found.means, change=found.change, verdict=found.verdict,
        start=found.first, end=found.last, synthetic=found.synthetic,
    )  # fmt: skip


def _report(
    request: ProfileRequest, run: Run, services: Services,
    parts: tuple[GroundProfile, Suggestion, Drafted, Measured],
) -> ProfileReport:  # fmt: skip
    ground, suggestion, drafted, measured = parts
    tried = Tried(
        setup_id=drafted.setup_id, rule_version=drafted.rule_version, status="draft",
        reason=suggestion.reason, difference=drafted.difference, copied=drafted.copied,
        made=drafted.made, held_out=drafted.held_out, start=measured.start, end=measured.end,
        trades_before=measured.trades[0], trades=measured.trades[1],
        mean_r_before=measured.means[0], mean_r=measured.means[1], change=measured.change,
        verdict=_VERDICTS[measured.verdict],
    )  # fmt: skip
    return ProfileReport(
        run_id=run.run_id, **run_times(run, services.clock()), tasks_completed=(),
        results_summary={"draft": f"{tried.setup_id} v{tried.rule_version}",
                         "verdict": measured.verdict, "held_out": tried.held_out},
        artifacts={}, request=request.model_dump(mode="json"), synthetic=measured.synthetic,
        setup_id=request.setup_id, rule_version=str(request.extra["rule_version"]),
        symbol=ground.symbol, tried=tried,
        warnings=("The bars are SYNTHETIC: a made-up sample, no market.",)
        if measured.synthetic else (),
    )  # fmt: skip
