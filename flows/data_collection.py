"""The story of a collection: the last days of a market's bars, fetched from an exchange."""

from flows.exchange_bars import Collected, collect, exchange_of
from flows.research_report import Told, desk_for, keep_report
from flows.run_facts import run_times
from flows.services import Services
from flows.story import Story
from flows.tasks import Runner
from pipeline.domain.exchange import CollectionResult, CollectRequest
from pipeline.domain.request import Run
from pipeline.retraining_commands import parse_collect

COLLECTION_TASKS = ("data_collection", "telegram_notify")


async def run_collection(
    request: CollectRequest, run: Run, services: Services, runner: Runner
) -> CollectionResult:
    """Collect and tell."""
    collected = await runner.critical(
        "data_collection", Collected, lambda: collect(request.symbol, request.days, services),
        {"symbol": request.symbol, "days": request.days},
    )  # fmt: skip
    result = CollectionResult(
        run_id=run.run_id,
        **run_times(run, services.clock()),
        request=request.model_dump(mode="json"),
        exchange=collected.market.exchange,
        symbol=collected.market.symbol,
        stored_as=collected.stored_as,
        bars=collected.bars,
        fetched=collected.fetched,
        gaps=collected.gaps,
        missing=collected.missing,
        score=collected.score,
        results_summary={"bars": collected.bars, "fetched": collected.fetched},
        warnings=collected.notes,
    )
    desk = await desk_for(run, services, {"symbol": collected.stored_as})
    result = await keep_report(desk, result, {}, runner)
    await runner.optional("telegram_notify", Told, lambda: desk.tell(result, None, ()), keep=False)
    return result.model_copy(update={"tasks_completed": tuple(runner.records.values())})


async def check_collection(request: CollectRequest, services: Services) -> CollectRequest:
    """Refuse where no exchange is set; what it has is found out by the run."""
    exchange_of(services)
    return request


COLLECTION = Story(
    flow_type="data_collection",
    prefix="run",
    command="collect",
    request=CollectRequest,
    tasks=COLLECTION_TASKS,
    parse=parse_collect,
    check=check_collection,
    title=lambda request: f"Bars of {request.symbol}, {request.days} days",
    tell=run_collection,
)
