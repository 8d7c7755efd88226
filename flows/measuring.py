"""What flows tell of themselves in figures: scans, signals, runs, what waits to be done."""

import asyncio
import math
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.live import DecisionKind, LiveScanReport, LiveSignal
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Run, RunStatus
from storage import metrics
from storage.telemetry import get_logger

log = get_logger(__name__)

LOOK_EVERY: Final = 15.0
"""Seconds between two looks at what waits."""
_MANY: Final = 1000


def measure_scan(report: LiveScanReport, closes: Mapping[str, datetime], now: datetime) -> None:
    """Tell a live scan: how long it took, how it went, how old each symbol's newest bar is."""
    if not metrics.are_on():
        return
    seconds = report.execution_time_sec
    metrics.SCAN_SECONDS.observe(seconds, timeframe=longest_closed(report.trigger_time))
    for step, spent in report.steps.items():
        metrics.SCAN_STEP_SECONDS.observe(spent, step=step)
    result = "ok" if not report.failed else "partial" if report.symbols_scanned else "failed"
    metrics.SCANS.add(result=result)
    for symbol, close in closes.items():
        metrics.FEED_LAG.set(max((now - close).total_seconds(), 0.0), symbol=symbol)


def longest_closed(moment: datetime) -> str:
    """Return the longest timeframe of which a bar closes at a minute (UTC)."""
    minute = 60 * moment.hour + moment.minute
    closed = [tf for tf in Timeframe if minute % (tf.delta.total_seconds() / 60) == 0]
    return max(closed, key=lambda tf: tf.delta).value


def measure_signal(record: LiveSignal) -> None:
    """Tell a new live signal: its decision, and what each model gave it."""
    if not metrics.are_on():
        return
    decision = record.decision.decision
    metrics.SIGNALS.add(decision=decision.value)
    if decision is DecisionKind.SUPPRESSED:
        metrics.SUPPRESSED.add()
    for version, score in record.scores.items():
        if math.isfinite(score):
            role = "champion" if version == record.model else "challenger"
            metrics.SCORE.observe(score, role=role)


def measure_run(run: Run, status: RunStatus, seconds: float) -> None:
    """Tell an attempt of a run that has ended."""
    metrics.RUNS.add(flow_type=run.flow_type, status=status.value)
    metrics.RUN_SECONDS.observe(seconds, flow_type=run.flow_type)


async def keep_measuring(services: Services) -> None:
    """Tell what waits in the database, until cancelled; ends at once where nobody asks."""
    while metrics.are_on():
        try:
            await measure_waiting(services)
        except AppError as error:
            log.warning("waiting_not_measured", error=error.user_text)
        await asyncio.sleep(LOOK_EVERY)


async def measure_waiting(services: Services) -> None:
    """Tell what chats are owed, and which runs wait."""
    owed, oldest, queued, running = await asyncio.gather(
        services.outbox.pending(),
        services.outbox.oldest(),
        services.runs.newest(_MANY, status=RunStatus.QUEUED),
        services.runs.newest(_MANY, status=RunStatus.RUNNING),
    )
    metrics.OWED.set(owed)
    age = 0.0 if oldest is None else (services.clock() - oldest).total_seconds()
    metrics.OWED_SECONDS.set(max(age, 0.0))
    waiting = Counter(priority_of(run) for run in queued)
    for priority in {*PRIORITIES, *waiting}:
        metrics.QUEUED.set(waiting[priority], priority=priority)
    metrics.RUNNING.set(len(running))


PRIORITIES: Final = ("1", "2", "3")


def priority_of(run: Run) -> str:
    """Return a run's priority as a label; 1 goes first."""
    return str(run.priority)
