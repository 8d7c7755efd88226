"""Writes the table in docs/detectors.md from the registry: run it after a detector has changed."""  # noqa: INP001

from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipeline.detectors import Detector, all_detectors

PAGE = Path(__file__).with_name("detectors.md")
BEGIN, END = "<!-- made by docs/make_detectors.py -->", "<!-- end -->"


def table() -> str:
    """Return the chapter of every detector, by name."""
    return "\n".join(_chapter(detector) for detector in all_detectors())


def _chapter(detector: Detector) -> str:
    gives = ", ".join(f"`{word}`" for word in detector.gives) or "a series: one value a bar"
    inputs = ", ".join(f"`{word}`" for word in detector.inputs) or "nothing"
    source = detector.source
    lines = [
        f"### {detector.name}: {detector.title.lower()}",
        "",
        f"Gives: {gives}. Needs: {inputs}. Convention: {source}.",
        "",
        *_parameters(detector.parameters),
    ]
    return "\n".join(lines)


def _parameters(model: type[BaseModel]) -> list[str]:
    if not model.model_fields:
        return ["No parameters.", ""]
    rows = [_row(name, field) for name, field in model.model_fields.items()]
    return ["| parameter | default | meaning and unit |", "|---|---|---|", *rows, ""]


def _row(name: str, field: FieldInfo) -> str:
    default = "none" if field.default is None else f"`{field.default}`"
    return f"| `{name}` | {default} | {field.description} |"


def renewed(page: str) -> str:
    """Return the page with its table made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
