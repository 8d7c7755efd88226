"""The QA card: what makes a result suspect before anybody reads its figures."""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from pipeline.domain.qa import Check, EntryHours, QaCard, Verdict
from pipeline.domain.trade import ExitReason, Trade

ENOUGH = 100
"""Trades from which on a mean of R begins to mean something; fewer want a look."""
ALIKE = 0.95
"""Share of one kind of exit from which on a person should look."""
TOLERATED = 0.05
"""Share of trades outside of the hours, or over holes, above which the result fails."""
_NAMED, _KEPT = 3, 20
_FEWEST = 10  # trades (or days) below which their shape says nothing
_EXIT_WORDS = {
    ExitReason.TP: "at the target",
    ExitReason.SL: "at the stop",
    ExitReason.BE: "at break-even",
    ExitReason.TIME: "by time",
    ExitReason.SESSION_END: "by the hour",
}
_BY_CLOCK = (ExitReason.TIME, ExitReason.SESSION_END)


def qa_card(
    trades: Sequence[Trade], *, fewest: int, hours: EntryHours, holes: np.ndarray
) -> QaCard:
    """Return the seven checks of a result.

    Parameters
    ----------
    trades
        The trades of one run; none give a card whose first check fails.
    fewest
        Fewer trades than this fail.
    hours
        When the setup may enter and by when it is flat.
    holes
        Gaps in the bars inside market hours: int64 epoch seconds, rows [start, end), sorted.
    """
    results = [t.rr for t in trades]
    return QaCard(
        checks=(
            _enough(len(trades), fewest),
            _duplicates(trades),
            _inside_hours(trades, hours),
            _exits(trades),
            _carried("best_trade", "Weight of the best trade", "trade", results),
            _carried("best_day", "Weight of the best day", "day", _by_day(trades)),
            _gaps(trades, holes),
        )
    )


def _enough(count: int, fewest: int) -> Check:
    name, title, figure = "trades", "Number of trades", str(count)
    if count < fewest:
        sentence = f"Fewer than {fewest} trades prove nothing either way."
        return _check(name, title, Verdict.FAIL, figure, sentence)
    if count < ENOUGH:
        sentence = f"Under {ENOUGH} trades the mean is still mostly chance: mind its interval."
        return _check(name, title, Verdict.LOOK, figure, sentence)
    return _check(name, title, Verdict.PASSED, figure, "Enough for a mean with an interval.")


def _duplicates(trades: Sequence[Trade]) -> Check:
    name, title = "duplicates", "Repeated trades"
    tickets = Counter(
        (t.side, t.entry_time, t.entry_price, t.sl_price, t.tp_price) for t in trades
    )
    signals = Counter(t.signal_id for t in trades)
    twice = max(tickets.total() - len(tickets), signals.total() - len(signals))
    if twice:
        sentence = "The same ticket was counted more than once: the figures are inflated."
        return _check(name, title, Verdict.FAIL, str(twice), sentence)
    together = len(trades) - len({(t.side, t.entry_time) for t in trades})
    if together:
        sentence = "Trades of one side that began in the same bar: they are one bet, not several."
        return _check(name, title, Verdict.LOOK, str(together), sentence)
    return _check(name, title, Verdict.PASSED, "0", "Every trade is another one.")


def _inside_hours(trades: Sequence[Trade], hours: EntryHours) -> Check:
    name, title = "hours", "Trading hours"
    if hours.first is None and hours.last is None and hours.flat is None:
        return _check(name, title, Verdict.PASSED, "0", "The setup names no hours.")
    outside = [t.trade_id for t in trades if not _keeps(t, hours)]
    if outside:
        sentence = f"Outside of the setup's hours ({_hours_told(hours)})"
        return _some(name, title, outside, len(trades), sentence)
    return _check(name, title, Verdict.PASSED, "0", f"All inside: {_hours_told(hours)}.")


def _keeps(trade: Trade, hours: EntryHours) -> bool:
    zone = ZoneInfo(hours.zone)
    entry, leave = trade.entry_time.astimezone(zone), trade.exit_time.astimezone(zone)
    if hours.first is not None and entry.time() < hours.first:
        return False
    if hours.last is not None and entry.time() > hours.last:
        return False
    same_day = entry.date() == leave.date()
    return hours.flat is None or (same_day and leave.time() <= hours.flat)


