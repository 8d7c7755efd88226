"""The rule profiler's story: all kept runs of a setup gathered, compared, drawn and told."""

from typing import TYPE_CHECKING, Any

from flows import profile_compute as compute
from flows.backtest_compute import Frozen
from flows.profile_gather import finished, gathered, tries
from flows.profile_offer import sweep_to_try
from flows.profile_text import ground_title
from flows.profile_try import run_try
from flows.research_report import Desk, Drawn, Told, archived, desk_for, keep_report
from flows.run_facts import run_times
from flows.services import Services
from flows.story import Story
from flows.tasks import Runner, SkipTaskError
from pipeline.domain.errors import BadRequestError
from pipeline.domain.request import Run
from pipeline.profile_commands import parse_profile
from pipeline.research.profile import Effect, GroundProfile, ProfileReport, ProfileRequest

if TYPE_CHECKING:
    from pipeline.render.canvas import Picture

PROFILE_TASKS = ("gathering", "sensitivity", "visualizer", "telegram_notify")
"""The tasks of a profile under their fixed names, in their order."""
DRAWS = 2000
MOST_SUGGESTED = 3


class Gathered(Frozen):
    """Output of gathering: the runs that are looked at."""

    runs: tuple[str, ...]


class Sensed(Frozen):
    """Output of sensitivity."""

    grounds: tuple[GroundProfile, ...]
    comparisons: int


async def run_profile(
    request: ProfileRequest, run: Run, services: Services, runner: Runner
) -> ProfileReport:
    """Run the four tasks and return the report; or try a suggestion of an earlier profile."""
    if request.suggestion:
        return await run_try(request, run, services, runner)
    version = str(request.extra["rule_version"])
    done = await runner.critical("gathering", Gathered, lambda: _gather(request, services))
    sensed = await runner.critical(
        "sensitivity", Sensed, lambda: _sense(request, version, services), {"runs": done.runs}
    )
    report = await _report(request, run, sensed, services)
    meta = {"setup_id": request.setup_id, "rule_version": version, "symbol": report.symbol}
    desk = await desk_for(run, services, meta)
    drawn = await runner.optional("visualizer", Drawn, lambda: _draw(report, desk))
    runner.stop.check()
    report = await keep_report(desk, report, {"pngs": archived(drawn)}, runner)
    documents = ((desk.path(".json"), "The whole report"),)
    await runner.optional(
        "telegram_notify", Told, lambda: desk.tell(report, drawn, documents), keep=False
    )
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


async def _gather(request: ProfileRequest, services: Services) -> Gathered:
    found = await finished(request.setup_id, request.symbol, services)
    return Gathered(runs=tuple(run.run_id for run in found))


async def _sense(request: ProfileRequest, version: str, services: Services) -> Sensed:
    runs = await gathered(request.setup_id, request.symbol, services)
    trials = await tries(request.setup_id, runs, services)
    found = await services.cpu.run(compute.profiled, runs, trials, version, DRAWS)
    return Sensed(grounds=found.grounds, comparisons=found.comparisons)


async def _report(
    request: ProfileRequest, run: Run, sensed: Sensed, services: Services
) -> ProfileReport:
    suggested = [s for g in sensed.grounds for s in g.suggestions]
    surest = tuple(sorted(suggested, key=lambda s: -s.improvement.low)[:MOST_SUGGESTED])
    command = "" if surest else await sweep_to_try(request, sensed.grounds, services)
    return ProfileReport(
        run_id=run.run_id,
        **run_times(run, services.clock()),
        tasks_completed=(),
        results_summary={
            "variants": sum(g.variants for g in sensed.grounds),
            "comparisons": sensed.comparisons,
            "suggestions": len(surest),
        },
        artifacts={},
        request=request.model_dump(mode="json"),
        warnings=_warnings(sensed),
        synthetic=any(g.synthetic for g in sensed.grounds),
        setup_id=request.setup_id,
        rule_version=str(request.extra["rule_version"]),
        symbol=request.symbol or ", ".join(dict.fromkeys(g.symbol for g in sensed.grounds)),
        grounds=sensed.grounds,
        comparisons=sensed.comparisons,
        suggestions=surest,
        nearest=None if surest else nearest(sensed.grounds),
        command=command,
    )


