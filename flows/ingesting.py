"""The story of an ingest: all that is held from sources goes on, and owners hear of trouble."""

from collections.abc import Sequence
from datetime import timedelta

from flows.backtest_compute import Frozen
from flows.fetch import judge
from flows.fetch_plan import plan_fetch
from flows.fetching import fetch
from flows.ingest_text import alarms
from flows.owners import notify_owners
from flows.research_report import Told, desk_for, keep_report
from flows.run_facts import run_times
from flows.services import Services
from flows.story import Story
from flows.tasks import Note, Runner
from pipeline.domain.errors import AppError, BadRequestError
from pipeline.domain.fetch import FetchRequest
from pipeline.domain.ingest import Ingested, IngestReport, IngestRequest
from pipeline.domain.market import Timeframe
from pipeline.domain.report import Holding
from pipeline.domain.request import Run
from pipeline.ingest_commands import parse_ingest
from storage.telemetry import get_logger

log = get_logger(__name__)
CHECKED = timedelta(days=7)
"""How far back a check asks again."""
INGEST_TASKS = ("data_ingest", "data_quality", "telegram_notify")


class Rows(Frozen):
    """Output of data_ingest."""

    rows: tuple[Ingested, ...]


class Alarmed(Frozen):
    """Output of data_quality: how many notices the owners are owed."""

    notices: int


async def run_ingest(
    request: IngestRequest, run: Run, services: Services, runner: Runner
) -> IngestReport:
    """Fetch what is new for each holding, tell owners what fell, and report."""
    targets = await targets_of(request, services)
    ingested = await runner.critical(
        "data_ingest", Rows, lambda: _all(targets, request, run, services, runner),
        {"kind": request.kind, "holdings": len(targets)},
    )  # fmt: skip
    await runner.optional("data_quality", Alarmed, lambda: tell_alarms(ingested.rows, services))
    rows = ingested.rows
    report = IngestReport(
        run_id=run.run_id,
        **run_times(run, services.clock()),
        request=request.model_dump(mode="json"),
        kind=request.kind,
        rows=rows,
        results_summary={
            "holdings": len(rows), "added": sum(row.added for row in rows),
            "withheld": sum(row.withheld for row in rows),
            "failed": sum(bool(row.error) for row in rows),
        },
    )  # fmt: skip
    desk = await desk_for(run, services, {})
    report = await keep_report(desk, report, {}, runner)
    await runner.optional("telegram_notify", Told, lambda: desk.tell(report, None, ()), keep=False)
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


async def targets_of(
    request: IngestRequest, services: Services
) -> tuple[tuple[Holding, str], ...]:
    """Return each real holding that came from a source that is set up, with that source."""
    found = []
    for holding in await services.bars.holdings():
        own = [name for name in services.sources if name in holding.sources]
        wanted = not request.symbols or holding.symbol in request.symbols
        if own and wanted and not holding.synthetic and request.source in ("", own[0]):
            found.append((holding, own[0]))
    return tuple(found)


async def _all(
    targets: Sequence[tuple[Holding, str]],
    request: IngestRequest,
    run: Run,
    services: Services,
    runner: Runner,
) -> Rows:
    rows = []
    for number, (holding, source) in enumerate(targets):
        await runner.tell(Note(number / len(targets), f"{holding.symbol} {holding.timeframe}"))
        rows.append(await _one(holding, source, request, run, services))
    return Rows(rows=tuple(rows))


async def _one(
    holding: Holding, source: str, request: IngestRequest, run: Run, services: Services
) -> Ingested:
    """Go on with one holding; what can't be had is told in its row."""
    row = Ingested(
        symbol=holding.symbol, timeframe=holding.timeframe, source=source,
        score=holding.score, score_before=holding.score, last=holding.last,
    )  # fmt: skip
    try:
        plan = await plan_fetch(_wish(holding, source, request, services), services)
        fetched = await fetch(plan, services, run.run_id, _quiet)
        await judge(plan, fetched, services)
    except AppError as error:
        log.warning("ingest_failed", symbol=holding.symbol, source=source, error=error.user_text)
        return row.model_copy(update={"error": error.user_text})
    same = (holding.symbol, holding.timeframe)
    now = next(h for h in await services.bars.holdings() if (h.symbol, h.timeframe) == same)
    return row.model_copy(
        update={
            "bars": sum(each.bars for each in fetched.answers),
            "added": sum(each.added for each in fetched.answers),
            "withheld": sum(each.withheld for each in fetched.answers),
            "last": now.last,
            "score": now.score,
        }
    )


def _wish(
    holding: Holding, source: str, request: IngestRequest, services: Services
) -> FetchRequest:
    """Return what to fetch. The source was mixed with others before, if it is, by a person."""
    wish = FetchRequest(
        symbol=holding.symbol, timeframe=Timeframe(holding.timeframe), source=source, mix=True
    )
    if request.kind != "check":
        return wish
    today = services.clock().date()
    days = {"start": max(today - CHECKED, holding.first.date()), "end": today, "again": True}
    return wish.model_copy(update=days)


async def _quiet(note: Note) -> None:
    """Tell nothing: progress is told holding by holding."""
    del note


async def tell_alarms(rows: Sequence[Ingested], services: Services) -> Alarmed:
    """Owe owners a notice of each holding that got worse, once a day for each reason."""
    day = services.clock().date()
    notices = 0
    for row in rows:
        for word, text in alarms(row):
            key = f"ingest:{row.symbol}:{row.timeframe}:{word}:{day}"
            notices += await notify_owners({"text": text}, key, services)
    return Alarmed(notices=notices)


async def check_ingest(request: IngestRequest, services: Services) -> IngestRequest:
    """Refuse a source that is not set up."""
    known = tuple(services.sources)
    if request.source and request.source not in known:
        raise BadRequestError(
            f"{request.source!r} is no source that is set up: {', '.join(known) or 'none is'}.",
            field="source", value=request.source, closest=known,
        )  # fmt: skip
    return request


def ingest_title(request: IngestRequest) -> str:
    """Return a run's title."""
    about = " ".join((*request.symbols, *([f"from {request.source}"] if request.source else [])))
    return f"Ingest · {request.kind.replace('_', ' ')}{f' · {about}' if about else ''}"


INGEST = Story(
    flow_type="ingest_flow",
    prefix="run",
    command="ingest",
    request=IngestRequest,
    tasks=INGEST_TASKS,
    parse=parse_ingest,
    check=check_ingest,
    title=ingest_title,
    tell=run_ingest,
)
