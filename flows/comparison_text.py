"""A comparison in words, as chat and command line tell it."""

from collections import Counter
from collections.abc import Sequence

from pipeline.backtest.foundations import plain
from pipeline.domain.comparison import Cause, Comparison, FigurePair, LoneTrade, SettingPair
from pipeline.domain.report import Verdict
from pipeline.render.comparison_words import NAMES, difference_words, value_words

CAUSES = {
    Cause.OUTSIDE: "outside the other's period",
    Cause.UNFILLED: "signal there, order not filled",
    Cause.NO_SIGNAL: "no such signal there",
}
MISSED = {
    "EXPIRED": "expired",
    "VOID": "void",
    "INVALID": "stop or target on the wrong side",
    "BUSY": "another position or order was open",
    "NO_BARS": "no bar after it",
    "MAX_TRADES": "past max_trades",
    "SIZE": "smaller than the smallest size",
}
_FIELDS = {"setup_id": "setup", "start": "first day", "end": "last day"}


def verdict_words(found: Comparison) -> str:
    """Say whether the two can be told apart, by the interval of the total's difference."""
    total = next(pair for pair in found.figures if pair.name == "total_r")
    if found.matched and found.shared and not (found.unequal or found.only_one or found.only_two):
        return "The trades are the same in both."
    if found.shared_start is None:
        return "No day is covered by both: nothing can be paired."
    if found.verdict is Verdict.TOO_FEW:
        return f"Only {found.days} days with trades are covered by both: too few to tell."
    told = f"B − A in total {difference_words(total)} R over {found.days} days"
    if found.verdict is Verdict.OPEN:
        return f"They can't be told apart: {told}."
    better = "more" if found.verdict is Verdict.ABOVE else "less"
    return f"B made {better} than A, and not by chance alone: {told}. Past bars only."


def figure_words(pair: FigurePair) -> str:
    """Return one figure's line: A, B, and their difference where it could be paired."""
    line = f"{NAMES[pair.name]}: {value_words(pair, pair.one)} → {value_words(pair, pair.two)}"
    return line if pair.difference is None else f"{line}, B − A {difference_words(pair)}"


def setting_words(pair: SettingPair) -> str:
    """Return one line of what differs."""
    field = _FIELDS.get(pair.field, pair.field.replace("_", " "))
    if pair.field.startswith("rules: "):
        field = pair.field
    if pair.field.startswith("the "):
        return f"{pair.field} differ" if pair.field.endswith("s") else f"{pair.field} differs"
    return f"{field}: {plain(pair.one)} → {plain(pair.two)}"


def trade_counts(found: Comparison) -> list[str]:
    """Return how many trades are in both, and in one only with the causes."""
    if not found.matched:
        return ["Different symbols: no trade of one can be one of the other."]
    unequal = f" ({found.unequal:,} with another result)" if found.unequal else ""
    lines = [f"In both: {found.shared:,}{unequal}"]
    for name, alone in (("A", found.only_one), ("B", found.only_two)):
        causes = Counter(cause_words(trade) for trade in alone)
        why = "; ".join(f"{count:,} {words}" for words, count in causes.most_common())
        lines.append(f"Only in {name}: {len(alone):,}" + (f" ({why})" if why else ""))
    return lines


def cause_words(lone: LoneTrade) -> str:
    """Return why the other run doesn't have a trade."""
    if lone.reason:
        return f"{CAUSES[lone.cause]}: {MISSED.get(lone.reason, lone.reason.lower())}"
    return CAUSES[lone.cause]


def lone_lines(name: str, alone: Sequence[LoneTrade], most: int) -> list[str]:
    """Return a line for each of the first `most` trades that only run `name` has."""
    lines = [
        f"{name} {lone.trade.trade_id} {lone.trade.side.value} "
        f"{lone.trade.entry_time:%Y-%m-%d %H:%M} UTC {lone.trade.rr:+.2f} R, {cause_words(lone)}"
        for lone in alone[:most]
    ]
    return [*lines, f"{name}: {len(alone) - most:,} more"] if len(alone) > most else lines
