"""The story of one scan: bars, setups, decisions, alerts; then what it leaves behind."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from flows.live_admission import Times, admit
from flows.live_board import Board, Progress
from flows.live_notices import tell_late
from flows.live_session import LiveSession, Post
from flows.measuring import measure_scan
from flows.outcomes import follow_signals
from pipeline.domain.bars import empty_bars
from pipeline.domain.errors import AppError
from pipeline.domain.live import (
    DecisionKind,
    Evaluation,
    LiveRequest,
    LiveScanReport,
    LiveSignal,
    ScanResult,
)
from pipeline.domain.market import Timeframe
from pipeline.live.scanning import Scanned
from storage.live_ports import Admission, ScanRecord
from storage.telemetry import get_logger, run_context
from storage.tracing import span

log = get_logger(__name__)
PIECE = 300
"""Bars that are gone through at a time, after a break."""
MOST_UNKEPT = 1500
"""Scans whose trail waits for the database to come back: a day of them."""


@dataclass
class Yield:
    """What one symbol brought in one scan."""

    bars: list[pd.DataFrame] = field(default_factory=list)
    admissions: list[Admission] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    until: datetime | None = None
    mark: datetime | None = None
    through: bool = False
    owed: int = 0


@dataclass
class Scan:
    """One scan under way."""

    request: LiveRequest
    session: LiveSession
    board: Board
    run_id: str
    until: datetime
    began: float = field(default_factory=time.perf_counter)
    brought: dict[str, Yield] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


async def run_live_scan(
    request: LiveRequest, session: LiveSession, board: Board | None = None
) -> LiveScanReport:
    """Scan every symbol at once and return the report; the alerts leave before the bookkeeping.

    A symbol that fails or is late is named in the report and holds up nobody. Ask again and what
    was not scanned is made up for; what was is not said twice.

    Raises
    ------
    FeedDownError
        The feed can't even be asked for the time.
    """
    await session.strike()
    posts = asked(request, session)
    until = session.market_now().replace(second=0, microsecond=0)
    run_id = f"live_{until:%Y_%m_%d_%H%M%S}"
    scan = Scan(request, session, board or Board(len(posts)), run_id, until)
    with run_context(run_id), span("scan", run_id=run_id, origin=session.origin):
        await asyncio.gather(*(_symbol(post, scan) for post in posts))
        report = report_of(scan)
        if session.live:
            closes = {post.symbol: post.mark for post in posts if post.mark is not None}
            measure_scan(report, closes, session.market_now())
        await say_late(scan)
        await keep(scan, report)
    return report


def asked(request: LiveRequest, session: LiveSession) -> list[Post]:
    """Return the seeded symbols that a request is about."""
    posts = [post for post in session.posts.values() if post.seeded]
    return [post for post in posts if not request.symbols or post.symbol in request.symbols]


async def _symbol(post: Post, scan: Scan) -> None:
    """Scan one symbol within its time; what goes wrong is its own."""
    limit = scan.session.services.settings.scan_symbol_seconds
    found = scan.brought[post.symbol] = Yield()
    with scan.board.symbol() as progress:
        why = ""
        try:
            why = await _through(post, scan, found, progress)
        except AppError as error:
            why = error.user_text
        except TimeoutError:
            why = f"not scanned within {limit:g} s"
        except Exception as error:
            log.exception("scan_failed", symbol=post.symbol)
            why = f"failed unexpectedly: {type(error).__name__}"
        if why:
            # Bars that were taken but not said are taken again, from the mark on.
            post.seeded = post.seeded and (found.through or not progress.began("detect"))
            scan.failed[post.symbol] = why
            log.warning("symbol_failed", symbol=post.symbol, error=why)


async def _through(post: Post, scan: Scan, found: Yield, progress: Progress) -> str:
    """Go through the new bars in pieces, each with its alerts; say so if some are left over.

    The time that a symbol may take ends before its signals are admitted: what was found is said.
    """
    limit = scan.session.services.settings.scan_symbol_seconds
    while True:
        found.through = False
        async with asyncio.timeout(limit):
            bars, data_at = await _load(post, scan)
            progress.done("load")
            whole = len(bars) < PIECE
            until = scan.until if whole else bars["close_time"].iloc[-1].to_pydatetime()
            paused = bool(scan.session.doubt)
            scanned = await scan.session.crew.advance(post.symbol, bars, until, paused=paused)
        times = Times(data_at, scan.session.services.clock())
        progress.done("detect")
        await _admitted(scanned, post, scan, found, times)
        _take(bars, scanned, post, found)
        found.until = until
        _tell_faults(post.symbol, scanned, scan)
        if whole:
            return ""
        if time.perf_counter() - scan.began > limit:
            return f"catching up: at {until:%Y-%m-%d %H:%M} UTC"


def _take(bars: pd.DataFrame, scanned: Sequence[Scanned], post: Post, found: Yield) -> None:
    """Note what is behind us: the mark is the last bar's close, not the clock.

    A minute without a bar may still get one, late; whoever goes on from the mark finds it new.
    """
    found.through = True
    found.evaluations += [e for close in scanned for e in close.evaluations]
    if len(bars):
        post.last_open = bars["open_time"].iloc[-1].to_pydatetime()
        post.mark = found.mark = bars["close_time"].iloc[-1].to_pydatetime()
        found.bars.append(bars)


def _tell_faults(symbol: str, scanned: Sequence[Scanned], scan: Scan) -> None:
    """Name the setups of a symbol that could not be asked; the others were."""
    for fault in dict.fromkeys(why for close in scanned for why in close.failed):
        log.error("setup_failed", symbol=symbol, fault=fault)
        scan.failed[symbol] = fault


async def _load(post: Post, scan: Scan) -> tuple[pd.DataFrame, datetime]:
    """Return the bars after the last one held, closed by the scan's time."""
    session = scan.session
    after = post.last_open or (post.mark or scan.until) - Timeframe.M1.delta
    bars = await session.feed.bars(post.symbol, after, session.moment(), limit=PIECE)
    bars = bars[bars["close_time"] <= scan.until]
    return bars.reset_index(drop=True), session.services.clock()


