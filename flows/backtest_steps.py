"""The tasks of a backtest, one function each, in the order in which they run."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pandas as pd

from flows import backtest_compute as compute
from flows.backtest_compute import FillJob, Found, Frozen, Look, QaJob, SetupJob, Tested
from flows.costs import costs_of
from flows.holdings import held_text
from flows.loading import held_bars
from flows.news import calendar_for, news_warnings
from flows.services import Services
from flows.state import RunState
from pipeline.domain.errors import NoBarsError
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.news import news_fingerprint
from pipeline.domain.report import QualityReport
from pipeline.domain.request import BacktestRequest, Run
from pipeline.domain.trade import CostModel, FillMode
from pipeline.setups.hours import entry_hours
from pipeline.setups.rules import SetupSpec

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Job:
    """What every task of one backtest works with.

    `kept_as` names its files, if not the run id. `beyond` is how far bars are read behind the
    period, to see how its last trades end; `least_before` how many bars before it, if its setup
    looks back on fewer.
    """

    request: BacktestRequest
    run: Run
    services: Services
    spec: SetupSpec
    instrument: Instrument
    state: RunState
    kept_as: str = ""
    beyond: timedelta = timedelta(0)
    least_before: int = 0

    @property
    def stem(self) -> str:
        """What the names of the run's files in the archive begin with."""
        return self.kept_as or self.run.run_id

    @property
    def bars_path(self) -> Path:
        """Where the bars of the run are kept."""
        return self.state.frame_path("bars")

    @property
    def look(self) -> Look:
        """How the run's pictures look; the day is in them, so that same input gives same bytes."""
        settings = self.services.settings
        shown = self.run.created_at.strftime("%Y-%m-%d")
        return Look(
            settings.chart_theme,
            self.run.run_id,
            settings.timezone,
            synthetic=False,
            now_text=shown,
        )


class Ingested(Frozen):
    """Output of data_ingest; the bars lie beside it as bars.parquet and m1.parquet."""

    loaded_from: Timeframe
    source: str
    synthetic: bool
    data_hash: str
    m1_hash: str | None
    news_hash: str | None = None
    bars: int
    warm_up_bars: int
    period_start: date
    period_end: date
    warnings: tuple[str, ...] = ()


class Processed(Frozen):
    """Output of data_processor."""

    quality: QualityReport
    warnings: tuple[str, ...] = ()


class Detected(Frozen):
    """Output of market_tools: rows of each tool; the rows lie beside it."""

    rows: dict[str, int]


@dataclass(frozen=True)
class Loaded:
    """Bars of a job, not yet kept."""

    ingested: Ingested
    bars: pd.DataFrame
    m1: pd.DataFrame | None
    news: pd.DataFrame | None = None


async def data_ingest(job: Job) -> Ingested:
    """Load the bars of the period with their warm-up, and M1 bars for the fills where held."""
    loaded = await load_bars(job)
    await asyncio.to_thread(job.state.keep_frame, "bars", loaded.bars)
    if loaded.m1 is not None:
        await asyncio.to_thread(job.state.keep_frame, "m1", loaded.m1)
    if loaded.news is not None:
        await asyncio.to_thread(job.state.keep_frame, "news", loaded.news)
    return loaded.ingested


async def load_bars(job: Job) -> Loaded:
    """Read and, from a shorter timeframe, build the bars of the request.

    Raises
    ------
    NoBarsError
        Saying what is held instead.
    """
    request, services = job.request, job.services
    start, end = period_bounds(request)
    end += job.beyond
    held = await held_bars(
        job.spec, request.symbol, request.timeframe, (start, end), services,
        least_before=job.least_before,
    )  # fmt: skip
    if held is None:
        holdings = [h for h in await services.bars.holdings() if h.symbol == request.symbol]
        raise NoBarsError(no_bars_text(request, held_text(holdings)), symbol=request.symbol)
    bars, warm = held.bars, held.warm
    m1 = await _m1_bars(job, held.raw if held.source is Timeframe.M1 else None, start, end)
    news = await calendar_for(job.spec, services)
    first, last = bars["open_time"].iloc[warm].date(), bars["open_time"].iloc[-1].date()
    ingested = Ingested(
        loaded_from=held.source,
        source=", ".join(held.holding.sources) or "unknown",
        synthetic=held.holding.synthetic,
        data_hash=await asyncio.to_thread(compute.frame_fingerprint, bars),
        m1_hash=None if m1 is None else await asyncio.to_thread(compute.frame_fingerprint, m1),
        news_hash=None if news is None else news_fingerprint(news),
        bars=len(bars) - warm,
        warm_up_bars=warm,
        period_start=max(first, request.start),
        period_end=min(last, request.end),
        warnings=(
            *_trim_warnings(request, first, last),
            *_warm_warnings(warm, held.wanted),
            *news_warnings(job.spec, news, start, bars["close_time"].iloc[-1]),
        ),
    )
    return Loaded(ingested, bars, m1, news)


