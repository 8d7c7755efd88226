"""Captions: fitted by rank, what matters least goes first; and the small words in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aiogram.types import InlineKeyboardMarkup
from aiogram.utils.formatting import DateTime, ExpandableBlockQuote, Text, as_list

from bot.layout import CAPTION_LIMIT, View, fit, units


@dataclass(frozen=True)
class Part:
    """One line of a caption.

    Parameters
    ----------
    rank
        0 always stays; of the others the highest go first, and of the same rank the last.
    folded
        Whether it belongs into the folded quote; these stand together.
    """

    rank: int
    body: Text | str
    folded: bool = False


def ranked(
    parts: Sequence[Part],
    keyboard: InlineKeyboardMarkup | None = None,
    *,
    limit: int = CAPTION_LIMIT,
    more: str = "",
) -> View:
    """Return the lines that fit into `limit` code units, in the order given.

    Parameters
    ----------
    more
        Said at the end of the quote if lines of it are missing; `{n}` is how many.
    """
    sizes = [units(_text(part.body)) + 1 for part in parts]
    spare = sum(sizes) - 1 - limit
    room = units(more) + 8 if more else 0
    gone: set[int] = set()
    order = sorted(range(len(parts)), key=lambda i: (-parts[i].rank, -i))
    for i in order:
        missing = room if any(parts[j].folded for j in gone) else 0
        if spare + missing <= 0 or parts[i].rank == 0:
            break
        gone.add(i)
        spare -= sizes[i]
    return fit(_body(parts, gone, more), keyboard, limit)


def _body(parts: Sequence[Part], gone: set[int], more: str) -> Text:
    lines: list[Text | str] = []
    folded: list[Text | str] = []
    for i, part in enumerate(parts):
        if i not in gone:
            (folded if part.folded else lines).append(part.body)
    missing = sum(parts[i].folded for i in gone)
    if folded and missing and more:
        folded.append(more.format(n=missing))
    if folded:
        lines.append(ExpandableBlockQuote(as_list(*folded)))
    return as_list(*lines) if lines else Text()


def _text(body: Text | str) -> str:
    return body if isinstance(body, str) else body.render(_collect_entities=False)[0]


def clock(at: datetime) -> Text:
    """Return a clock time that each reader sees in their own zone; as text it is UTC."""
    return DateTime(f"{at:%H:%M} UTC", unix_time=at, date_time_format="t")


def day_and_clock(at: datetime) -> Text:
    """Return day and time, short, that each reader sees in their own zone; as text it is UTC."""
    return DateTime(f"{at:%Y-%m-%d %H:%M} UTC", unix_time=at, date_time_format="dt")


def short(text: str, most: int) -> str:
    """Return one line of `most` characters at the most."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def signed(value: float, decimals: int = 1) -> str:
    """Return a number with its sign, a true minus; zero has none."""
    words = f"{abs(value):.{decimals}f}"
    if not any(c in "123456789" for c in words):
        return words
    return f"+{words}" if value > 0 else f"−{words}"
