"""A run told again: what is kept is used while its foundations hold, and its trades are compared.

A completed run's first result stays as it is; later attempts are held against it.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flows import backtest_steps as steps
from flows import provenance
from flows.backtest_compute import Found, Tested
from flows.backtest_steps import Ingested, Job
from flows.kept_results import kept_of, provenance_path, read_kept, trades_path
from pipeline.backtest.foundations import changes
from pipeline.domain.comparison import RunFacts
from pipeline.domain.errors import DataError
from storage.telemetry import get_logger

log = get_logger(__name__)


@dataclass(frozen=True)
class FirstTime:
    """What the archive keeps of a run's first result, which later attempts never touch."""

    origin: dict[str, Any]
    trades: bytes


@dataclass(frozen=True)
class Again:
    """How an attempt began: the first result if there is one, and what of earlier ones is kept."""

    first: FirstTime | None
    kept: bool
    notes: tuple[str, ...]


async def begun_again(job: Job) -> tuple[Job, Again]:
    """Return the job as this attempt keeps its results, and what it can be held against.

    A result of an earlier attempt stays where it is: this one's files carry its number.
    """
    first = await _first_time(job)
    if first is not None:
        job = replace(job, kept_as=f"{job.run.run_id}_a{job.run.attempt}")
    notes = await fit_kept(job)
    return job, Again(first, job.state.kept("data_ingest", Ingested) is not None, notes)


async def _first_time(job: Job) -> FirstTime | None:
    if job.run.attempt == 1:
        return None
    archive, run_id = job.services.archive, job.run.run_id
    held = {artifact.path for artifact in await archive.of_run(run_id)}
    paths = provenance_path(run_id), trades_path(run_id)
    if not held.issuperset(paths):
        return None
    try:
        origin, trades = [await archive.get(path) for path in paths]
        return FirstTime(json.loads(origin), trades)
    except DataError as error:
        log.warning("first_result_lost", run_id=run_id, error=error.user_text)
        return FirstTime({}, b"")


async def fit_kept(job: Job) -> tuple[str, ...]:
    """Forget kept outputs whose foundations have changed; return what to note in the report."""
    before = job.run.provenance
    if not before or job.state.kept("data_ingest", Ingested) is None:
        return ()
    loaded = await steps.load_bars(job)
    now = provenance.provenance(job, loaded.ingested, job.services.clock())
    changed = changes(before, now)
    if not changed:
        return ("Kept results were used: nothing that they rest on has changed.",)
    await asyncio.to_thread(job.state.clear)
    words = ", ".join(changed)
    return (f"Everything was computed anew: since the attempt before {words} changed.",)


async def retold(
    job: Job, again: Again, origin: dict[str, Any], found: Found, tested: Tested
) -> tuple[str, ...]:
    """Return what to note in the report: what was kept, what changed, which trades differ."""
    first = again.first
    if first is None:
        return again.notes
    changed = changes(first.origin, origin) if first.origin else []
    words = ""
    if first.origin.get("trades_hash") != origin["trades_hash"]:
        try:
            words = await job.services.cpu.run(
                differing_words, facts_of_job(job, origin), first.trades, found, tested
            )
        except ValueError as error:
            log.warning("first_result_unread", run_id=job.run.run_id, error=str(error)[:200])
            return (*again.notes, "The first result can't be read; it was not compared.")
    return (_compared(job, words, changed, len(tested.trades), kept=again.kept),)


def _compared(job: Job, words: str, changed: Sequence[str], count: int, *, kept: bool) -> str:
    """Return the one line that a comparison with the first time comes to."""
    trades = f"{count:,} trade" if count == 1 else f"{count:,} trades"
    if words and changed:
        return f"{_since(changed)}: {words}."
    if words:
        log.error("not_repeatable", run_id=job.run.run_id, differing=words)
        return f"Nothing that is recorded has changed since the first time, and yet {words}."
    if changed:
        return f"{_since(changed)}; the trades are identical all the same: {trades}."
    how = "Kept results were used" if kept else "Computed anew from the bars held now"
    return f"{how}: identical to the first time, {trades}."


def _since(changed: Sequence[str]) -> str:
    return f"Since the first time {', '.join(changed)} changed"


def facts_of_job(job: Job, origin: dict[str, Any]) -> RunFacts:
    """Return what a job tests, on the days of its provenance."""
    start, end = origin["data_range"]
    return RunFacts(
        run_id=job.run.run_id,
        setup_id=job.spec.setup_id,
        rule_version=job.spec.rule_version,
        symbol=job.request.symbol,
        timeframe=job.request.timeframe.value,
        start=start,
        end=end,
    )


def differing_words(facts: RunFacts, first: bytes, found: Found, tested: Tested) -> str:
    """Return how many trades differ from the first time's, in words; empty: none.

    In a computing process.

    Raises
    ------
    ValueError
        The first result can't be read.
    """
    from pipeline.backtest.comparison import repetition  # noqa: PLC0415  (see backtest_compute)

    now = kept_of(facts, [*tested.trades], [*found.signals], [*tested.missed])
    told = repetition(read_kept(facts, first), now)
    if not told.differing:
        return ""
    parts = [(told.gone, "gone"), (told.new, "new"), (told.altered, "altered")]
    why = ", ".join(f"{count:,} {word}" for count, word in parts if count)
    differ = "1 trade differs" if told.differing == 1 else f"{told.differing:,} trades differ"
    return f"{differ} from the {told.first:,} of the first time ({why})"