def nearest(grounds: tuple[GroundProfile, ...]) -> Effect | None:
    """Return the change of the present setup that would take the fewest trades to tell."""
    likely = [
        e for g in grounds for e in g.effects
        if e.own and e.measure == "expectancy" and e.value > 0 and e.trades_needed is not None
    ]  # fmt: skip
    return min(likely, key=lambda e: (e.trades_needed or 0) / max(e.trades, 1), default=None)


def _warnings(sensed: Sensed) -> tuple[str, ...]:
    if any(g.synthetic for g in sensed.grounds):
        return ("SYNTHETIC bars are a made-up sample, no market; they are profiled apart.",)
    return ()


async def _draw(report: ProfileReport, desk: Desk) -> Drawn:
    shown = [g for g in report.grounds if g.panels][:3]
    if not shown:
        raise SkipTaskError("no parameter has two values")
    found = []
    for number, ground in enumerate(shown, start=1):
        words = (f"{report.setup_id}: what moves what", ground_title(ground),
                 desk.services.settings.chart_theme, desk.run.run_id)  # fmt: skip
        picture = await desk.services.cpu.run(draw_profile, ground, words)
        found.append(await desk.picture(f"_profile{number}.png", picture, words[1]))
    return Drawn(pictures=tuple(found))


def draw_profile(ground: GroundProfile, words: tuple[str, str, str, str]) -> "Picture":
    """Draw one ground; in a computing process."""
    from pipeline.render.profile_chart import profile_chart  # noqa: PLC0415

    title, subtitle, theme, run_id = words
    return profile_chart(ground, title, subtitle, theme=theme, run_id=run_id)


async def check_profile(request: ProfileRequest, services: Services) -> ProfileRequest:
    """Pin the version that suggestions would change; refuse where nothing was tried yet.

    Raises
    ------
    BadRequestError
        Nothing is kept of this setup, with the sweep that would make variants; or there is no
        such suggestion.
    """
    if request.suggestion:
        return await _check_try(request, services)
    spec = await services.setups.get(request.setup_id)
    if not await finished(request.setup_id, request.symbol, services):
        command = await sweep_to_try(request, (), services)
        on = f" on {request.symbol}" if request.symbol else ""
        raise BadRequestError(
            f"Nothing was tried of {request.setup_id}{on} yet. This makes variants to compare: "
            f"{command}",
            field="setup_id", value=request.setup_id, corrected=command,
        )  # fmt: skip
    return _pinned(request, spec.setup_id, spec.rule_version)


async def _check_try(request: ProfileRequest, services: Services) -> ProfileRequest:
    run = await services.runs.get(request.of_run)
    offered: list[Any] = list(run.report.get("suggestions", ())) if run and run.report else []
    if run is None or run.flow_type != "profile_flow" or request.suggestion > len(offered):
        raise BadRequestError(
            f"{request.of_run} has no suggestion {request.suggestion}: ask /profile SETUP_ID.",
            field="suggestion", value=str(request.suggestion),
        )  # fmt: skip
    report = run.report
    return _pinned(request, str(report["setup_id"]), str(report["rule_version"]))


def _pinned(request: ProfileRequest, setup_id: str, version: str) -> ProfileRequest:
    extra = {**request.extra, "rule_version": version}
    return request.model_copy(update={"setup_id": setup_id, "extra": extra})


def profile_title(request: ProfileRequest) -> str:
    """Return a run's title."""
    on = f" · {request.symbol}" if request.symbol else ""
    if request.suggestion:
        return f"Try suggestion {request.suggestion} of {request.of_run} · {request.setup_id}"
    return f"Profile {request.setup_id}{on}"


PROFILE = Story(
    flow_type="profile_flow",
    prefix="run",
    command="profile",
    request=ProfileRequest,
    tasks=PROFILE_TASKS,
    parse=parse_profile,
    check=check_profile,
    title=profile_title,
    tell=run_profile,
)