def _hours_told(hours: EntryHours) -> str:
    told = (("entry from", hours.first), ("entry until", hours.last), ("flat by", hours.flat))
    return ", ".join(f"{word} {clock:%H:%M}" for word, clock in told if clock) + f" {hours.zone}"


def _exits(trades: Sequence[Trade]) -> Check:
    name, title = "exits", "Kinds of exit"
    if len(trades) < _FEWEST:
        return _check(name, title, Verdict.PASSED, "–", "Too few trades to judge their exits.")
    (reason, count), *_ = Counter(t.exit_reason for t in trades).most_common(1)
    share = count / len(trades)
    figure = f"{share:.0%} {reason.value.replace('_', ' ')}"
    if share < ALIKE:
        return _check(name, title, Verdict.PASSED, figure, "Trades end in different ways.")
    never = "stop and target hardly ever decide" if reason in _BY_CLOCK else "nothing else happens"
    sentence = f"{count} of {len(trades)} trades ended {_EXIT_WORDS[reason]}: {never}."
    return _check(name, title, Verdict.FAIL if share == 1 else Verdict.LOOK, figure, sentence)


def _by_day(trades: Sequence[Trade]) -> list[float]:
    sums: dict[date, float] = {}
    for trade in trades:
        day = trade.entry_time.date()
        sums[day] = sums.get(day, 0.0) + trade.rr
    return list(sums.values())


def _carried(name: str, title: str, noun: str, results: list[float]) -> Check:
    """Judge whether one part makes the profit.

    A profit within the noise of the other parts (one standard deviation of their sum) is no
    profit that anything could carry: taking the best away from a break-even always leaves a loss.
    """
    if len(results) < _FEWEST:
        return _check(name, title, Verdict.PASSED, "–", f"Too few {noun}s to judge.")
    total, best = sum(results), max(results)
    others = sorted(results)[:-1]
    noise = float(np.std(others)) * math.sqrt(len(results))
    figure = f"{best:+.1f} of {total:+.1f} R"
    if total <= noise:
        sentence = "There is no profit beyond chance that anything could carry."
        return _check(name, title, Verdict.PASSED, figure, sentence)
    rest = total - best
    left = f"Without the best {noun}, {rest:+.1f} R are left of {total:+.1f} R"
    if rest <= 0:
        return _check(name, title, Verdict.FAIL, figure, f"{left}: it makes the whole profit.")
    if rest < total / 2:
        return _check(name, title, Verdict.LOOK, figure, f"{left}: it makes most of the profit.")
    return _check(name, title, Verdict.PASSED, figure, f"{left}.")


def _gaps(trades: Sequence[Trade], holes: np.ndarray) -> Check:
    name, title = "gaps", "Holes in the bars under trades"
    entered = np.array([t.entry_time.timestamp() for t in trades])
    left = np.array([t.exit_time.timestamp() for t in trades])
    # A hole lies under a trade if it ends after the entry and starts before the exit.
    started = np.searchsorted(holes[:, 0], left, side="left")
    ended = np.searchsorted(holes[:, 1], entered, side="right")
    over = [t.trade_id for t, held in zip(trades, started > ended, strict=True) if held]
    if not over:
        return _check(
            name, title, Verdict.PASSED, "0", "The bars are whole while trades are open."
        )
    sentence = (
        "Bars are missing inside market hours while trades were open: stop or target may have "
        "been passed unseen"
    )
    return _some(name, title, over, len(trades), sentence)


def _some(name: str, title: str, ids: list[str], of: int, sentence: str) -> Check:
    """Return a check that some trades didn't pass: a look while they are few, else a failure."""
    shown = ", ".join(ids[:_NAMED]) + (" …" if len(ids) > _NAMED else "")
    verdict = Verdict.FAIL if len(ids) > TOLERATED * of else Verdict.LOOK
    check = _check(name, title, verdict, str(len(ids)), f"{sentence}: {shown}.")
    return check.model_copy(update={"trades": tuple(ids[:_KEPT])})


def _check(name: str, title: str, verdict: Verdict, figure: str, sentence: str) -> Check:
    return Check(name=name, title=title, verdict=verdict, figure=figure, sentence=sentence)
