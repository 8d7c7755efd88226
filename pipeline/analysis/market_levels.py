"""Which prices matter at the newest close: inherited levels, openings, sessions, open zones."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import numpy as np

from pipeline.analysis.tool_answers import Tools
from pipeline.detectors.trading_days import trading_days
from pipeline.detectors.windows import local_windows
from pipeline.domain.analyze import MarketLevel, SessionSpan
from pipeline.domain.bars import BarColumns, bar_seconds, float_column
from pipeline.domain.events import Events
from pipeline.domain.market import SESSIONS, Instrument

SESSION_NAMES: Final[Mapping[str, str]] = {
    "asia": "Asia", "asia_new_york": "Asia (NY)", "frankfurt": "Frankfurt", "xetra": "Xetra",
    "london": "London", "new_york_fx": "New York", "new_york_cash": "NY cash",
}  # fmt: skip
ZONES_A_SIDE: Final = 2
"""So many open gaps, and so many order blocks, are told above the close and below it."""
_OPENINGS: Final = ("day", "week", "new_york_midnight")
_RANGES: Final = {"previous_day": ("PDL", "PDH"), "previous_week": ("PWL", "PWH")}
_ENDS: Final = {"gap": ("mitigated", "inverted", "expired"), "block": ("invalidated", "expired")}
_TITLES: Final = {"gap": {1: "Bullish gap", -1: "Bearish gap"},
                  "block": {1: "Bullish block", -1: "Bearish block"}}  # fmt: skip
_FEW: Final = 0.5


def sessions_of(instrument: Instrument) -> tuple[str, ...]:
    """Return the sessions that are told of an instrument, in the order of the day."""
    german = SESSIONS[instrument.cash_session].zone == "Europe/Berlin"
    american = "new_york_cash" if instrument.cash_session != "london" else "new_york_fx"
    first = ("asia", "frankfurt") if german or instrument.cash_session == "london" else ("asia",)
    return tuple(dict.fromkeys((*first, instrument.cash_session, american)))


def market_levels(
    bars: BarColumns, tools: Tools, sessions: tuple[SessionSpan, ...], atr: float | None
) -> tuple[MarketLevel, ...]:
    """Return the levels that matter at the last bar's close, highest first.

    Notes
    -----
    Whatever was not known at that close is not there: a session that still runs gives the
    extremes of its bars so far, a gap that was traded through or a block that was closed
    through is gone. Of zones the nearest `ZONES_A_SIDE` on each side are kept.
    """
    close = float(float_column(bars, "close")[-1])
    newest = _utc(int(bar_seconds(bars, "close_time")[-1]))
    found = [*_inherited(tools), *_openings(tools), *_of_sessions(sessions, newest)]
    found += _nearest(list(open_zones("gap", tools.gaps)), close)
    found += _nearest(list(open_zones("block", tools.blocks)), close)
    point = tools.instrument.point
    told = [_placed(level, close, point, atr) for level in found]
    return tuple(sorted(told, key=lambda one: (-one.price_high, -one.price_low, one.name)))


def sessions_now(bars: BarColumns, instrument: Instrument) -> tuple[SessionSpan, ...]:
    """Return each session's window that has begun on the last bar's trading day, and its range.

    A window without half of the bars' time it has had is left out: its extremes say nothing.
    """
    opened, closed = bar_seconds(bars, "open_time"), bar_seconds(bars, "close_time")
    high, low, at = float_column(bars, "high"), float_column(bars, "low"), int(closed[-1])
    days = trading_days(bars)
    today = int(days.windows.start[np.flatnonzero(days.behind > days.first)[-1]])
    found = []
    for name in sessions_of(instrument):
        session = SESSIONS[name]
        windows = local_windows(bars, session.zone, session.start, session.end)
        begun = np.flatnonzero((windows.start < at) & (windows.start >= today))
        if len(begun) == 0:
            continue
        start, end = int(windows.start[begun[-1]]), int(windows.end[begun[-1]])
        rows = slice(int(np.searchsorted(opened, start)),
                     int(np.searchsorted(closed, end, side="right")))  # fmt: skip
        covered = int((closed[rows] - opened[rows]).sum())
        if covered < _FEW * (min(end, at) - start) or rows.start >= rows.stop:
            continue
        found.append(
            SessionSpan(
                name=SESSION_NAMES[name],
                start=_utc(start),
                end=_utc(end),
                over=end <= at,
                price_low=float(low[rows].min()),
                price_high=float(high[rows].max()),
            )
        )
    return tuple(found)


def _inherited(tools: Tools) -> Iterator[MarketLevel]:
    for name, (low, high) in _RANGES.items():
        last = _last(tools.ranges[name])
        if last is not None and last["event"] == "formed":
            yield _level(low, "level", last, last["price_low"])
            yield _level(high, "level", last, last["price_high"])


def _openings(tools: Tools) -> Iterator[MarketLevel]:
    for of in _OPENINGS:
        last = _last(tools.openings[of])
        if last is not None and last["event"] == "formed":
            yield _level(last["level_name"], "level", last, last["price_low"])


def _of_sessions(sessions: tuple[SessionSpan, ...], newest: datetime) -> Iterator[MarketLevel]:
    for one in sessions:
        times = {"start": one.start, "known_at": min(one.end, newest)}
        for word, price in (("high", one.price_high), ("low", one.price_low)):
            name = f"{one.name} {word}" + ("" if one.over else " so far")
            yield MarketLevel(
                name=name, kind="session", price_low=price, price_high=price, **times
            )


def open_zones(kind: Literal["gap", "block"], events: Events) -> Iterator[MarketLevel]:
    """Return the gaps or order blocks that were born and have not ended, oldest first."""
    ended = set(events["zone_id"][events.rows(_ENDS[kind])].tolist())
    for row in events.rows(("formed",)).tolist():
        if int(events["zone_id"][row]) in ended:
            continue
        one = _row(events, row)
        yield MarketLevel(
            name=_TITLES[kind][one["side"]], kind=kind, side=one["side"],
            price_low=one["price_low"], price_high=one["price_high"],
            start=one["start"], known_at=one["known_at"],
        )  # fmt: skip


def _nearest(zones: list[MarketLevel], close: float) -> list[MarketLevel]:
    """Return the nearest zones above, below and around a price."""
    above = sorted((z for z in zones if z.price_low > close), key=lambda z: z.price_low)
    below = sorted((z for z in zones if z.price_high < close), key=lambda z: -z.price_high)
    around = [z for z in zones if z.price_low <= close <= z.price_high][-1:]
    return [*above[:ZONES_A_SIDE], *around, *below[:ZONES_A_SIDE]]


def _placed(level: MarketLevel, close: float, point: float, atr: float | None) -> MarketLevel:
    """Return a level with its distance from the close."""
    away = 0.0
    if level.price_low > close:
        away = level.price_low - close
    elif level.price_high < close:
        away = level.price_high - close
    told = {
        "distance_points": round(away / point, 4),
        "distance_atr": round(away / atr, 4) if atr else None,
    }
    return level.model_copy(update=told)


def _level(name: str, kind: Any, row: Mapping[str, Any], price: float) -> MarketLevel:
    return MarketLevel(
        name=name, kind=kind, price_low=price, price_high=price,
        start=row["start"], known_at=row["known_at"],
    )  # fmt: skip


def _last(events: Events) -> dict[str, Any] | None:
    return _row(events, len(events) - 1) if len(events) else None


def _row(events: Events, row: int) -> dict[str, Any]:
    """Return one event as plain values."""
    found: dict[str, Any] = {
        "event": str(events["event"][row]),
        "side": int(events.side[row]),
        "start": _utc(int(events.seconds("start")[row])),
        "known_at": _utc(int(events.seconds("known_at")[row])),
        "price_low": float(events["price_low"][row]),
        "price_high": float(events["price_high"][row]),
    }
    if "level_name" in events:
        found["level_name"] = str(events["level_name"][row])
    return found


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
