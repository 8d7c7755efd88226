"""What a verification computes, as functions that run in a computing process.

Like those of backtests they take paths of kept frames, and import kernels where they are used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flows.backtest_compute import Frozen
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.trade import CostModel
from pipeline.setups.rules import SetupSpec
from pipeline.verify.results import Check

if TYPE_CHECKING:
    from pipeline.verify.said import Said
    from pipeline.verify.subject import SetupSubject

WHOLE_CUTS = 8


@dataclass(frozen=True)
class VerifyJob:
    """What every check needs: the setup, where the run's frames lie, and how cuts are drawn."""

    spec: SetupSpec
    trigger: Timeframe
    instrument: Instrument
    costs: CostModel
    folder: Path
    warm: int
    cuts: int
    sessions: int
    seed: int


class Places(Frozen):
    """Where the checks look: rows of the bars."""

    near: tuple[int, ...]
    whole: tuple[int, ...]
    ends: tuple[int, ...]
    replayed: tuple[int, int]


def places(job: VerifyJob) -> Places:
    """Draw the rows that are looked at; the same seed draws the same."""
    from pipeline.verify.causality import drawn_rows  # noqa: PLC0415
    from pipeline.verify.replay import first_of_sessions  # noqa: PLC0415

    subject, bars, full = _opened(job)
    rng = np.random.default_rng(job.seed)
    near, whole, ends = (
        tuple(drawn_rows(full, bars, rng, n).tolist()) for n in (job.cuts, WHOLE_CUTS, job.cuts)
    )
    first = first_of_sessions(subject, bars, job.sessions)
    return Places(near=near, whole=whole, ends=ends, replayed=(first, len(bars)))


def prefixes(job: VerifyJob, cuts: Sequence[int]) -> Check:
    """Check some cuts within windows: the declared look-back before them and a day after."""
    from pipeline.verify.causality import prefix_invariance  # noqa: PLC0415
    from pipeline.verify.subject import SIGNALS  # noqa: PLC0415

    subject, bars, _ = _opened(job)
    day = 24 * 60 // job.trigger.minutes
    return prefix_invariance(subject, bars, cuts, subject.needs()[SIGNALS], day)


def whole_prefixes(job: VerifyJob, cuts: Sequence[int]) -> Check:
    """Check some cuts with all of history on both sides."""
    from pipeline.verify.causality import prefix_invariance  # noqa: PLC0415

    subject, bars, _ = _opened(job)
    return prefix_invariance(subject, bars, cuts, len(bars), len(bars))


def warm_up(job: VerifyJob, ends: Sequence[int]) -> Check:
    """Check the declared look-back at some bars."""
    from pipeline.verify.causality import warm_up_sufficiency  # noqa: PLC0415

    subject, bars, full = _opened(job)
    return warm_up_sufficiency(subject, bars, ends, full)


def replayed(job: VerifyJob, first: int, last: int) -> Check:
    """Feed bars [first, last) to the live path and hold it against the backtest."""
    from pipeline.verify.replay import replay  # noqa: PLC0415
    from pipeline.verify.subject import SIGNALS  # noqa: PLC0415

    subject, bars, full = _opened(job)
    return replay(subject, bars, full[SIGNALS], first, last)


def repeated(job: VerifyJob) -> Check:
    """Ask twice on the same bars."""
    from pipeline.verify.repeats import repeats  # noqa: PLC0415

    subject, bars, _ = _opened(job)
    return repeats(subject, bars)


def filled(job: VerifyJob) -> Check:
    """Judge the trades of a careful simulation by their bars."""
    from pipeline.setups.engine import detect, find_signals, frames_for  # noqa: PLC0415
    from pipeline.verify.filling import fills  # noqa: PLC0415

    subject, bars, _ = _opened(job)
    frames = frames_for(bars, job.trigger, job.spec)
    tools = detect(frames, job.spec, job.trigger, job.instrument)
    found = find_signals(frames, tools, job.spec, job.trigger, job.instrument, news=subject.news)
    return fills(found.plans, bars, job.instrument, job.costs, job.trigger)


def counted(job: VerifyJob) -> Check:
    """Count signals in the period, without the look-back before it."""
    from pipeline.verify.counts import counts  # noqa: PLC0415

    _, bars, full = _opened(job)
    return counts(job.spec, bars, job.warm, full)


def _opened(job: VerifyJob) -> "tuple[SetupSubject, pd.DataFrame, dict[str, Said]]":
    """Return subject, bars and what it says of all of them; a child keeps those of one run."""
    from pipeline.verify.subject import SetupSubject  # noqa: PLC0415

    path = job.folder / "bars.parquet"
    key = (str(path), path.stat().st_mtime_ns)
    if key not in _kept:
        bars = pd.read_parquet(path)
        news = job.folder / "news.parquet"
        subject = SetupSubject(
            job.spec, job.trigger, job.instrument, pd.read_parquet(news) if news.exists() else None
        )
        _kept.clear()
        _kept[key] = (subject, bars, subject.said(bars))
    return _kept[key]


_kept: "dict[tuple[str, int], tuple[SetupSubject, pd.DataFrame, dict[str, Said]]]" = {}
