"""How often a setup and its tools speak, against what is plausible."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.setups.model import SetupSpec
from pipeline.verify.results import Check, Difference
from pipeline.verify.said import Said
from pipeline.verify.subject import SIGNALS, local_days

SIDES = ("per 100 days", "plausible")
STARVED = 5.0
"""Signals per 100 days below which a rule is starved: less than one in 20 days."""

FEW_DAYS = 40
"""Days below which a count proves little."""

_SHORT_DAY = 0.5


def trading_days(bars: pd.DataFrame, zone: str) -> int:
    """Return the local days with bars; those with less than half of the usual don't count."""
    if bars.empty:
        return 0
    _, per_day = np.unique(local_days(bars, zone), return_counts=True)
    return int((per_day >= _SHORT_DAY * np.median(per_day)).sum())


def plausible_range(spec: SetupSpec) -> tuple[float, float]:
    """Return least and most signals in 100 days: the setup's own, else starved to two sides a day.

    No setup can give more than its limit per side and day allows.
    """
    if spec.expected is not None:
        return spec.expected.signals_per_100_days
    return STARVED, 200.0 * spec.limits.per_side_and_day


def counts(spec: SetupSpec, bars: pd.DataFrame, first: int, said: Mapping[str, Said]) -> Check:
    """Compare signals per 100 days from row `first` on with the setup's plausible range.

    Outside a range that the setup itself declares is a failure; outside the general one, with
    a variant switched on, or on few days, it is worth a look. So is a tool without an event.
    """
    period = bars[first:]
    days = trading_days(period, spec.zone)
    since = period["close_time"].iloc[:1].to_numpy(dtype="datetime64[us]")
    count = len(said[SIGNALS].since(since[0])) if len(since) else 0
    rate = 100.0 * count / days if days else 0.0
    low, high = plausible_range(spec)
    silent = [name for name, part in said.items() if name != SIGNALS and not len(part)]
    inside = low <= rate <= high
    declared = spec.expected is not None and not spec.use and days >= FEW_DAYS
    verdict = "passed" if inside and days >= FEW_DAYS and not silent else "look"
    wrong = Difference(
        at=None, what=SIGNALS, field="signals per 100 days", left=f"{rate:.0f}",
        right=f"{low:g} to {high:g}",
    )  # fmt: skip
    return Check(
        name="counts",
        verdict="failed" if declared and not inside else verdict,
        compared=count,
        sides=SIDES,
        difference=None if inside else wrong,
        figures={"signals": count, "days": days, "per_100_days": round(rate, 1)},
        note=_note(days, silent),
    )


def _note(days: int, silent: list[str]) -> str:
    if days < FEW_DAYS:
        return f"only {days} days: too few to judge a count"
    return f"nothing was said by: {', '.join(silent)}" if silent else ""
