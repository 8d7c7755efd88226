"""How a signal reads in the chat: the alert's caption, its state as it lives, its keyboard."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from aiogram.types import InlineKeyboardMarkup
from aiogram.utils.formatting import Bold, Code, Text, TextLink

from bot import keyboards_alert
from bot.caption import Part, clock, day_and_clock, ranked, short, signed
from bot.layout import CAPTION_LIMIT, MESSAGE_LIMIT, View
from bot.texts import en_alert as en
from bot.texts import en_journal
from bot.ticket_words import Prices
from flows.tickets import TICKET_OVER
from pipeline.domain.live import (
    LIVE,
    TICK,
    AlertSent,
    Answer,
    DecisionKind,
    Life,
    LifeState,
    LiveSignal,
    Similar,
)
from pipeline.domain.market import Instrument
from pipeline.domain.signal import TraceStep

WORD: Final = 48  # characters of a name that a line shows
SENTENCE: Final = 180
_URL: Final = re.compile(r"https?://[^\s]{1,300}$")
_NOTHING: Final = timedelta(0)
_FIGURES: Final = 3  # of a step, besides its prices
_NEAR: Final = 0.1

# Ranks: the ticket itself (0) always stays; what is cut first has the highest.
_STATE, _WHY, _CASES, _TERMS, _LINK, _RECEIPT, _SAID, _TRACE, _AIR = range(1, 10)


def alert(
    record: LiveSignal,
    thing: Instrument | None,
    sent: AlertSent | None = None,
    *,
    photo: bool = True,
) -> View:
    """Return a signal as it stands now: caption (or text) and buttons.

    Parameters
    ----------
    thing
        Digits and points of its symbol; None: prices as they are, no points.
    sent
        Where and when Telegram took the alert; None: not yet, so the receipt lacks its last step.
    photo
        Whether it stands under a picture, where there is less room.
    """
    prices = Prices(record.signal, record.plan, thing)
    parts = [
        Part(0, Bold(headline(record))),
        Part(0, what(record)),
        Part(_AIR, ""),
        *(Part(0, line) for line in prices.ticket()),
        Part(_AIR, ""),
        *(Part(_STATE, line) for line in state_lines(record, prices)),
        *(Part(_STATE, line) for line in answer_lines(record.answer)),
        *(Part(_STATE, line) for line in ticket_lines(record)),
        *_paper(record, prices),
        *_why(record),
        Part(_STATE, Text(f"{en.CLOSED_AT} ", day_and_clock(record.signal.known_at))),
        *(Part(_TERMS, line) for line in prices.limits()),
        *_said(record.extra),
        Part(_AIR, ""),
        Part(0, _ids(record)),
        Part(_RECEIPT, receipt(record, sent)),
        *_trace(record, prices),
    ]
    limit = CAPTION_LIMIT if photo else MESSAGE_LIMIT
    return ranked(parts, keyboard(record, prices), limit=limit, more=en.MORE_STEPS)


def outcome(record: LiveSignal, thing: Instrument | None) -> View:
    """Return what became of a signal, in reply to its alert."""
    prices = Prices(record.signal, record.plan, thing)
    (state,) = _life(record.life, prices)
    replay = [Bold(f"{en.REPLAY} · ")] if record.origin != LIVE else []
    parts = [
        Part(0, Text(*replay, state)),
        Part(0, what(record)),
        *_paper(record, prices),
        *(Part(_WHY, line) for line in answer_lines(record.answer)),
        Part(0, Code(short(record.signal_id, WORD))),
    ]
    return ranked(parts)


def headline(record: LiveSignal) -> str:
    """Return what kind of message it is; a replay is never taken for the market."""
    words = [en.REPLAY] if record.origin != LIVE else []
    if record.extra.get("synthetic"):
        words.append(en.SYNTHETIC)
    return " · ".join([*words, en.KINDS[record.decision.decision]])


def keyboard(record: LiveSignal, prices: Prices) -> InlineKeyboardMarkup:
    """Return the buttons: an answer while the ticket is open, else what became of it."""
    said = answered(record)
    if said:
        return keyboards_alert.ended_ticket(record.signal_id, said, prices.to_copy())
    return keyboards_alert.open_ticket(record.signal_id, record.ticket, prices.to_copy())


def answered(record: LiveSignal) -> str:
    """Return what ended the ticket, as short as a button is wide; empty: it is open."""
    if record.answer is not None:
        mark = "✓" if record.answer.choice == "approved" else "✗"
        return f"{mark} {en.ANSWERS[record.answer.choice]} by {short(record.answer.name, 24)}"
    if record.life.state.ended:
        return en.STATES[record.life.state]
    return en.TICKET_OVER if record.extra.get(TICKET_OVER) else ""


def what(record: LiveSignal) -> Text:
    """Return side, symbol, timeframe and setup in one line."""
    s = record.signal
    version = short(s.rule_version.removeprefix("v"), 12)
    return Text(
        Bold(f"{s.side.value.upper()} {short(s.symbol, WORD)} {s.tf.value}"),
        f" · {short(s.setup_id, WORD)} v{version}",
    )


def state_lines(record: LiveSignal, prices: Prices) -> list[Text | str]:
    """Return what became of the signal so far."""
    return _life(record.life, prices)


def _life(life: Life, prices: Prices) -> list[Text | str]:
    word = en.STATES[life.state]
    if life.state is LifeState.OPEN and life.entry_time and life.entry_price is not None:
        line = Text(f"{word} at ", Code(prices.of(life.entry_price)), ", ", clock(life.entry_time))
        hit = life.first_target_at
        return [Text(line, f", {en.FIRST_HIT} ", clock(hit)) if hit else line]
    if life.trade is not None:
        how = en.EXITS.get(life.trade.exit_reason, str(life.trade.exit_reason))
        result = Bold(f"{word} {signed(life.trade.rr)} R {how}")
        return [Text(result, ", ", clock(life.trade.exit_time))]
    if life.missed is not None:
        why = short(life.missed.note or en.EXITS.get(life.missed.reason, ""), SENTENCE)
        at = [", ", clock(life.missed.at)] if life.missed.at else []
        return [Text(Bold(word), f": {why}" if why else "", *at)]
    return [word]


def answer_lines(answer: Answer | None) -> list[Text | str]:
    """Return who answered, when and with which words."""
    if answer is None:
        return []
    said = f": {short(answer.comment, SENTENCE)}" if answer.comment.strip() else ""
    who = f"{en.ANSWERS[answer.choice]} by {short(answer.name, WORD)}, "
    return [Text(Bold(who), day_and_clock(answer.at), said)]


def ticket_lines(record: LiveSignal) -> list[Text | str]:
    """Return why an unanswered ticket can't be taken any more, where that is known."""
    why = short(str(record.extra.get(TICKET_OVER) or ""), SENTENCE)
    return [Text(Bold(f"{en.TICKET_OVER}: "), why)] if why and record.answer is None else []


