"""`scout tools`: the catalogue of detectors, and one of them in words and as a picture."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from flows.catalogue import tool_cards, tool_named, tool_picture
from flows.cli_app import app, run_command, say
from flows.services import Services
from pipeline.domain.errors import RequestError
from pipeline.domain.tool_card import ToolCard


@app.command()
def tools(
    name: Annotated[str | None, typer.Argument(help="show this one")] = None,
    picture: Annotated[Path | None, typer.Option(help="write its picture (PNG) there")] = None,
) -> None:
    """List the tools that setups are made of, or tell one in words."""
    run_command(lambda services: _tools(name, picture, services))


async def _tools(name: str | None, picture: Path | None, services: Services) -> int:
    cards = await tool_cards(services)
    if name is None:
        return say(tool_lines(cards))
    card = tool_named(name, cards)
    if picture is not None:
        png = await tool_picture(card.name, services)
        try:
            await asyncio.to_thread(picture.write_bytes, png)
        except OSError as error:
            raise RequestError(f"{picture} can't be written: {error.strerror}.") from error
    return say(tool_detail(card))


def tool_lines(cards: Sequence[ToolCard]) -> list[str]:
    """Return the tools, one line each."""
    return [f"{card.name:<20} {card.title}" for card in cards]


def tool_detail(card: ToolCard) -> list[str]:
    """Return all that is known of one tool."""
    lines = [f"{card.name} · {card.title}", card.about]
    lines += [f"Also called: {', '.join(card.also)}"] if card.also else []
    lines += ["", "Gives:"]
    lines += [f"  {word:<16} {meaning}" for word, meaning in card.events]
    lines += [] if card.events else [f"  a series, one value a bar: {card.unit}"]
    lines += ["", "Needs:"]
    lines += [f"  {name:<16} {served}" for name, served in card.inputs] or ["  nothing but bars"]
    lines += ["", "Parameters:"]
    for p in card.parameters:
        allowed = f" ({p.allowed})" if p.allowed else ""
        lines.append(f"  {p.name:<16} {p.default:<16} {p.meaning}{allowed}")
    lines += [] if card.parameters else ["  none"]
    return [*lines, "", f"Convention: {card.source}"]
