"""`scout setups`: the list, one in words, and `scout setups check FILE`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from flows import cli_views as views
from flows.cli_app import actor, app, run_command, say
from flows.services import Services
from flows.setup_check import add_setup, added_words, check_setup, text_of_file
from flows.setup_check_text import check_lines
from pipeline.domain.errors import RequestError

CHECK = "check"


@app.command()
def setups(
    setup_id: Annotated[
        str | None, typer.Argument(help="show this one; or the word check")
    ] = None,
    file: Annotated[Path | None, typer.Argument(help="with check: the setup file")] = None,
    *,
    add: Annotated[bool, typer.Option(help="with check: take it into the library")] = False,
    reason: Annotated[str, typer.Option(help="with --add: why; default: the file's own")] = "",
    pictures: Annotated[
        Path | None, typer.Option(help="with check: folder its pictures are written to")
    ] = None,
) -> None:
    """List the active setups, tell one in words, or check a file: scout setups check FILE."""
    if setup_id == CHECK:
        run_command(lambda services: _check(file, services, add=add, reason=reason, to=pictures))
    run_command(lambda services: _show(setup_id, services))


async def _show(setup_id: str | None, services: Services) -> int:
    if setup_id is None:
        found, problems = await services.setups.active(), await services.setups.problems()
        return say(views.setup_lines(found, problems))
    spec = await services.setups.get(setup_id)
    return say(views.setup_detail(spec, await services.setups.versions(setup_id)))


async def _check(
    file: Path | None, services: Services, *, add: bool, reason: str, to: Path | None
) -> int:
    if file is None:
        raise RequestError("Which file? scout setups check FILE")
    try:
        data = await asyncio.to_thread(file.read_bytes)
    except OSError as error:
        raise RequestError(f"{file} can't be read: {error.strerror}.") from error
    text = text_of_file(data, file.name)
    checked = await check_setup(text, file.name, actor(), services)
    say(check_lines(checked))
    if to is not None and checked.tried is not None:
        pictures = [("funnel", checked.tried.funnel)]
        pictures += [(f"example_{n}", png) for n, (png, _) in enumerate(checked.tried.charts, 1)]
        await asyncio.to_thread(_write, to, pictures)
    if not add:
        return say([f"Nothing was written. --add takes it in as v{checked.version}."]
                   if checked.may_be_added else [])  # fmt: skip
    if not checked.may_be_added:
        raise RequestError("There is nothing to add.")
    return say(added_words(await add_setup(text, file.name, actor(), services, reason)))


def _write(folder: Path, pictures: list[tuple[str, bytes]]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, png in pictures:
            (folder / f"{name}.png").write_bytes(png)
    except OSError as error:
        raise RequestError(f"{folder} can't be written: {error.strerror}.") from error
