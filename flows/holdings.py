"""Which held bars answer a request, and how what is held is told to people."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from pipeline.domain.market import Timeframe
from pipeline.domain.report import Holding


def usable(holdings: Sequence[Holding], timeframe: Timeframe) -> list[Holding]:
    """Return the holdings of one symbol that give bars of the timeframe: it or shorter ones."""
    return [h for h in holdings if Timeframe(h.timeframe).minutes <= timeframe.minutes]


def first_usable(holdings: Sequence[Holding], choices: Sequence[Timeframe]) -> Timeframe:
    """Return the first of `choices` that holdings of one symbol give; the first if none does."""
    return next((t for t in choices if usable(holdings, t)), choices[0])


def best_holding(
    holdings: Sequence[Holding], timeframe: Timeframe, start: datetime, end: datetime
) -> Holding | None:
    """Return the holding that covers most of [start, end), or None if none overlaps.

    Of equals the longest timeframe wins, so the asked-for one itself before all.
    """
    best, best_rank = None, (timedelta(0), 0)
    for holding in usable(holdings, timeframe):
        covered = min(holding.last, end) - max(holding.first, start)
        # A day more or less is the edge of a timeframe's bins, not a better coverage.
        whole_days = timedelta(days=round(covered / timedelta(days=1)))
        rank = (whole_days, Timeframe(holding.timeframe).minutes)
        if covered > timedelta(0) and rank > best_rank:
            best, best_rank = holding, rank
    return best


def days_held(holdings: Sequence[Holding]) -> dict[str, tuple[date, date]]:
    """Return the first and last day held of each symbol, whatever the timeframe."""
    days: dict[str, tuple[date, date]] = {}
    for h in holdings:
        first, last = days.get(h.symbol, (h.first.date(), h.last.date()))
        days[h.symbol] = min(first, h.first.date()), max(last, h.last.date())
    return days


def held_text(holdings: Sequence[Holding]) -> str:
    """Say what is held of a symbol in one sentence."""
    if not holdings:
        return "Nothing is held of it; import a file first."
    parts = (f"{h.timeframe} {h.first.date()} – {h.last.date()}" for h in holdings)
    return f"Held: {', '.join(parts)}."
