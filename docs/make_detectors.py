"""Writes docs/detectors.md's table and pictures from the registry: run it after a change."""  # noqa: INP001

from pathlib import Path

from pipeline.catalogue.cards import cards
from pipeline.domain.tool_card import ToolCard, ToolParameter
from pipeline.render.specimen import specimen_chart

PAGE = Path(__file__).with_name("detectors.md")
PICTURES = Path(__file__).with_name("pictures")
BEGIN, END = "<!-- made by docs/make_detectors.py -->", "<!-- end -->"


def table() -> str:
    """Return the chapter of every detector, by name."""
    return "\n".join(_chapter(card) for card in cards())


def _chapter(card: ToolCard) -> str:
    inputs = ", ".join(f"`{name}` ({served})" for name, served in card.inputs) or "nothing"
    lines = [
        f"### {card.name}: {card.title.lower()}",
        "",
        card.about,
        "",
        f"![{card.title}, as the detector sees it on hand-made bars]({_file(card.name)})",
        "",
        *_gives(card),
        "",
        f"Needs: {inputs}. Convention: {card.source}.",
        "",
        *_parameters(card.parameters),
    ]
    return "\n".join(lines)


def _file(name: str) -> str:
    return f"pictures/tool_{name}.png"


def _gives(card: ToolCard) -> list[str]:
    if not card.events:
        return [f"Gives: a series, one value a bar: {card.unit}."]
    return ["Gives:", "", *(f"- `{word}`: {meaning}" for word, meaning in card.events)]


def _parameters(parameters: tuple[ToolParameter, ...]) -> list[str]:
    if not parameters:
        return ["No parameters.", ""]
    rows = [_row(parameter) for parameter in parameters]
    return ["| parameter | default | meaning and unit | allowed |", "|---|---|---|---|", *rows, ""]


def _row(parameter: ToolParameter) -> str:
    default = "none" if parameter.default == "none" else f"`{parameter.default}`"
    return f"| `{parameter.name}` | {default} | {parameter.meaning} | {parameter.allowed} |"


def renewed(page: str) -> str:
    """Return the page with its table made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n{END}{after}"


def pictures() -> dict[Path, bytes]:
    """Return every detector's picture by the file it belongs in."""
    return {PAGE.parent / _file(card.name): specimen_chart(card.name).png for card in cards()}


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    for path, png in pictures().items():
        path.write_bytes(png)
