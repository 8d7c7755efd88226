"""The catalogue of tools, for chat and command line: the list, one tool, its picture.

What it is made of loads compiled kernels and the charts, so it is computed in a computing
process; see `flows.backtest_compute`.
"""

from collections.abc import Sequence

from flows.services import Services
from pipeline.command_words import closest_words, squeeze
from pipeline.domain.errors import BadRequestError
from pipeline.domain.tool_card import ToolCard


def compute_cards() -> list[ToolCard]:
    """Return every tool's card, by name."""
    from pipeline.catalogue.cards import cards  # noqa: PLC0415  (see the module)

    return cards()


def draw_tool(name: str, *, theme: str) -> bytes:
    """Return the PNG of a tool at work on its hand-made bars."""
    from pipeline.render.specimen import specimen_chart  # noqa: PLC0415  (see the module)

    png: bytes = specimen_chart(name, theme=theme).png
    return png


async def tool_cards(services: Services) -> list[ToolCard]:
    """Return every tool's card, by name."""
    return await services.cpu.run(compute_cards)


async def tool_picture(name: str, services: Services) -> bytes:
    """Return the PNG of a tool at work on its hand-made bars, 1080×1350."""
    return await services.cpu.run(draw_tool, name, theme=services.settings.chart_theme)


def tool_named(word: str, cards: Sequence[ToolCard]) -> ToolCard:
    """Return the tool that a word means: its name, another name for it, or an event of its.

    Case, dashes, underscores and blanks don't matter. An event that several tools give means
    none of them.

    Raises
    ------
    BadRequestError
        No tool is meant; `closest` names those that are near.
    """
    key = _key(word)
    for named in (lambda c: (c.name, c.title), lambda c: c.also, lambda c: dict(c.events)):
        meant = [card for card in cards if key in map(_key, named(card))]
        if len(meant) == 1:
            return meant[0]
    closest = _closest(word, cards)
    hint = f": did you mean {closest[0]}?" if closest else "."
    raise BadRequestError(
        f"unknown tool '{word}'{hint}", field="tool", value=word, closest=closest
    )


def _closest(word: str, cards: Sequence[ToolCard]) -> tuple[str, ...]:
    """Return the names of the tools nearest to a word, those that give or are called it first."""
    key = _key(word)
    givers = [c.name for c in cards if key in (*map(_key, dict(c.events)), *map(_key, c.also))]
    names = {name: card.name for card in cards for name in (card.name, *card.also)}
    alike = [names[near] for near in closest_words(word, tuple(names), 5)]
    return tuple(dict.fromkeys([*givers, *alike]))[:5]


def _key(word: str) -> str:
    return squeeze(word).replace(" ", "")
