"""Bars from sources into the store: what is missing, page by page, from the first that can."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from flows.backtest_compute import Frozen
from flows.fetch_plan import Candidate, Plan
from flows.tasks import Note
from pipeline.data.intake import judged, leaps
from pipeline.domain.errors import (
    AppError,
    BadBarsError,
    BadRequestError,
    FeedDownError,
    FeedRefusedError,
    NoBarsError,
)
from pipeline.domain.fetch import SourceAnswer
from pipeline.domain.source import LoadRun, LoadStatus, Page
from storage.stretch_joining import Stretch
from storage.telemetry import get_logger

if TYPE_CHECKING:
    from flows.services import Services

log = get_logger(__name__)
Tell = Callable[[Note], Awaitable[None]]
NOTED_EVERY = 20
"""Pages after which what was answered is noted, so that a kill has little asked again."""
_TOLD_EVERY = 1.0
_WEEK = timedelta(days=7)
_USUAL = 480
"""Bars before a page that its spikes are measured by."""
_PASSED_ON = (FeedDownError, FeedRefusedError, BadRequestError, BadBarsError)
"""What makes the next source be asked."""


class Fetched(Frozen):
    """Output of the fetch: each source's answer, the last of them the one that was taken."""

    answers: tuple[SourceAnswer, ...]
    source: str = ""


@dataclass
class _Load:
    """A load under way: one stretch of one source."""

    candidate: Candidate
    start: datetime
    end: datetime
    at: datetime
    begun: float = field(default_factory=time.monotonic)
    cursor: datetime | None = None
    pages: int = 0
    bars: int = 0
    added: int = 0
    withheld: int = 0
    first: datetime | None = None
    last: datetime | None = None
    before: float | None = None
    number: int = 0
    notes: list[str] = field(default_factory=list)

    def row(self, run_id: str, status: LoadStatus, error: str = "") -> LoadRun:
        """Return what is kept of it."""
        return LoadRun(
            load_id=self.number, run_id=run_id, source=self.candidate.name,
            symbol=self.candidate.symbol.symbol,
            source_symbol=self.candidate.symbol.name, timeframe=self.candidate.timeframe,
            asked_start=self.start, asked_end=self.end, covered_until=self.cursor,
            first=self.first, last=self.last, bars=self.bars, added=self.added,
            withheld=self.withheld, pages=self.pages, status=status, error=error[:500],
            at=self.at, seconds=round(time.monotonic() - self.begun, 3),
        )  # fmt: skip


async def fetch(plan: Plan, services: "Services", run_id: str, tell: Tell) -> Fetched:
    """Ask the plan's sources one after the other until one has given all.

    A source whose bars are held is not followed by another: their prices would mix.

    Raises
    ------
    FeedDownError, FeedRefusedError, BadBarsError, BadRequestError
        A source broke off; what came is kept, and the same request goes on there.
    NoBarsError
        None could: each with its reason.
    """
    answers: list[SourceAnswer] = []
    for candidate in plan.candidates:
        answer, failure = await _from(candidate, plan, services, run_id, tell)
        if failure is not None and await _gave(candidate, plan, services):
            raise _broke_off(answer, failure) from failure
        answers.append(answer)
        if failure is None and (answer.bars or not answer.stretches):
            return Fetched(answers=tuple(answers), source=candidate.name)
        log.warning("source_passed_over", source=candidate.name, error=answer.error)
    empty = next((answer for answer in answers if not answer.error), None)
    if empty is not None:
        return Fetched(answers=tuple(answers), source=empty.source)
    told = "; ".join(f"{answer.title}: {answer.error}" for answer in answers)
    raise NoBarsError(f"No source could give bars of {plan.symbol}. {told}", symbol=plan.symbol)


async def _gave(candidate: Candidate, plan: Plan, services: "Services") -> bool:
    """Tell whether bars of this source are held."""
    holdings = await services.bars.holdings()
    return any(h.symbol == plan.symbol and candidate.name in h.sources for h in holdings)


def _broke_off(answer: SourceAnswer, failure: AppError) -> AppError:
    """Return the failure with what became of the bars that came before it."""
    text = (
        f"{answer.title} broke off after {answer.bars:,} bars: {failure.user_text} "
        "What came is kept; a rerun goes on there."
    )
    kind = type(failure)
    if issubclass(kind, FeedDownError | FeedRefusedError | BadBarsError):
        return kind(text, **failure.facts)
    return FeedRefusedError(text)


async def _from(
    candidate: Candidate, plan: Plan, services: "Services", run_id: str, tell: Tell
) -> tuple[SourceAnswer, AppError | None]:
    """Ask one source for what is missing; return its answer, and what made it break off."""
    stretches = await plan.missing(candidate, services)
    loads: list[_Load] = []
    failed: AppError | None = None
    try:
        for start, end in stretches:
            loads.append(_Load(candidate, start, end, services.clock()))
            progress = _Progress(tell, _long(stretches[: len(loads) - 1]), _long(stretches))
            await _load(loads[-1], plan, services, run_id, progress)
    except _PASSED_ON as failure:
        failed = failure
    answer = SourceAnswer(
        source=candidate.name, title=candidate.source.card.title, name=candidate.symbol.name,
        timeframe=candidate.timeframe, start=plan.start, end=plan.end, stretches=len(stretches),
        pages=sum(one.pages for one in loads), bars=sum(one.bars for one in loads),
        added=sum(one.added for one in loads), withheld=sum(one.withheld for one in loads),
        covered_until=loads[-1].cursor if loads else None,
        seconds=round(time.monotonic() - loads[0].begun, 3) if loads else 0.0,
        error=failed.user_text if failed else "",
        notes=tuple(dict.fromkeys(n for one in loads for n in one.notes)),
    )  # fmt: skip
    return answer, failed


