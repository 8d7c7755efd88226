"""How everything about one signal reads in the chat."""

from collections.abc import Sequence

from aiogram.types import BufferedInputFile, InlineKeyboardMarkup, InputMediaPhoto
from aiogram.utils.formatting import Bold, ExpandableBlockQuote, Text, as_list

from bot.keyboards import button, rows
from bot.keyboards_alert import InspectCb
from bot.layout import CAPTION_LIMIT, View, fit
from bot.texts import en_inspect as en
from flows.inspecting import Inspected, NearPicture
from flows.inspecting_text import case_line, headline, sections
from pipeline.domain.errors import BadRequestError
from pipeline.domain.live import LiveSignal

Lines = list[Text | str]


def everything(found: Inspected) -> View:
    """Return all that is known of a signal in words; long lists are folded."""
    lines: Lines = [Bold(headline(found))]
    for section in sections(found):
        body = as_list(*section.lines)
        lines += ["", Bold(section.title), ExpandableBlockQuote(body) if section.long else body]
    return fit(as_list(*lines))


def longer(found: Inspected) -> View:
    """Return the caption of the chart on longer bars."""
    return fit(Text(f"{headline(found)}: {en.LONGER}"), limit=CAPTION_LIMIT)


def album(found: Inspected, drawn: Sequence[NearPicture]) -> list[InputMediaPhoto]:
    """Return the pictures that there are, each with its case in a line."""
    return [
        InputMediaPhoto(
            media=BufferedInputFile(item.png, f"case_{number}.png"),
            caption=_case(number, item, found),
            parse_mode=None,
        )
        for number, item in enumerate(drawn, start=1)
        if item.png is not None
    ]


def near(found: Inspected, drawn: Sequence[NearPicture]) -> View:
    """Return the past cases in words, one line each."""
    if not drawn:
        return fit(Text(en.NO_NEAR))
    lines = [
        _case(n, item, found) + ("" if item.png else f", {en.NO_PICTURE}")
        for n, item in enumerate(drawn, start=1)
    ]
    return fit(as_list(Bold(en.NEAR), *lines))


def newest(records: Sequence[LiveSignal]) -> View:
    """Return the newest signals with a button for each."""
    if not records:
        return fit(Text(en.NO_SIGNALS))
    return fit(Text(en.NEWEST), _buttons([(r.signal_id, _short(r)) for r in records]))


def refused(error: BadRequestError) -> View:
    """Return that there is no such signal, with the nearest as buttons."""
    return fit(Text(error.user_text), _buttons([(sid, sid) for sid in error.closest]))


def _case(number: int, item: NearPicture, found: Inspected) -> str:
    case = item.near.case
    line = case_line(number, case.signal, case.trade.rr, case.trade.exit_reason, found.zone)
    return f"{line} ({item.near.distance:.2f})"


def _short(record: LiveSignal) -> str:
    s = record.signal
    at = f"{s.known_at:%m-%d %H:%M}"
    return f"{record.signal_id} {s.symbol} {s.tf} {s.side} {at}"


def _buttons(found: Sequence[tuple[str, str]]) -> InlineKeyboardMarkup | None:
    return rows(*([button(text[:60], InspectCb(signal_id=sid))] for sid, text in found))
