"""The steps of a parity certificate: read the trail, compare symbol by symbol, draw."""

from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from flows import parity_compute as compute
from flows.backtest_compute import Frozen, Look, Sample
from flows.inspecting_compute import draw_on
from flows.market_bars import bars_around
from flows.parity_bars import parity_day
from flows.parity_trail import MINUTE, Trail, WatchedSymbol, scans_of, trail_of, watched
from flows.research_report import Desk, Drawn
from flows.services import Services
from flows.tasks import Note, Runner, SkipTaskError
from pipeline.domain.bars import epoch_seconds
from pipeline.domain.errors import AppError
from pipeline.domain.live import LIVE
from pipeline.domain.market import Timeframe
from pipeline.domain.replay import ReplayRequest
from pipeline.live.certificate import (
    Compared,
    Line,
    ParityRequest,
    Scans,
    SymbolCompared,
    explained,
)
from pipeline.live.parity_day import ParityDay
from pipeline.setups.rules import SetupSpec
from storage.telemetry import get_logger

log = get_logger(__name__)
_DAY = timedelta(days=1)
_BEFORE, _AFTER = 160, 80


class Recorded(Frozen):
    """Output of trail: what was watched in (start, end]."""

    start: datetime
    end: datetime
    symbols: tuple[WatchedSymbol, ...]
    sources: dict[str, Timeframe]


class Comparison(Frozen):
    """Output of comparison. `unwatched`: signals of setups nobody watched when they were known."""

    symbols: tuple[SymbolCompared, ...]
    lines: tuple[Line, ...]
    unwatched: int
    scans: Scans
    failed: dict[str, str]
    notes: tuple[str, ...]


def period_of(first: date, last: date) -> tuple[datetime, datetime]:
    """Return whole UTC days as the (start, end] of closes."""
    start = datetime.combine(first, time(), UTC)
    return start, datetime.combine(last, time(), UTC) + _DAY


async def read_trail(request: ParityRequest, services: Services) -> Recorded:
    """Find what was watched; nothing recorded is no failure."""
    start, end = await _span(request, services)
    replay = await _replay(request.origin, services)
    trail = await trail_of(request.origin, start, end, services)
    symbols = [
        symbol
        for symbol in await services.scans.symbols(request.origin)
        if request.symbol in (None, symbol)
    ]
    specs = await _specs(request, end, replay, services)
    found = await watched(trail, symbols, specs, services)
    sources = dict(replay.sources) if replay is not None else {}
    return Recorded(start=start, end=end, symbols=tuple(found), sources=sources)


async def _span(request: ParityRequest, services: Services) -> tuple[datetime, datetime]:
    replay = await _replay(request.origin, services)
    if replay is not None and request.start is None:
        return replay.span()
    assert request.start is not None  # noqa: S101  (START has filled it in)
    assert request.end is not None  # noqa: S101
    return period_of(request.start, request.end)


async def _replay(origin: str, services: Services) -> ReplayRequest | None:
    if origin == LIVE:
        return None
    run = await services.runs.get(origin)
    return None if run is None else ReplayRequest.model_validate(run.request)


async def _specs(
    request: ParityRequest, end: datetime, replay: ReplayRequest | None, services: Services
) -> list[SetupSpec]:
    """Return the setups in the versions of that time."""
    pinned = {} if replay is None else dict(replay.extra.get("rule_versions", {}))
    if not pinned:
        for spec in await services.setups.active():
            versions = await services.setups.versions(spec.setup_id)
            then = [v for v in versions if v.at <= end and v.status == "active"]
            newest = max(then, key=lambda v: v.at, default=None)
            pinned[spec.setup_id] = newest.rule_version if newest else spec.rule_version
    return [
        await services.setups.get(setup_id, version)
        for setup_id, version in pinned.items()
        if request.setup_id in (None, setup_id)
    ]


