"""How a digest reads: every alert that was held back, in short, with a button for the first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiogram.utils.formatting import Bold, Code, Text, as_list

from bot import keyboards_alert
from bot.caption import day_and_clock, short
from bot.layout import MESSAGE_LIMIT, View, fit, units
from bot.texts import en_alert as en
from bot.ticket_words import Prices
from bot.views_alert import WORD, answer_lines, headline, state_lines, what
from pipeline.domain.live import LiveSignal
from pipeline.domain.market import Instrument

PAGE: Final = 12
"""Signals of one message: more entities than it may carry would be the alternative."""
BUTTONS: Final = 8
_ROOM: Final = 200  # code units for the title and the last line


@dataclass(frozen=True)
class Row:
    """One held signal; `record` None: nothing is kept of it but its id."""

    signal_id: str
    record: LiveSignal | None
    thing: Instrument | None


def page(
    rows: Sequence[Row], held: Mapping[str, str], *, first: int, total: int
) -> tuple[View, int]:
    """Return the next message of a digest and how many signals it lists, one at least.

    Parameters
    ----------
    rows
        What is still to be listed, in order; not empty.
    held
        Signal id -> why it was held.
    first, total
        The number of the first of them, and of all in the digest.
    """
    listed: list[Text] = []
    room = MESSAGE_LIMIT - _ROOM
    for row in rows[:PAGE]:
        item = _item(row, held.get(row.signal_id, ""))
        room -= units(item.render(_collect_entities=False)[0]) + 2
        if listed and room < 0:
            break
        listed.append(item)
    quiet = "quiet" in {held.get(row.signal_id) for row in rows}
    title = Bold(en.DIGEST if quiet else en.DIGEST_LIMITS)
    count = en.digest_count(first, first + len(listed) - 1, total)
    body = as_list(Text(title, f", {count}"), *listed, en.DIGEST_MORE, sep="\n\n")
    ids = [row.signal_id for row in rows[: len(listed)] if row.record is not None]
    return fit(body, keyboards_alert.shows(ids[:BUTTONS])), len(listed)


def _item(row: Row, why: str) -> Text:
    record = row.record
    name = Code(short(row.signal_id, WORD))
    if record is None:
        return Text(name)
    prices = Prices(record.signal, record.plan, row.thing)
    ticket = " · ".join(f"{word} {price}" for word, price in prices.to_copy())
    held = f" · {en.HELD.get(why, short(why, WORD))}" if why else ""
    return as_list(
        Text(day_and_clock(record.signal.known_at), f" · {headline(record)}", held),
        what(record),
        ticket,
        *state_lines(record, prices),
        *answer_lines(record.answer),
        name,
    )
