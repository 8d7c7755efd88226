"""Hand-made M5 days in Berlin time: a 100–110 range from 08:00 to 09:00, then what a test says."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from pipeline.domain.bars import bar_frame
from pipeline.domain.market import Timeframe

BERLIN = ZoneInfo("Europe/Berlin")
QUIET = (105.0, 106.0, 104.0, 105.0)
"""Open, high, low, close of a bar in the middle of the range."""

Told = dict[str, tuple[float, float, float, float] | None]


def berlin_day(
    day: str, told: Told, *, start: str = "07:30", end: str = "12:30", spread: float = 0.0
) -> pd.DataFrame:
    """Return M5 bars of one day: quiet, but 08:00 spans 100–110; `told` overrides by HH:MM.

    A bar told as None is missing. `day` is a Berlin date.
    """
    at = datetime.fromisoformat(f"{day}T{start}").replace(tzinfo=BERLIN)
    until = datetime.fromisoformat(f"{day}T{end}").replace(tzinfo=BERLIN)
    rows: list[tuple[datetime, tuple[float, ...]]] = []
    while at < until:
        wall = at.strftime("%H:%M")
        prices = (105.0, 110.0, 100.0, 105.0) if wall == "08:00" else QUIET
        if wall in told:
            given = told[wall]
            prices = given if given is not None else ()
        if prices:
            rows.append((at.astimezone(UTC), prices))
        at += timedelta(minutes=5)
    times = pd.DatetimeIndex([t for t, _ in rows])
    array = np.array([p for _, p in rows], dtype="float64")
    return bar_frame(times, Timeframe.M5, array, spread=np.full(len(rows), spread))


def berlin_days(days: dict[str, Told], **kind: object) -> pd.DataFrame:
    """Return several such days in one frame."""
    frames = [berlin_day(day, told, **kind) for day, told in days.items()]  # type: ignore[arg-type]
    return pd.concat(frames, ignore_index=True)


def walls(times: pd.Series) -> list[str]:
    """Return times as HH:MM in Berlin."""
    return times.dt.tz_convert(BERLIN).dt.strftime("%H:%M").tolist()
