"""How bars in quarantine read, in the chat and on the command line."""

from collections import Counter

from flows.quarantine_desk import Group, Settled, Waiting
from pipeline.domain.source import WithheldBar

SHOWN = 4
"""Bars that are shown of each symbol and timeframe."""
GROUPS_SHOWN = 8


def waiting_lines(found: Waiting) -> list[str]:
    """Return the first line, then what was done and what waits."""
    done = [] if found.settled is None else settled_lines(found.settled)
    count = sum(len(group.bars) for group in found.groups)
    about = f" of {found.symbol}" if found.symbol else ""
    if not count:
        return [*done, f"No bars{about} wait in quarantine."]
    are = "bar waits" if count == 1 else "bars wait"
    told = [f"{count:,} {are}{about} in quarantine; none is used until an owner accepts it"]
    for group in found.groups[:GROUPS_SHOWN]:
        told += group_lines(group)
    left = len(found.groups) - GROUPS_SHOWN
    return [*done, *told, *([f"… and {left} more symbols or timeframes"] if left > 0 else [])]


def group_lines(group: Group) -> list[str]:
    """Return what waits of one symbol and timeframe."""
    kinds = Counter(bar.kind.value.replace("_", " ") for bar in group.bars)
    counted = ", ".join(f"{n:,} {kind}" for kind, n in kinds.most_common())
    left = len(group.bars) - SHOWN
    return [
        f"{group.symbol} {group.timeframe}: {counted}",
        *(bar_line(bar) for bar in group.bars[:SHOWN]),
        *([f"… and {left:,} more"] if left > 0 else []),
    ]


def bar_line(bar: WithheldBar) -> str:
    """Return one bar: its prices, those that are held, and why it waits."""
    held = f"; held {_prices(bar.held)}" if bar.held else ""
    when = f"{bar.open_time:%Y-%m-%d %H:%M} UTC"
    return f"• {when} {bar.source} {_prices(bar.prices)}{held}: {bar.reason}"


def settled_lines(done: Settled) -> list[str]:
    """Return what a decision changed."""
    about = f"{done.symbol} {done.timeframe}"
    if not done.settled:
        return [f"{about}: somebody else decided on these bars just now."]
    count = f"{done.settled:,} bar{'s' * (done.settled != 1)}"
    if done.verdict == "discarded":
        told = [f"{about}: {count} discarded; the bars held stay as they are."]
    else:
        told = [f"{about}: {count} accepted: {done.added:,} added, {done.replaced:,} replaced."]
        told.append("Backtests over this period give other results from now on.")
    if done.older:
        told.append(f"{done.older:,} older versions of the same bars were discarded.")
    return told


def _prices(prices: tuple[float, float, float, float]) -> str:
    return " ".join(f"{price:g}" if abs(price) < 1e5 else f"{price:.2f}" for price in prices)  # noqa: PLR2004
