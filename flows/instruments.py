"""The story of instrument information: symbols are looked up at their sources."""

from datetime import timedelta

from flows.backtest_compute import Frozen
from flows.instrument_desk import look_up
from flows.research_report import Told, desk_for, keep_report
from flows.run_facts import run_times
from flows.services import Services
from flows.story import Story
from flows.tasks import Note, Runner
from pipeline.domain.instrument_info import InstrumentsReport, InstrumentsRequest, SymbolSaid
from pipeline.domain.request import Run
from pipeline.ingest_commands import parse_instruments

INSTRUMENT_TASKS = ("instrument_facts", "telegram_notify")


class Looked(Frozen):
    """Output of instrument_facts."""

    symbols: tuple[SymbolSaid, ...]


async def run_instruments(
    request: InstrumentsRequest, run: Run, services: Services, runner: Runner
) -> InstrumentsReport:
    """Look each symbol up at all sources, and report."""
    looked = await runner.critical(
        "instrument_facts", Looked, lambda: _all(request, services, runner), {}
    )
    said = [one for each in looked.symbols for one in each.said]
    report = InstrumentsReport(
        run_id=run.run_id,
        **run_times(run, services.clock()),
        request=request.model_dump(mode="json"),
        symbols=looked.symbols,
        results_summary={
            "symbols": len(looked.symbols),
            "news": sum(len(one.news) for one in said),
            "troubles": sum(bool(one.trouble) for one in said),
        },
    )
    desk = await desk_for(run, services, {})
    report = await keep_report(desk, report, {}, runner)
    await runner.optional("telegram_notify", Told, lambda: desk.tell(report, None, ()), keep=False)
    return report.model_copy(update={"tasks_completed": tuple(runner.records.values())})


async def _all(request: InstrumentsRequest, services: Services, runner: Runner) -> Looked:
    holdings = await services.bars.holdings()
    held = sorted({h.symbol for h in holdings if not h.synthetic})
    symbols = request.symbols or held
    looked = []
    for number, symbol in enumerate(symbols):
        await runner.tell(Note(number / len(symbols), symbol))
        looked.append(await look_up(symbol, services, timedelta()))
    return Looked(symbols=tuple(looked))


async def check_instruments(request: InstrumentsRequest, services: Services) -> InstrumentsRequest:
    """Take it as it is: symbols were known when it was read."""
    del services
    return request


def instruments_title(request: InstrumentsRequest) -> str:
    """Return a run's title."""
    return f"Instruments · {' '.join(request.symbols) or 'all held'}"


INSTRUMENTS = Story(
    flow_type="instrument_flow",
    prefix="run",
    command="instruments",
    request=InstrumentsRequest,
    tasks=INSTRUMENT_TASKS,
    parse=parse_instruments,
    check=check_instruments,
    title=instruments_title,
    tell=run_instruments,
)
