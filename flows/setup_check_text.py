"""A checked setup as lines of text, for the chat and the command line."""

from flows.setup_check import Checked

_WIDTH = 34


def check_lines(checked: Checked) -> list[str]:
    """Return what a setup would have done, warnings last."""
    spec = checked.spec
    lines = [f"{spec.setup_id} reads well: {spec.title}"]
    if checked.tried is not None:
        lines.append(
            f"Tried on {checked.symbol} {checked.timeframe}, {checked.first} – {checked.last}: "
            f"{checked.tried.signals} signals on {checked.tried.days} trading days"
        )
        lines += ["", "Events a day, cases that passed a day, days reached:"]
        for row in checked.tried.rows:
            seen = "    –" if row.seen_a_day is None else f"{row.seen_a_day:5.1f}"
            title = row.title if len(row.title) <= _WIDTH else f"{row.title[: _WIDTH - 1]}…"
            lines.append(f"  {seen} {row.cases_a_day:6.2f} {row.days:4d}  {title}")
    lines += [f"! {warning}" for warning in checked.warnings]
    if checked.version is None:
        lines.append("This very text is in your library already.")
    return lines