class _Progress:
    """Tells how far a source is, about once a second."""

    def __init__(self, tell: Tell, done: timedelta, whole: timedelta) -> None:
        self._tell, self._done, self._whole = tell, done, whole
        self._told = 0.0

    async def at(self, load: _Load) -> None:
        """Tell it, unless it was told just now."""
        if time.monotonic() - self._told < _TOLD_EVERY or load.cursor is None:
            return
        self._told = time.monotonic()
        share = (self._done + (load.cursor - load.start)) / self._whole
        title = load.candidate.source.card.title
        text = f"{title}: {load.bars:,} bars, up to {load.cursor:%Y-%m-%d}"
        await self._tell(Note(min(share, 1.0), text))


def _long(stretches: list[Stretch]) -> timedelta:
    return sum((end - start for start, end in stretches), timedelta())


async def _load(
    load: _Load, plan: Plan, services: "Services", run_id: str, progress: _Progress
) -> None:
    """Bring one stretch in; however it ends, what was answered is noted."""
    status, error = LoadStatus.FAILED, ""
    load.before = await _close_before(load, plan, services)
    await _note(load, services, run_id, LoadStatus.PARTIAL)
    try:
        while (load.cursor or load.start) < load.end:
            if not await _page(load, plan, services):
                break  # nothing behind this is final yet
            await progress.at(load)
            if load.pages % NOTED_EVERY == 0:
                await _note(load, services, run_id, LoadStatus.PARTIAL)
        whole = load.cursor is not None and load.cursor >= load.end
        status = LoadStatus.DONE if whole else LoadStatus.PARTIAL
    except AppError as failure:
        error = failure.user_text
        raise
    except asyncio.CancelledError:
        error = "stopped"
        raise
    finally:
        if error and load.cursor is not None:
            status = LoadStatus.PARTIAL
        await asyncio.shield(_note(load, services, run_id, status, error))


async def _note(
    load: _Load, services: "Services", run_id: str, status: LoadStatus, error: str = ""
) -> None:
    """Keep how far a load is: one row, written when it begins."""
    load.number = (await services.loads.note(load.row(run_id, status, error))).load_id


async def _close_before(load: _Load, plan: Plan, services: "Services") -> float | None:
    """Return the close of the newest bar held in the week before a stretch."""
    held = await _bars_before(load.start, load, plan, services)
    return float(held["close"].iloc[-1]) if held is not None and len(held) else None


async def _page(load: _Load, plan: Plan, services: "Services") -> bool:
    """Take one page in; False if the source has nothing final behind the cursor."""
    candidate = load.candidate
    cursor = load.cursor or load.start
    page = await candidate.source.page(
        candidate.symbol, candidate.timeframe, cursor, load.end, services.clock()
    )
    if page.covered_until <= cursor:
        return False
    await _keep(load, page, cursor, plan, services)
    load.pages += 1
    load.cursor = page.covered_until
    load.notes.extend(page.notes)
    return True


async def _bars_before(
    cursor: datetime, load: _Load, plan: Plan, services: "Services"
) -> pd.DataFrame | None:
    """Return the bars of the week before a page, at most so many as tell what is usual."""
    if plan.over_synthetic:
        return None
    timeframe = load.candidate.timeframe
    return (await services.bars.read(plan.symbol, timeframe, cursor - _WEEK, cursor)).tail(_USUAL)


async def _keep(
    load: _Load, page: Page, cursor: datetime, plan: Plan, services: "Services"
) -> None:
    """Merge what can be believed of a page; what can't goes to quarantine."""
    if page.bars.empty:
        return
    symbol, timeframe = plan.symbol, load.candidate.timeframe
    if load.before is not None and leaps(page.bars, load.before):
        raise BadBarsError(
            f"{load.candidate.source.card.title}'s {load.candidate.symbol.name} is at "
            f"{page.bars['open'].iloc[0]:g} where {load.before:g} was held before it: a split, or "
            "another market under that name? None of it was kept."
        )
    held = await services.bars.read(symbol, timeframe, cursor, page.covered_until)
    if plan.over_synthetic:
        held = held.iloc[:0]
    now = services.clock()
    before = await _bars_before(cursor, load, plan, services)
    kept, withheld = await asyncio.to_thread(
        judged, page.bars, held, plan.instrument, timeframe,
        source=load.candidate.name, now=now, before=before,
    )  # fmt: skip
    load.bars += len(page.bars)
    load.withheld += len(withheld)
    if withheld:
        await services.quarantine.withhold(withheld)
    if len(kept):
        added, _ = await services.bars.merge(
            symbol, timeframe, kept, source=load.candidate.name, now=now
        )
        load.added += added
        load.first = load.first or kept["open_time"].iloc[0].to_pydatetime()
        load.last = kept["open_time"].iloc[-1].to_pydatetime()
        load.before = float(kept["close"].iloc[-1])