def _paper(record: LiveSignal, prices: Prices) -> list[Part]:
    if record.paper is None:
        return []
    (line,) = _life(record.paper.life, prices)
    return [Part(_WHY, Text(f"{en.PAPER}: ", line))]


def _why(record: LiveSignal) -> list[Part]:
    """Return how sure the rules, the model and the past are; for a call, why it is one."""
    rules = record.decision.confidence_breakdown.rules
    parts = [Part(_WHY, f"Confidence {rules:.2f}, {_score(record)}")]
    if record.similar is not None:
        parts.append(Part(_CASES, _similar(record.similar)))
    if record.decision.decision is not DecisionKind.APPROVED:
        parts += [Part(_CASES, short(reason, SENTENCE)) for reason in record.decision.reasons[:4]]
    return parts


def _score(record: LiveSignal) -> str:
    """Return the champion's score with its version, or why there is none."""
    if record.ml_score is not None:
        by = f" (model {short(record.model, WORD)})" if record.model else ""
        return f"score {record.ml_score:.2f}{by}"
    if record.model:
        return short(record.model_note, SENTENCE)
    note = short(record.model_note, SENTENCE)
    return f"{note}: {en.RULES_ALONE}" if note else en.NO_MODEL


def _similar(found: Similar) -> str:
    if not found.cases or found.rate is None:
        return en.NO_CASES
    mean = "" if found.mean_r is None else f", {signed(found.mean_r, 2)} R on average"
    return en.similar(found.cases, found.rate, found.se or 0.0) + mean


