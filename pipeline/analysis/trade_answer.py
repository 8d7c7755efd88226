"""Answers to typed questions over a run's trades, computed from its trades.csv alone."""

import io
import math
from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from pipeline.analysis.trade_query import (
    EXITS,
    SESSION_WORDS,
    TOO_FEW,
    USUAL,
    WEEKDAYS,
    TradeQuery,
)
from pipeline.backtest.metrics import drawdown, longest_run, profit_factor, wilson
from pipeline.domain.errors import DataError
from pipeline.domain.market import SESSIONS
from pipeline.domain.report import Interval

_NEEDED: Final = ("trade_id", "entry_time", "exit_time", "exit_reason", "pnl", "rr", "side")
_Z: Final = 1.96
_NATURAL: Final[dict[str, Sequence[Any]]] = {
    "weekday": WEEKDAYS, "side": ("long", "short"), "exit_reason": EXITS,
    "session": SESSION_WORDS,
}  # fmt: skip


class GroupFigures(BaseModel):
    """What is told of one group of trades; what was not asked for, or can't be said, is None.

    `expectancy` is the mean R with its 95 % interval of ±1.96 standard errors (below
    two trades the bounds are the mean itself). `drawdown` is in R, of the group's own trades in
    the order of their exits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    count: int
    too_few: bool
    win_rate: Interval | None = None
    expectancy: Interval | None = None
    total_r: float | None = None
    profit_factor: float | None = None
    drawdown: float | None = None
    longest_losing_run: int | None = None


class TradeLine(BaseModel):
    """One trade of a list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trade_id: str
    entered: str
    side: str
    exit_reason: str
    rr: float