def period_bounds(request: BacktestRequest) -> tuple[datetime, datetime]:
    """Return [start, end) of the request's whole UTC days."""
    start = datetime.combine(request.start, time(), UTC)
    return start, datetime.combine(request.end, time(), UTC) + _DAY


def no_bars_text(request: BacktestRequest, held: str) -> str:
    """Say that there is nothing to test on, and what there is."""
    return (
        f"No bars of {request.symbol} {request.timeframe} between {request.start} and "
        f"{request.end}. {held}"
    )


async def _m1_bars(
    job: Job, read: pd.DataFrame | None, start: datetime, end: datetime
) -> pd.DataFrame | None:
    """Return M1 bars to look into the trigger's bars, where that is asked for and held."""
    request = job.request
    if request.timeframe is Timeframe.M1 or request.options.fill is not FillMode.DRILLDOWN:
        return None
    if read is None:
        read = await job.services.bars.read(request.symbol, Timeframe.M1, start, end)
    inside = read[read["open_time"] >= pd.Timestamp(start)].reset_index(drop=True)
    return inside if len(inside) else None


def _trim_warnings(request: BacktestRequest, first: date, last: date) -> list[str]:
    # A period may start or end on a holiday or at a weekend: that is no trimming.
    slack = timedelta(days=4)
    if first - request.start <= slack and request.end - last <= slack:
        return []
    return [f"Bars are held from {first} to {last} only, of {request.start} – {request.end}."]


def _warm_warnings(warm: int, wanted: int) -> list[str]:
    if warm >= wanted:
        return []
    return [
        f"Only {warm} of {wanted} bars are held before the period: its first days may lack setups."
    ]


async def data_processor(job: Job) -> Processed:
    """Check the bars and say what they are worth; broken ones stop the run."""
    quality = await job.services.cpu.run(
        compute.process, job.bars_path, job.request.timeframe, job.instrument
    )
    warnings: tuple[str, ...] = ()
    if quality.score < 0.9:  # noqa: PLR2004  (the share a session needs to count)
        warnings = (f"Data quality is {quality.score:.0%}: {quality.missing} bars are missing.",)
    return Processed(quality=quality, warnings=warnings)


async def market_tools(job: Job) -> Detected:
    """Run the setup's detectors."""
    rows = await job.services.cpu.run(compute.run_tools, job.state.folder, setup_job(job))
    return Detected(rows=rows)


async def setup_manager(job: Job, detected: Detected, quality: float) -> Found:
    """Find the signals and their plans, and count what fell away on the way."""
    start, _ = period_bounds(job.request)
    found = await job.services.cpu.run(
        compute.find, job.state.folder, setup_job(job), tuple(detected.rows), quality, start
    )
    named = tuple(s.model_copy(update={"run_id": job.run.run_id}) for s in found.signals)
    return found.model_copy(update={"signals": named})


async def backtester_core(job: Job, found: Found) -> Tested:
    """Fill the plans bar by bar and sum up."""
    m1 = job.state.frame_path("m1")
    qa = QaJob(hours=entry_hours(job.spec), fewest=job.services.settings.min_trades)
    return await job.services.cpu.run(
        compute.test, found.plans, job.bars_path, m1 if m1.exists() else None, fill_job(job), qa
    )


def setup_job(job: Job) -> SetupJob:
    """Return what detecting and finding need of the job."""
    return SetupJob(
        spec=job.spec,
        trigger=job.request.timeframe,
        instrument=job.instrument,
        rr_target=job.request.options.rr_target,
        spread_points=cost_model(job).spread_points,
    )


def fill_job(job: Job) -> FillJob:
    """Return what simulating needs of the job."""
    options = job.request.options
    return FillJob(
        instrument=job.instrument,
        costs=cost_model(job),
        timeframe=job.request.timeframe,
        mode=options.fill,
        lots=options.lots or job.services.settings.lots,
        risk=options.risk,
        parallel=options.parallel,
        max_trades=options.max_trades,
    )


def cost_model(job: Job) -> CostModel:
    """Return the costs: the request's, else the instrument's, else the settings'."""
    return costs_of(job.request.options, job.instrument, job.services.settings)


def artifact_meta(job: Job) -> dict[str, str]:
    """Return what every artifact of the run carries."""
    request = job.request
    return {
        "setup_id": job.spec.setup_id,
        "rule_version": job.spec.rule_version,
        "symbol": request.symbol,
        "timeframe": request.timeframe.value,
        "period": f"{request.start}/{request.end}",
    }


class Nothing(Frozen):
    """Output of a task that leaves nothing behind."""
