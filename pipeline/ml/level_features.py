"""Features of the prices that people look at: yesterday's extremes, the day's open, session edges.

Distances are in H1 ATR. `ahead` is how far a range's edge lies from the close in the trade's
direction, `behind` how far its other edge; negative: the edge has been passed.
"""

from pipeline.domain.market import Instrument
from pipeline.ml.feature_bars import Tail
from pipeline.ml.feature_moments import Span, asian_sessions, cash_session, roll_days
from pipeline.ml.market_features import Market, Values
from pipeline.ml.measures import mean, ratio

_DAYS_BACK = 8
_WHOLE_DAY = 7
"""H1 bars that a day must hold to count: a market of cash hours alone has eight or nine."""
_AVERAGED = 5


def levels(market: Market, instrument: Instrument) -> Values:
    """Return how far away the levels are, and how much of a day's range is gone."""
    today, *before = roll_days(market.signal.known_at, _DAYS_BACK)
    whole = _whole_days(market.h1, before)
    day, asia = _begun(market.recent, today), _asia(market)
    cash = _begun(market.recent, cash_session(instrument.cash_session, market.signal.known_at))
    yesterday = whole[0] if whole else None
    return {
        **_edges("previous_day", yesterday, market),
        **_edges("day", day, market),
        **_edges("asia", asia, market),
        **_edges("cash", cash, market),
        "day_open_distance": _from_open(day, market),
        "cash_open_distance": _from_open(cash, market),
        "day_gap": _gap(day, yesterday, market),
        "day_range_used": _range_used(day, whole),
    }


def _whole_days(h1: Tail | None, days: list[Span]) -> list[Tail]:
    """Return the bars of each day that is at hand whole and no stub, newest first."""
    if h1 is None:
        return []
    inside = [h1.between(d.start, d.end) for d in days if d.start >= h1.opened[0]]
    return [bars for bars in inside if len(bars) >= _WHOLE_DAY]


def _begun(recent: Tail | None, span: Span) -> Tail | None:
    """Return a span's bars so far; None: it has none yet, or its beginning is not at hand."""
    if recent is None or span.start < recent.opened[0]:
        return None
    bars = recent.between(span.start, span.end)
    return bars if len(bars) else None


def _asia(market: Market) -> Tail | None:
    """Return the bars of the last Asian session that is over and had any."""
    found = (_begun(market.recent, span) for span in asian_sessions(market.signal.known_at))
    return next((bars for bars in found if bars is not None), None)


def _edges(name: str, bars: Tail | None, market: Market) -> Values:
    if bars is None or market.close is None:
        return {f"{name}_ahead": None, f"{name}_behind": None}
    up, down = float(bars.high.max()) - market.close, market.close - float(bars.low.min())
    ahead, behind = (up, down) if market.side > 0 else (down, up)
    unit = market.h1_atr
    return {f"{name}_ahead": ratio(ahead, unit), f"{name}_behind": ratio(behind, unit)}


def _from_open(bars: Tail | None, market: Market) -> float | None:
    if bars is None or market.close is None:
        return None
    return ratio(market.side * (market.close - float(bars.open[0])), market.h1_atr)


def _gap(day: Tail | None, yesterday: Tail | None, market: Market) -> float | None:
    """Return the jump from the last whole day's close to the day's open, in the trade's way."""
    if day is None or yesterday is None:
        return None
    jump = float(day.open[0] - yesterday.close[-1])
    return ratio(market.side * jump, market.h1_atr)


def _range_used(bars: Tail | None, whole: list[Tail]) -> float | None:
    """Return a range over the mean range of the last five whole days."""
    if bars is None or len(whole) < _AVERAGED:
        return None
    usual = mean([_height(day) for day in whole[:_AVERAGED]])
    return ratio(_height(bars), usual)


def _height(bars: Tail) -> float:
    return float(bars.high.max() - bars.low.min())
