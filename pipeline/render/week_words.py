"""How a week of signals is put into words, on its picture and beside it."""

from datetime import datetime

from pipeline.live.weekly import ENOUGH, Fate, Group, Promise, Sum, WeekCard
from pipeline.render.window import local
from pipeline.render.words import count, signed, total_words

TITLES: dict[Fate, str] = {
    "approved": "Approved, on paper",
    "rejected": "Rejected",
    "unanswered": "Not answered",
    "below": "Below the gate",
    "suppressed": "Suppressed by the cooldown",
    "late": "Late",
}
TOO_FEW = "too few to tell"


def title_words(card: WeekCard, zone: str, now: datetime) -> str:
    """Return which week it is, by the day it ends."""
    end = local(card.end, zone)
    words = f"Week to {end:%a} {end.day} {end:%b %Y}"
    return words if now >= card.end else f"{words}, so far"


def counts_words(card: WeekCard) -> str:
    """Return how many signals, trades, and how many live on."""
    words = f"{count(card.signals, 'signal')}, {count(card.trades, 'trade')}"
    return f"{words}, {card.running} still running" if card.running else words


def sum_words(total: Sum) -> str:
    """Return trades, mean with its standard error, and whether that tells anything."""
    if total.mean is None:
        return "no trade"
    words = f"{count(total.trades, 'trade')}, mean {mean_words(total)} R"
    return words if total.enough else f"{words}, {TOO_FEW}"


def mean_words(total: Sum) -> str:
    """Return a mean with its standard error; empty without trades."""
    if total.mean is None:
        return ""
    return signed(total.mean) + ("" if total.se is None else f" ± {total.se:.2f}")


def effect_words(group: Group) -> str:
    """Return what a rejection saved or cost; of other groups nothing."""
    if group.fate != "rejected" or not group.sum.trades:
        return ""
    done = "cost" if group.sum.total > 0 else "saved"
    return f"{done} {total_words(abs(group.sum.total)).lstrip('+')} R"


def promise_words(promise: Promise) -> str:
    """Return what confidence promised and what came; empty without trades."""
    if promise.rate is None or promise.promised is None:
        return ""
    came = f"target {promise.reached} of {promise.trades}, {promise.rate:.0%}"
    se = f" ± {promise.se:.0%}" if promise.se else ""
    score = "" if promise.score is None else f", score {promise.score:.2f}"
    words = f"confidence {promise.promised:.2f}{score}; {came}{se}"
    return words if promise.trades >= ENOUGH else f"{words}, {TOO_FEW}"


def group_line(group: Group) -> str:
    """Return a group in one line."""
    effect = effect_words(group)
    made = f"{total_words(group.sum.total)} R, " if group.sum.trades else ""
    line = f"{TITLES[group.fate]} ({group.signals}): {made}{sum_words(group.sum)}"
    return f"{line}; {effect}" if effect else line


def lines_of(card: WeekCard) -> list[str]:
    """Return the card in lines: the groups, what deciding took, what was promised."""
    lines = [group_line(group) for group in card.groups]
    if card.at_once.trades:
        lines.append(f"The approved ones taken at once: {total_words(card.at_once.total)} R")
    promise = promise_words(card.promise)
    return [*lines, *([f"All filled: {promise}"] if promise else [])]
