"""How the catalogue of tools reads in the chat."""

from collections.abc import Sequence

from aiogram.types import InlineKeyboardMarkup
from aiogram.utils.formatting import Bold, Code, Text, as_list

from bot.keyboards import ToolCb, button, rows
from bot.layout import CAPTION_LIMIT, View, fit
from bot.texts import en, en_tools
from pipeline.domain.tool_card import ToolCard, ToolParameter

Lines = list[Text | str]
_WIDE = 2  # buttons in a row


def tools(cards: Sequence[ToolCard]) -> View:
    """Return the list of all tools with a button for each."""
    lines: Lines = [Bold(en_tools.TITLE)]
    lines += [Text(Code(card.name), f": {card.title}") for card in cards]
    return fit(as_list(*lines, "", en_tools.MORE), _buttons([card.name for card in cards]))


def no_tool(text: str, near: Sequence[str], reference: str) -> View:
    """Return that there is no such tool, with the nearest ones as buttons."""
    hint = [] if near else [en_tools.LIST]
    body = as_list(en.sentence(text), *hint, Text(en.reference(""), Code(reference)))
    return fit(body, _buttons(near))


def tool(card: ToolCard) -> View:
    """Return all that is known of one tool."""
    lines: Lines = [Text(Bold(card.title), ", ", Code(card.name)), card.about]
    if card.also:
        lines.append(f"{en_tools.ALSO}: {', '.join(card.also)}")
    lines += ["", Bold(en_tools.GIVES)]
    lines += [Text(Code(word), f": {meaning}") for word, meaning in card.events]
    if not card.events:
        lines.append(f"{en_tools.SERIES}: {card.unit}")
    lines += ["", Bold(en_tools.NEEDS)]
    lines += [Text(Code(name), f": {served}") for name, served in card.inputs]
    lines += [] if card.inputs else [en_tools.NOTHING_NEEDED]
    lines += ["", Bold(en_tools.PARAMETERS)]
    lines += [_parameter(p) for p in card.parameters] or [en_tools.NO_PARAMETERS]
    lines += ["", Bold(en_tools.CONVENTION), card.source]
    return fit(as_list(*lines))


def _parameter(parameter: ToolParameter) -> Text:
    allowed = f" ({parameter.allowed})" if parameter.allowed else ""
    return Text(Code(f"{parameter.name}: {parameter.default}"), f"  {parameter.meaning}{allowed}")


def caption(card: ToolCard) -> View:
    """Return the caption of a tool's picture."""
    return fit(Text(en_tools.caption(card.title)), limit=CAPTION_LIMIT)


def _buttons(names: Sequence[str]) -> InlineKeyboardMarkup | None:
    found = [button(name, ToolCb(name=name)) for name in names]
    return rows(*(found[i : i + _WIDE] for i in range(0, len(found), _WIDE)))
