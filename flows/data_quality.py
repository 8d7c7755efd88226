"""The story of a check of held bars: each holding judged, kept, and owners told what got worse."""

from flows.backtest_compute import Frozen
from flows.owners import notify_owners
from flows.quality_check import check_holding
from flows.research_report import Told, desk_for, keep_report
from flows.run_facts import run_times
from flows.services import Services
from flows.story import Story
from flows.tasks import Note, Runner
from pipeline.domain.data_quality import DataQualityReport, HoldingQuality, QualityRequest
from pipeline.domain.errors import AppError, BadRequestError
from pipeline.domain.report import Holding
from pipeline.domain.request import Run
from pipeline.quality_commands import parse_quality

QUALITY_TASKS = ("data_quality", "telegram_notify")


class Checked(Frozen):
    """Output of data_quality."""

    rows: tuple[HoldingQuality, ...]
    skipped: tuple[str, ...]


async def run_quality(
    request: QualityRequest, run: Run, services: Services, runner: Runner
) -> DataQualityReport:
    """Judge what was asked for, tell owners what got worse, and report."""
    wanted = await holdings_of(request, services)
    checked = await runner.critical(
        "data_quality", Checked, lambda: _all(wanted, run, services, runner),
        {"holdings": len(wanted)},
    )  # fmt: skip
    rows = checked.rows
    report = DataQualityReport(
        run_id=run.run_id,
        **run_times(run, services.clock()),
        request=request.model_dump(mode="json"),
        rows=rows,
        skipped=checked.skipped,
        results_summary={
            "holdings": len(rows), "worst": min((row.score for row in rows), default=None),
            "worse": sum(bool(row.news) for row in rows),
        },
    )  # fmt: skip
    desk = await desk_for(run, services, {})
    report = await keep_report(desk, report, {}, runner)
    await runner.optional("telegram_notify", Told, lambda: desk.tell(report, None, ()), keep=False)
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


async def holdings_of(request: QualityRequest, services: Services) -> list[Holding]:
    """Return what is held of what was asked for."""
    return [
        one
        for one in await services.bars.holdings()
        if request.symbol in ("", one.symbol)
        and (request.timeframe is None or request.timeframe.value == one.timeframe)
    ]


async def _all(wanted: list[Holding], run: Run, services: Services, runner: Runner) -> Checked:
    rows, skipped = [], []
    for number, holding in enumerate(wanted):
        about = f"{holding.symbol} {holding.timeframe}"
        await runner.tell(Note(number / len(wanted), about))
        if holding.synthetic:
            skipped.append(f"{about}: SYNTHETIC, a made-up sample; not judged.")
            continue
        try:
            row = await check_holding(holding, run.run_id, services)
        except AppError as error:
            skipped.append(f"{about}: {error.user_text}")
            continue
        await _tell(row, services)
        await services.quality.keep(row)  # last: what was kept is never told again
        rows.append(row)
    return Checked(rows=tuple(rows), skipped=tuple(skipped))


async def _tell(row: HoldingQuality, services: Services) -> None:
    """Owe owners one notice of a holding that got worse, once for each check."""
    if row.news:
        key = f"quality:{row.symbol}:{row.timeframe}:{row.run_id}"
        await notify_owners({"text": "\n".join(row.news)}, key, services)


async def check_quality(request: QualityRequest, services: Services) -> QualityRequest:
    """Refuse what nothing is held of."""
    if await holdings_of(request, services) or not (request.symbol or request.timeframe):
        return request
    held = [f"{one.symbol} {one.timeframe}" for one in await services.bars.holdings()]
    about = " ".join((request.symbol, request.timeframe or "")).strip()
    said = f"Held are {', '.join(held[:10])}." if held else "Import or fetch some first."
    field = "symbol" if request.symbol else "timeframe"
    raise BadRequestError(f"No bars of {about} are held. {said}", field=field, value=about)


def quality_title(request: QualityRequest) -> str:
    """Return a run's title."""
    about = " ".join((request.symbol, request.timeframe or "")).strip()
    return f"Quality · {about}" if about else "Quality · all bars held"


QUALITY = Story(
    flow_type="data_quality_flow",
    prefix="run",
    command="quality",
    request=QualityRequest,
    tasks=QUALITY_TASKS,
    parse=parse_quality,
    check=check_quality,
    title=quality_title,
    tell=run_quality,
)