class TradeTable(BaseModel):
    """The computed answer to one query: groups, or single trades."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: TradeQuery
    zone: str
    matched: int
    of: int
    groups: tuple[GroupFigures, ...] = ()
    trades: tuple[TradeLine, ...] = ()


def read_trades(csv: bytes) -> pd.DataFrame:
    """Return the trades of a run's trades.csv; times are UTC.

    Raises
    ------
    DataError
        It lacks a column, or can't be read.
    """
    try:
        frame = pd.read_csv(io.BytesIO(csv), dtype={"trade_id": str})
        missing = [name for name in _NEEDED if name not in frame]
        if missing:
            raise DataError(f"The trades lack {', '.join(missing)}.")
        for name in ("entry_time", "exit_time"):
            frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
        frame = frame.astype({"rr": "float64", "pnl": "float64"})
    except ValueError as error:
        raise DataError("The trades of this run can't be read.") from error
    return frame


def answer_query(query: TradeQuery, trades: pd.DataFrame, zone: str) -> TradeTable:
    """Compute the answer to one query over all trades of a run.

    Parameters
    ----------
    trades
        As `read_trades` gives them.
    zone
        IANA zone of weekdays, hours, months and years.

    Notes
    -----
    A win is net R above zero; the profit factor is of money, as in the report. Best and worst of
    groups are by expectancy, groups of fewer than `TOO_FEW` trades last.
    """
    marked = _marked(trades, zone)
    kept = marked[_fits(query, marked)]
    told = {"query": query, "zone": zone, "matched": len(kept), "of": len(trades)}
    if query.rows == "trades":
        return TradeTable(**told, trades=_lines(query, kept))
    names = query.figures or USUAL
    if query.group_by == "none":
        groups = [_figures("all", kept, names)]
    else:
        groups = [
            _figures(str(label), kept[kept[query.group_by] == label], names)
            for label in _labels(query.group_by, kept)
        ]
    return TradeTable(**told, groups=tuple(_ranked(groups, query, kept)))


def _marked(trades: pd.DataFrame, zone: str) -> pd.DataFrame:
    """Return the trades with what they can be grouped by."""
    local = trades["entry_time"].dt.tz_convert(ZoneInfo(zone))
    side = trades["side"].astype(str).str.lower()
    return trades.assign(
        weekday=[WEEKDAYS[day] for day in local.dt.day_of_week],
        hour=local.dt.hour.map("{:02d}:00".format),
        month=local.dt.strftime("%Y-%m"),
        year=local.dt.strftime("%Y"),
        side=side,
        session=sessions_of(trades["entry_time"]),
        clock=local.dt.hour,
        month_number=local.dt.month,
        year_number=local.dt.year,
    )


def sessions_of(moments: pd.Series) -> np.ndarray:
    """Return the session that is open at each moment; of several the one that opened last."""
    found = np.full(len(moments), "other", dtype=object)
    since = np.full(len(moments), np.inf)  # minutes since that session opened
    for name in SESSION_WORDS[:-1]:
        session = SESSIONS[name]
        local = moments.dt.tz_convert(session.zone)
        minute = (local.dt.hour * 60 + local.dt.minute).to_numpy(dtype="float64")
        first, behind = (each.hour * 60 + each.minute for each in (session.start, session.end))
        later = (minute >= first) & (minute < behind) & (minute - first < since)
        found[later], since[later] = name, (minute - first)[later]
    return found


def _fits(query: TradeQuery, marked: pd.DataFrame) -> pd.Series:
    fits = pd.Series(data=True, index=marked.index, dtype="bool")
    filters: tuple[tuple[str, Sequence[Any]], ...] = (
        ("weekday", query.weekdays), ("clock", query.hours), ("month_number", query.months),
        ("year_number", query.years), ("side", query.sides),
        ("exit_reason", query.exit_reasons), ("session", query.sessions),
    )  # fmt: skip
    for column, wanted in filters:
        if wanted:
            fits &= marked[column].isin(list(wanted))
    if query.outcome != "any":
        won = marked["rr"] > 0
        fits &= won if query.outcome == "win" else ~won
    return fits


def _labels(group: str, kept: pd.DataFrame) -> list[Any]:
    present = set(kept[group])
    known = [label for label in _NATURAL.get(group, ()) if label in present]
    return [*known, *sorted(present - set(known))]


def _figures(label: str, trades: pd.DataFrame, names: Sequence[str]) -> GroupFigures:
    ordered = trades.sort_values(["exit_time", "trade_id"], kind="stable")
    rr, pnl = (ordered[name].to_numpy(dtype="float64") for name in ("rr", "pnl"))
    won, n = rr > 0, len(rr)
    found: dict[str, Any] = {}
    if "win_rate" in names:
        found["win_rate"] = wilson(int(won.sum()), n)
    if "expectancy" in names and n:
        found["expectancy"] = _mean(rr)
    if "total_r" in names:
        found["total_r"] = float(rr.sum())
    if "profit_factor" in names:
        found["profit_factor"] = profit_factor(pnl)
    if "drawdown" in names:
        found["drawdown"] = drawdown(rr)
    if "longest_losing_run" in names:
        found["longest_losing_run"] = longest_run(~won)
    return GroupFigures(label=label, count=n, too_few=n < TOO_FEW, **found)


def _mean(rr: np.ndarray) -> Interval:
    mean = float(rr.mean())
    half = _Z * float(rr.std(ddof=1)) / math.sqrt(len(rr)) if len(rr) > 1 else 0.0
    return Interval(value=mean, low=mean - half, high=mean + half)


def _ranked(
    groups: list[GroupFigures], query: TradeQuery, kept: pd.DataFrame
) -> list[GroupFigures]:
    """Return the groups in the order asked for, and as many."""
    if query.order != "natural" and query.group_by != "none":
        means = kept.groupby(query.group_by)["rr"].mean()
        sign = -1 if query.order == "best" else 1
        groups = sorted(groups, key=lambda g: (g.too_few, sign * float(means[g.label])))
    return groups[: query.top] if query.top else groups


def _lines(query: TradeQuery, kept: pd.DataFrame) -> tuple[TradeLine, ...]:
    ordered = kept.sort_values(["entry_time", "trade_id"], kind="stable")
    if query.order != "natural":
        ordered = ordered.sort_values("rr", ascending=query.order == "worst", kind="stable")
    return tuple(
        TradeLine(
            trade_id=str(row.trade_id), entered=f"{row.entry_time:%Y-%m-%d %H:%M}Z",
            side=str(row.side), exit_reason=str(row.exit_reason), rr=float(row.rr),
        )
        for row in ordered.head(query.top or 10).itertuples()
    )  # fmt: skip
