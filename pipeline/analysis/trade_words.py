"""Computed answers over trades as lines of text."""

from pipeline.analysis.trade_answer import GroupFigures, TradeTable
from pipeline.analysis.trade_query import TOO_FEW, asked_words
from pipeline.domain.report import Interval

TOO_FEW_WORDS = "too few trades"


def table_lines(table: TradeTable) -> list[str]:
    """Return how it was asked, then a line for each group or trade."""
    lines = [f"Asked as: {asked_words(table.query, table.zone)}"]
    if table.matched == 0:
        return [*lines, f"None of the {table.of} trades fits."]
    if table.query.rows == "trades":
        lines += [
            f"{one.trade_id}  {one.entered}  {one.side}  {one.exit_reason}  {one.rr:+.2f} R"
            for one in table.trades
        ]
    else:
        lines += [group_line(group) for group in table.groups]
    if table.matched < table.of:
        lines.append(f"{table.matched} of {table.of} trades looked at.")
    if any(group.too_few for group in table.groups):
        lines.append(f"Groups of fewer than {TOO_FEW} trades say nothing.")
    return lines


def group_line(group: GroupFigures) -> str:
    """Return one group: its number of trades always, intervals beside rates and means."""
    parts = [f"{group.count} {'trade' if group.count == 1 else 'trades'}"]
    if group.too_few:
        parts.append(TOO_FEW_WORDS)
    if group.win_rate is not None:
        parts.append(f"won {group.win_rate.value:.0%} {_span(group.win_rate, percent=True)}")
    if group.expectancy is not None:
        span = f" {_span(group.expectancy)}" if group.count > 1 else ""
        parts.append(f"{group.expectancy.value:+.2f} R each{span}")
    if group.total_r is not None:
        parts.append(f"total {group.total_r:+.2f} R")
    if group.profit_factor is not None:
        parts.append(f"PF {group.profit_factor:.2f}")
    if group.drawdown is not None:
        parts.append(f"drawdown {group.drawdown:.2f} R")
    if group.longest_losing_run is not None:
        parts.append(f"longest losing run {group.longest_losing_run}")
    return f"{group.label}: {' · '.join(parts)}"


def _span(interval: Interval, *, percent: bool = False) -> str:
    if percent:
        return f"({interval.low:.0%} – {interval.high:.0%})"
    return f"({interval.low:+.2f} to {interval.high:+.2f})"