def _said(extra: Mapping[str, Any]) -> list[Part]:
    """Return what came later: the analyst's text, the journal page, comments."""
    parts = []
    if text := str(extra.get("text") or "").strip():
        head, _, rest = text.partition("\n")
        opinion = Text(Bold(f"{en.ANALYST}: "), short(head, SENTENCE if rest else 3 * SENTENCE))
        parts.append(Part(_CASES if rest else _SAID, opinion))
        parts += [Part(_SAID, short(rest, 3 * SENTENCE))] if rest else []
    if _URL.match(link := str(extra.get("link") or "")):
        parts.append(Part(_LINK, TextLink(en.JOURNAL, url=link)))
    ticked = extra.get(TICK)
    if isinstance(ticked, Mapping) and any(ticked.values()):
        words = str(ticked.get("taken", "")), short(str(ticked.get("note", "")), SENTENCE)
        parts.append(Part(_RECEIPT, en_journal.ticked(*words)))
    notes = [extra[k] for k in sorted(extra) if k.startswith("comment:")]
    for note in notes:
        if isinstance(note, Mapping):
            who, said = short(str(note.get("name", "")), WORD), str(note.get("text", ""))
            parts.append(Part(_RECEIPT, f"{who}: {short(said, SENTENCE)}"))
    return parts


def _ids(record: LiveSignal) -> Text:
    return Text(Code(short(record.signal_id, WORD)), " · ", Code(short(record.run_id, WORD)))


def receipt(record: LiveSignal, sent: AlertSent | None) -> str:
    """Return how long each step took in seconds, from the bar's close to Telegram's yes."""
    r = record.receipt
    steps: list[tuple[str, datetime | None]] = [
        ("data", r.data_at), ("found", r.detected_at), ("decided", r.decided_at),
        ("chart", r.drawn_at), ("Telegram", sent.accepted_at if sent else None),
    ]  # fmt: skip
    words, before = ["close"], r.closed_at
    for name, at in steps:
        if at is not None:
            words.append(f"{name} {max(at - before, _NOTHING).total_seconds():.1f}")
            before = at
        elif name == "chart":
            words.append(en.NO_CHART)
    return " → ".join(words) + " s"


def _trace(record: LiveSignal, prices: Prices) -> list[Part]:
    steps = record.signal.trace
    return [Part(_TRACE, _step(n, step, prices), folded=True) for n, step in enumerate(steps, 1)]


def _step(number: int, step: TraceStep, prices: Prices) -> Text:
    name = short(step.note or step.step.replace("_", " "), WORD)
    low, high = prices.of(step.price_low), prices.of(step.price_high)
    price = low if low == high else f"{low}–{high}"
    values = ", ".join(_figures(step, prices, {low, high}))
    return Text(
        f"{number} ", clock(step.known_at), f" {name}: {price}", f" ({values})" if values else ""
    )


def _figures(step: TraceStep, prices: Prices, shown: set[str]) -> list[str]:
    """Return the first numbers of a step that say something new; what is near a price is one."""
    told = []
    for name, value in step.values.items():
        if isinstance(value, str | None) or name.endswith("side") or not value:
            continue
        near = abs(value - step.price_low) < _NEAR * abs(step.price_low)
        words = prices.of(value) if near else f"{round(value, 2):g}"
        if words not in shown:
            told.append(f"{short(name.replace('_', ' '), WORD)} {words}")
    return told[:_FIGURES]


def in_place(record: LiveSignal) -> str:
    """Return the line that a chat gets in the place of an alert that may not have arrived."""
    s = record.signal
    what = f"{s.symbol} {s.tf.value} {s.setup_id} {s.side.value}"
    return en.in_place(what, f"{s.known_at:%Y-%m-%d %H:%M} UTC", record.signal_id)
