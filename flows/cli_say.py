"""Plain words on the command line: what they are read as, and the run they ask for."""

import sys
from typing import Annotated

import typer

from flows.cli_app import BAD_REQUEST, FREE_WORDS, actor, app, run_command
from flows.cli_runs import launch_text
from flows.plain_words import Reading, read_sentence
from flows.services import Services


@app.command(name="say", context_settings=FREE_WORDS)
def say_words(
    words: Annotated[list[str], typer.Argument(help="what you want, in English or Russian")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="run it without asking")] = False,
) -> None:
    """Read plain words as a command: scout say test the Frankfurt raid on DAX last summer, M5."""
    run_command(lambda services: _say(" ".join(words), services, yes=yes))


async def _say(text: str, services: Services, *, yes: bool) -> int:
    reading = await read_sentence(text, actor(), services)
    for line in _lines(reading):
        print(line)  # noqa: T201
    if reading is None or reading.understood.choices:
        return BAD_REQUEST
    if reading.problem is not None:
        print(reading.problem.user_text, file=sys.stderr)  # noqa: T201
        return BAD_REQUEST
    if reading.understood.kind != "run" or not (yes or _wanted()):
        return 0
    return await launch_text(reading.understood.command, services, wait=True)


def _lines(reading: Reading | None) -> list[str]:
    if reading is None:
        return ["I recognise nothing in this. scout --help lists what there is."]
    found = reading.understood
    lines = list(found.choices) or [found.command]
    lines += [f"  {taken.kind}: {taken.words!r} -> {taken.meaning}" for taken in found.taken]
    lines += ["  read by the analyst"] * found.by_analyst
    lines += [f"  without the analyst: {reading.note}"] if reading.note else []
    return [*lines, f"  not understood: {', '.join(found.unread)}"] if found.unread else lines


def _wanted() -> bool:
    return sys.stdin.isatty() and typer.confirm("Run it?")
