"""What past cases cost to compute, as functions that run in a computing process."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.data.clean import resample
from pipeline.domain.bars import fingerprint
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.signal import Signal
from pipeline.domain.trade import CostModel
from pipeline.setups.rules import SetupSpec

if TYPE_CHECKING:
    from pipeline.live.nearest import Near


@dataclass(frozen=True)
class CasesJob:
    """Setups to count on one symbol and trigger.

    `source` is the timeframe of the bars that are given. `rules`, by setup id: the fingerprint
    of all that cases are made of but bars.
    """

    symbol: str
    trigger: Timeframe
    specs: tuple[SetupSpec, ...]
    source: Timeframe
    instrument: Instrument
    costs: CostModel
    rules: Mapping[str, str]
    news: pd.DataFrame | None


def count_cases(
    bars: pd.DataFrame, m1: pd.DataFrame | None, job: CasesJob, held: Mapping[str, str]
) -> dict[str, tuple[str, bytes]]:
    """Count the past cases of each setup, but those that are held from the very same.

    Parameters
    ----------
    bars, m1
        In `job.source`; M1 for drill-down, or None.
    held
        Setup id -> stamp of the cases that are kept already.

    Returns
    -------
    Setup id -> stamp, and the frame that is to be kept as parquet.
    """
    from pipeline.live.cases import frame_of_cases  # noqa: PLC0415
    from pipeline.live.counting import past_cases  # noqa: PLC0415

    data = fingerprint(bars)[:16] + ("" if m1 is None else fingerprint(m1)[:16])
    stamps = {spec.setup_id: f"{job.rules[spec.setup_id]}.{data}" for spec in job.specs}
    stale = [spec for spec in job.specs if held.get(spec.setup_id) != stamps[spec.setup_id]]
    if stale and job.source is not job.trigger:
        bars = resample(bars, job.source, job.trigger)
    found = {}
    for spec in stale:
        cases = past_cases(
            bars, job.trigger, spec, job.instrument, job.costs, m1=m1, news=job.news
        )
        file = io.BytesIO()
        frame_of_cases(cases).to_parquet(file, index=False, compression="zstd")
        found[spec.setup_id] = (stamps[spec.setup_id], file.getvalue())
    return found


def nearest_cases(
    kept: bytes, signal: Signal, zone: str, before: datetime, n: int
) -> "list[Near]":
    """Return the kept cases most like a signal, of those that had ended before a moment."""
    from pipeline.live.cases import cases_in  # noqa: PLC0415
    from pipeline.live.nearest import nearest  # noqa: PLC0415

    cases = cases_in(pd.read_parquet(io.BytesIO(kept)), before)
    return nearest(signal, cases, zone, before, n)