async def _admitted(
    scanned: Sequence[Scanned], post: Post, scan: Scan, found: Yield, times: Times
) -> None:
    """Admit every signal, in the order of closes."""
    for close in scanned:
        for why in close.featureless:
            log.error("features_failed", symbol=post.symbol, fault=why)
        for found_now, features in zip(close.signals, close.features, strict=True):
            bars = close.shown[found_now[0].tf]
            with span("alert", run_id=scan.run_id, symbol=post.symbol):
                admission, owed = await admit(
                    found_now, bars, post, scan.session, scan.run_id, times, features
                )
            found.admissions.append(admission)
            found.owed += owed


def report_of(scan: Scan) -> LiveScanReport:
    """Return what the scan did, as users script against it."""
    records = [a.record for y in scan.brought.values() for a in y.admissions if a.fresh]
    return LiveScanReport(
        run_id=scan.run_id,
        origin=scan.session.origin,
        trigger=scan.request.trigger,
        trigger_time=scan.until,
        execution_time_sec=round(time.perf_counter() - scan.began, 4),
        symbols_scanned=tuple(s for s, y in scan.brought.items() if y.until is not None),
        signals_found=len(records),
        signals_approved=sum(r.decision.decision == "approved" for r in records),
        notifications_sent=sum(y.owed for y in scan.brought.values()),
        results=tuple(result_of(record) for record in records),
        failed=scan.failed,
        paused=scan.session.doubt,
        steps=scan.board.seconds,
    )


def result_of(record: LiveSignal) -> ScanResult:
    """Return one signal of a scan in short."""
    s, decision = record.signal, record.decision
    return ScanResult(
        signal_id=record.signal_id,
        symbol=s.symbol,
        setup=s.setup_id,
        tf=s.tf,
        decision=decision.decision,
        confidence=s.confidence,
        ml_score=record.ml_score,
        reason="; ".join(decision.reasons),
        telegram_sent=decision.decision.alerts,
    )


async def say_late(scan: Scan) -> None:
    """Tell of late signals before the marks are written: what dies first finds them again."""
    admissions = [a for y in scan.brought.values() for a in y.admissions]
    late = [a.record for a in admissions if a.record.decision.decision is DecisionKind.LATE]
    try:
        await tell_late(late, scan.session)
    except AppError as error:
        log.warning("late_not_told", run_id=scan.run_id, error=error.user_text)


async def keep(scan: Scan, report: LiveScanReport) -> None:
    """Write down what the scan leaves behind, then look what became of earlier signals.

    Notes
    -----
    If this can't be kept, the alerts have left all the same; the symbols are scanned again from
    their kept marks after a restart, and nothing is said twice.
    """
    session, services = scan.session, scan.session.services
    brought = {s: y for s, y in scan.brought.items() if y.until is not None}
    record = ScanRecord(
        report=report,
        bars={s: joined(y.bars) for s, y in brought.items() if y.bars},
        scanned={s: y.mark for s, y in brought.items() if y.mark is not None},
        evaluations=[e for y in brought.values() for e in y.evaluations],
    )
    session.unkept.append(record)
    try:
        while session.unkept:
            await services.scans.record(session.unkept[0], services.clock())
            session.unkept.pop(0)
        await follow_signals(session.origin, record.scanned, services, now=services.clock())
    except AppError as error:
        log.warning("scan_not_kept", run_id=report.run_id, error=error.user_text)
        del session.unkept[:-MOST_UNKEPT]


def joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return bar frames one behind the other."""
    return pd.concat(parts, ignore_index=True) if parts else empty_bars()