async def compare_all(
    request: ParityRequest, recorded: Recorded, services: Services, runner: Runner
) -> Comparison:
    """Compare symbol by symbol; one that can't be is named and hinders no other."""
    trail = await trail_of(request.origin, recorded.start, recorded.end, services)
    done: list[SymbolCompared] = []
    lines: list[Line] = []
    failed: dict[str, str] = {}
    notes: list[str] = []
    minutes: set[int] = set()
    unwatched = 0
    for number, symbol in enumerate(recorded.symbols):
        if number:
            await runner.tell(Note(number / len(recorded.symbols), symbol.symbol))
        try:
            day, mind = await _day(request, symbol, recorded, services)
            compared = await services.cpu.run(compute.compare_day, day)
        except AppError as error:
            log.warning("symbol_not_compared", symbol=symbol.symbol, error=str(error))
            failed[symbol.symbol] = error.user_text
            continue
        told, apart = await _lines(compared, symbol, trail, services)
        lines += told
        unwatched += apart
        done.append(compared)
        notes += [*([mind] if mind else []), *compared.notes]
        minutes |= _minutes(day)
    closes = [datetime.fromtimestamp(second, UTC) for second in sorted(minutes)]
    return Comparison(
        symbols=tuple(done),
        lines=tuple(sorted(lines, key=lambda line: line.known_at)),
        unwatched=unwatched,
        scans=scans_of(trail, closes),
        failed=failed,
        notes=tuple(notes),
    )


async def _day(
    request: ParityRequest, symbol: WatchedSymbol, recorded: Recorded, services: Services
) -> tuple[ParityDay, str]:
    specs = {s.setup_id: await services.setups.get(s.setup_id, s.rule_version)
             for s in symbol.setups}  # fmt: skip
    return await parity_day(request.origin, symbol, specs, recorded.sources, services)


def _minutes(day: ParityDay) -> set[int]:
    """Return the closes of minutes that had a bar, as epoch seconds."""
    parts = [day.seen, *([] if day.held is None else [day.held])]
    closes = np.concatenate([epoch_seconds(part["close_time"]) for part in parts])
    last = day.end.timestamp()
    return {int(close) for close in closes if close <= last}


async def _lines(
    compared: SymbolCompared, symbol: WatchedSymbol, trail: Trail, services: Services
) -> tuple[list[Line], int]:
    """Return the differences with their causes, and how many were not watched."""
    setups = {(setup.setup_id, setup.tf): setup for setup in symbol.setups}
    lines, apart = [], 0
    for one in compared.signals:
        if one.identical:
            continue
        line = explained(one, await trail.facts(one, setups[one.setup_id, one.tf], services))
        if line is None:
            apart += 1
        else:
            lines.append(line)
    return lines, apart


async def draw_first(
    request: ParityRequest, comparison: Comparison, desk: Desk, services: Services
) -> Drawn:
    """Draw the first difference on the bars that are held, or were seen."""
    found = _first(comparison)
    if found is None or found.shown is None:
        raise SkipTaskError("there is no difference to draw")
    signal, plan = found.shown
    span = (
        signal.known_at - _BEFORE * signal.tf.delta - 3 * _DAY,
        signal.known_at + _AFTER * signal.tf.delta + MINUTE,
    )
    bars = await bars_around(signal.symbol, signal.tf, span, services, request.origin)
    settings = services.settings
    look = Look(settings.chart_theme, desk.run.run_id, settings.timezone, bars.synthetic)
    instrument = await services.instruments.get(signal.symbol)
    sample = Sample(signal, plan, None)
    picture = await services.cpu.run(draw_on, bars, sample, instrument, look, signal.tf)
    line = next(
        line
        for line in comparison.lines
        if (line.known_at, line.setup_id, line.tf, line.side)
        == (found.known_at, found.setup_id, found.tf, found.side)
    )
    caption = f"{line.what}; {line.cause}: {line.because}"
    return Drawn(pictures=(await desk.picture("_difference.png", picture, caption),))


def _first(comparison: Comparison) -> Compared | None:
    """Return what the first line is about."""
    if not comparison.lines:
        return None
    line = comparison.lines[0]
    return next(
        (
            one
            for symbol in comparison.symbols
            for one in symbol.signals
            if (one.symbol, one.setup_id, one.tf, one.side, one.known_at)
            == (line.symbol, line.setup_id, line.tf, line.side, line.known_at)
        ),
        None,
    )
